package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/nixgen"
)

// Flake writes the text of the project's flake.nix.
func (w *Workspace) Flake(ctx context.Context, to io.Writer) error {
	if err := w.Valid(ctx); err != nil {
		return err
	}
	return w.flake(ctx, to, w.Manifest, w.Resolve(ctx))
}

func (w *Workspace) flake(ctx context.Context, to io.Writer, m *manifest.Manifest, files *manifest.Files) error {
	opts, err := w.flakeOptions(ctx, m)
	if err != nil {
		return err
	}
	return nixgen.Flake(to, m, files, opts)
}

func (w *Workspace) flakeOptions(ctx context.Context, m *manifest.Manifest) (nixgen.Options, error) {
	opts := nixgen.Options{Version: Version, External: map[string]map[string]string{}}
	for _, in := range m.External {
		dirs := map[string]string{}
		for _, b := range in.Buckets {
			if dir := os.Getenv(b.Env.Value); dir != "" {
				dirs[b.Name.Value] = dir
			}
		}
		opts.External[in.Name.Value] = dirs
	}
	if m.Nixpkgs.Value == hostRef {
		host, err := w.host(ctx)
		if err != nil {
			return opts, err
		}
		opts.NixpkgsURL = "path:" + host.Dir
	}
	return opts, nil
}

// Generate writes flake.nix for the project and for the projects it depends
// on, each only if its text changed.
func (w *Workspace) Generate(ctx context.Context) error {
	if err := w.Valid(ctx); err != nil {
		return err
	}
	var written []string
	for _, p := range w.projects(ctx) {
		if found := p.files.Diagnostics(); hasErrors(found) {
			return &InvalidError{Diagnostics: found, Manifest: p.Manifest}
		}
		var text strings.Builder
		if err := w.flake(ctx, &text, p.Manifest, p.files); err != nil {
			return err
		}
		file := filepath.Join(p.Dir, "flake.nix")
		changed, err := writeIfChanged(file, text.String())
		if err != nil {
			return unwritable(file, err)
		}
		if changed {
			written = append(written, file)
		}
	}
	if len(written) > 0 && inGit(w.Dir()) {
		fmt.Fprintln(w.opts.Notes, "[rigx] regenerated flake.nix — commit when stable so future runs reuse the same lock.")
	}
	return nil
}

// writeIfChanged replaces a file in one step, so that a reader or a kill sees
// the old text or the new one, never a part.
func writeIfChanged(file, text string) (bool, error) {
	if old, err := os.ReadFile(file); err == nil && string(old) == text {
		return false, nil
	}
	return true, writeDerived(file, text)
}

// inGit reports whether dir lies in a git work tree, without starting git.
func inGit(dir string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		dir = up
	}
}

// checkExternal verifies the external inputs that the selected targets need:
// all that are not lazy, and the lazy ones of those targets and what they
// depend on. Of the projects that they depend on, it verifies those that are not lazy.
func (w *Workspace) checkExternal(selected []Selected) error {
	needed := map[string]bool{}
	others := map[*manifest.Manifest]bool{}
	use := func(name string) {
		if dep, _, ok := w.Manifest.LocalTarget(name); ok && dep.Manifest != nil {
			for _, m := range dep.Manifest.Projects() {
				others[m] = true
			}
		}
	}
	for _, s := range selected {
		if s.Unit.Target == nil {
			use(s.Attr)
		}
	}
	for _, t := range w.reached(selected) {
		for i := range t.Edges {
			switch e := &t.Edges[i]; e.Kind {
			case manifest.ToExternal:
				needed[e.Name] = true
			case manifest.ToLocal:
				use(e.Name)
			}
		}
	}
	for _, m := range w.Manifest.Projects() {
		var ds diagnostic.List
		for _, in := range m.External {
			if m == w.Manifest && (!in.Lazy || needed[in.Name.Value]) || others[m] && !in.Lazy {
				checkInput(in, &ds)
			}
		}
		if hasErrors(ds.All()) {
			return &InvalidError{Diagnostics: ds.All(), Manifest: m}
		}
		for _, d := range ds.All() {
			if !w.warned[d.Message] {
				w.warned[d.Message] = true
				fmt.Fprintln(w.opts.Notes, "[rigx] WARN: "+d.Message)
			}
		}
	}
	return nil
}

func checkInput(in *manifest.ExternalInput, ds *diagnostic.List) {
	dirs := map[string]string{}
	for _, b := range in.Buckets {
		dir := os.Getenv(b.Env.Value)
		switch info, err := os.Stat(dir); {
		case dir == "":
			d := ds.Add(diagnostic.ExternalUnset, b.Env.At, "the environment variable "+b.Env.Value+" of the external input `"+in.Name.Value+"` is not set")
			d.Help = []string{"export " + b.Env.Value + "=/absolute/path"}
		case !filepath.IsAbs(dir):
			ds.Add(diagnostic.ExternalMissing, b.Env.At, b.Env.Value+"="+dir+" is not an absolute path")
		case err != nil || !info.IsDir():
			ds.Add(diagnostic.ExternalMissing, b.Env.At, b.Env.Value+"="+dir+" is not a directory")
		default:
			dirs[b.Name.Value] = dir
			if b.Hash.Value == "" {
				ds.Add(diagnostic.UnpinnedExternal, b.Name.At, "the external input `"+in.Name.Value+"` has no sha256 for its bucket `"+b.Name.Value+"`; a change of "+dir+" will go unnoticed elsewhere")
			}
		}
	}
	for _, f := range in.RequireFiles {
		i := strings.LastIndexByte(f.Value, '@')
		dir, ok := dirs[f.Value[i+1:]]
		if !ok {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, f.Value[:i])); err != nil {
			ds.Add(diagnostic.ExternalMissing, f.At, "there is no "+f.Value[:i]+" in "+dir)
		}
	}
}

// reached lists the targets that the selected ones depend on, with themselves.
func (w *Workspace) reached(selected []Selected) []*manifest.Target {
	var roots []*manifest.Target
	for _, s := range selected {
		if s.Unit.Target != nil {
			roots = append(roots, s.Unit.Target)
		}
	}
	var out []*manifest.Target
	for _, n := range w.Manifest.Graph(roots).Nodes {
		if n.Target != nil {
			out = append(out, n.Target)
		}
	}
	return out
}
