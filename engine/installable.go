package engine

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/nixgen"
)

// Installable reports whether a name from the command line is one of Nix's own,
// such as nixpkgs#hello, github:owner/repo#app or a store path, and no target.
// `.#name` is the project's own target.
func (w *Workspace) Installable(name string) bool {
	if strings.HasPrefix(name, ".#") || w.Manifest.Target(name) != nil {
		return false
	}
	return nix.InStore(name) || strings.Contains(name, "#")
}

// ownName is the name of a target without what Nix writes around it: ".#hello",
// "hello^out" and "hello^*" are hello, whose derivation has one output. A target may be
// called anything, though.
func (w *Workspace) ownName(name string) (string, error) {
	if w.Manifest.Target(name) != nil {
		return name, nil
	}
	name = strings.TrimPrefix(name, ".#")
	base, outputs, ok := strings.Cut(name, "^")
	if !ok {
		return name, nil
	}
	for _, output := range strings.Split(outputs, ",") {
		if output != "out" && output != "*" {
			return "", &Error{Code: diagnostic.UnknownTarget, Message: "`" + base + "` has no output `" + output + "`", Help: []string{"what rigx builds has one output, `out`"}}
		}
	}
	return base, nil
}

// BuildInstallables hands names to Nix, with the inputs that the project pins,
// and links what comes out below output/.
func (w *Workspace) BuildInstallables(ctx context.Context, refs []string, opts BuildOptions) ([]Result, error) {
	in, err := w.inputs(ctx)
	if err != nil {
		return nil, err
	}
	w.opts.Nix.Cache = opts.CopyFrom
	n, err := w.nix(ctx, in)
	if err != nil {
		return nil, err
	}
	inputs, err := w.skeleton(ctx)
	if err != nil {
		return nil, err
	}
	named := maps.Clone(in.Overrides)
	if nixgen.IsRelative(w.ref()) {
		named["nixpkgs"] = filepath.Join(w.Dir(), filepath.FromSlash(w.ref()))
	}
	s := &session{w: w, nix: n, in: in}
	results := make([]Result, len(refs))
	for i, ref := range refs {
		r := &results[i]
		r.Attr = linkName(ref)
		r.outputs, err = n.BuildInstallable(ctx, nix.InstallableRequest{Ref: ref, Inputs: inputs, Overrides: named})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			r.Err = &Error{Code: diagnostic.NixFailed, Message: "Nix cannot build it", Err: err}
			continue
		}
		r.Output = r.outputs["out"]
		for _, path := range r.outputs {
			if r.Output == "" {
				r.Output = path
			}
		}
		if r.Output == "" {
			r.Err = errors.New("it has no output")
			continue
		}
	}
	if !opts.Trial {
		s.link(ctx, results)
	}
	s.share(ctx, results, opts)
	return results, nil
}

// linkName is what the link to an installable is called.
func linkName(ref string) string {
	if nix.InStore(ref) {
		path, _, _ := strings.Cut(ref, "^")
		return nix.PathName(strings.TrimSuffix(path, ".drv"))
	}
	_, attr, _ := strings.Cut(ref, "#")
	attr, _, _ = strings.Cut(attr, "^")
	if attr == "" {
		attr = "default"
	}
	return strings.NewReplacer("/", "_", `"`, "").Replace(attr)
}
