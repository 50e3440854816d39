package engine

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/testbed/control"
)

type scriptIO struct {
	In       io.Reader
	Out, Err io.Writer
	Args     []string

	// control serves the script, if it could be started, and env says where.
	control *control.Server
	env     []string
}

// Run executes a script or testbed target on the host, in the project's
// directory, with the tools of deps.nixpkgs on PATH. It returns the exit
// status of the script.
func (w *Workspace) Run(ctx context.Context, name string, args []string, in io.Reader, out, errOut io.Writer) (int, error) {
	t := w.Manifest.Target(name)
	if t == nil {
		return 2, unknownTarget(name, w.Manifest)
	}
	if !schema.OnHost.Has(t.Kind) {
		e := failure(diagnostic.NotBuildable, "`%s` is a %s target, which is not run", name, t.Kind)
		verb := "build"
		if t.Kind == schema.Test {
			verb = "test"
		}
		e.Help = []string{"use `rigx " + verb + " " + name + "`"}
		return 2, e
	}
	s, err := w.prepareScript(ctx, t)
	if err != nil {
		return 2, err
	}
	return s.controlled(ctx, t, scriptIO{In: in, Out: out, Err: errOut, Args: args})
}

// prepareScript needs Nix only for scripts that use something from it: a plain
// script runs on a machine without Nix, and writes no flake.nix.
func (w *Workspace) prepareScript(ctx context.Context, t *manifest.Target) (*session, error) {
	if len(t.Edges) > 0 {
		return w.prepare(ctx, selectedOf([]*manifest.Target{t}))
	}
	if err := w.Valid(ctx); err != nil {
		return nil, err
	}
	return &session{w: w}, nil
}

// prepareTools prepares for the use of nixpkgs alone.
func (w *Workspace) prepareTools(ctx context.Context) (*session, error) {
	if ds := w.Manifest.Diagnostics(); hasErrors(ds) {
		return nil, &InvalidError{Diagnostics: ds, Manifest: w.Manifest}
	}
	in, err := w.inputs(ctx)
	if err != nil {
		return nil, err
	}
	n, err := w.nix(ctx, in)
	if err != nil {
		return nil, err
	}
	return &session{w: w, nix: n, in: in}, w.ensureLocked(ctx, n, in)
}

// script builds what a host script depends on and runs it.
func (s *session) script(ctx context.Context, t *manifest.Target, std scriptIO) (int, error) {
	paths := map[manifest.Unit]string{}
	var deps []Selected
	for _, e := range t.Edges {
		switch e.Kind {
		case manifest.ToTarget:
			deps = append(deps, Selected{e.Unit.Attr(), e.Unit})
		case manifest.ToLocal:
			deps = append(deps, Selected{Attr: e.Name})
		}
	}
	byAttr := map[string]string{}
	if len(deps) > 0 {
		results, err := s.build(ctx, deps, BuildOptions{})
		if err != nil {
			return 1, err
		}
		for i := range results {
			if results[i].Err != nil {
				return 1, &Error{Code: diagnostic.NixFailed, Message: "`" + t.Name + "` needs `" + deps[i].Attr + "`, which failed", Err: results[i].Err}
			}
			paths[deps[i].Unit] = results[i].Output
			byAttr[deps[i].Attr] = results[i].Output
			// Host scripts reach into output/ as well as into ${dep}.
			if err := s.link(ctx, &results[i]); err != nil {
				return 1, err
			}
		}
	}
	text := s.hostText(t, byAttr)
	return s.shell(ctx, values(t.List(schema.DepsNixpkgs)), nix.Command{
		Path:   "bash",
		Args:   append([]string{"-eo", "pipefail", "-c", text, t.Name}, std.Args...),
		Dir:    s.w.Dir(),
		Env:    append(s.w.scriptEnv(t), std.env...),
		Stdin:  std.In,
		Stdout: std.Out,
		Stderr: std.Err,
	})
}

// hostText is the script with every ${dep} that means something replaced by
// its store path. All else, such as ${HOME}, is the shell's.
func (s *session) hostText(t *manifest.Target, built map[string]string) string {
	text := t.Text(schema.ScriptField)
	if !manifest.Interpolates(text) {
		return text
	}
	parts, _ := manifest.ParseTemplate(text)
	var b strings.Builder
	for _, p := range parts {
		if p.Ref == "" {
			b.WriteString(p.Literal)
			continue
		}
		ref, ok := s.w.Manifest.Resolve(t, p.Ref)
		switch {
		case ok && ref.Kind == manifest.ToTarget:
			b.WriteString(built[ref.Unit.Attr()])
		case ok && ref.Kind == manifest.ToLocal:
			b.WriteString(built[ref.Local.Name.Value+"."+ref.Attr])
		case ok && ref.Kind == manifest.ToExternal:
			b.WriteString(os.Getenv(ref.Bucket.Env.Value))
		default:
			b.WriteString("${" + p.Ref + "}")
		}
	}
	return b.String()
}

// scriptEnv is what a host script sees on top of the user's environment.
func (w *Workspace) scriptEnv(t *manifest.Target) []string {
	return []string{"RIGX_PROJECT_ROOT=" + w.Dir(), "RIGX_TARGET=" + t.Name}
}

func values(list []manifest.String) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Value
	}
	return out
}

// shell runs a command with packages of the project's nixpkgs on PATH.
func (s *session) shell(ctx context.Context, packages []string, cmd nix.Command) (int, error) {
	if len(packages) == 0 {
		return nix.RunCommand(ctx, cmd)
	}
	status, err := s.nix.Shell(ctx, nix.ShellRequest{
		ProjectDir: s.w.Dir(), Overrides: s.in.Overrides, Packages: packages, Command: cmd,
	})
	var failed *nix.EvalError
	if errors.As(err, &failed) {
		return status, s.evalError(strings.Join(packages, " "), failed)
	}
	return status, err
}

// Package runs a program of the project's nixpkgs in the current directory:
// `rigx pkg uv -- lock`. The program is the one named like the package, or the
// only one that it has. Files of targets may be missing: uv.lock, say.
func (w *Workspace) Package(ctx context.Context, attr string, args []string, in io.Reader, out, errOut io.Writer) (int, error) {
	s, err := w.prepareTools(ctx)
	if err != nil {
		return 2, err
	}
	program := attr[strings.LastIndexByte(attr, '.')+1:]
	return s.shell(ctx, []string{attr}, nix.Command{Path: program, Args: args, Stdin: in, Stdout: out, Stderr: errOut})
}
