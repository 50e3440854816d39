package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
	if err := w.Valid(ctx); err != nil {
		return 2, err
	}
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
	s, err := w.prepareScripts(ctx, []*manifest.Target{t})
	if err != nil {
		return 2, err
	}
	return s.controlled(ctx, t, scriptIO{In: in, Out: out, Err: errOut, Args: args})
}

// prepareScripts needs Nix only for scripts that use something from it: a plain
// script runs on a machine without Nix, and writes no flake.nix.
func (w *Workspace) prepareScripts(ctx context.Context, scripts []*manifest.Target) (*session, error) {
	if slices.ContainsFunc(scripts, w.usesNix) {
		return w.prepare(ctx, selectedOf(scripts))
	}
	if err := w.Valid(ctx); err != nil {
		return nil, err
	}
	return &session{w: w}, nil
}

// usesNix reports whether something is built for a host script or its testbed,
// or taken from nixpkgs.
func (w *Workspace) usesNix(t *manifest.Target) bool {
	if bed := w.Manifest.Testbed(t); bed != nil && w.usesNix(bed) {
		return true
	}
	return t.Kind == schema.Test && t.Sandboxed() || slices.ContainsFunc(t.Edges, func(e manifest.Edge) bool {
		return e.Kind != manifest.ToTarget || e.Unit.Target.Kind != schema.Testbed
	})
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

// script builds what a host script depends on and runs it, between setting up
// and taking down its testbed if it has one.
func (s *session) script(ctx context.Context, t *manifest.Target, std scriptIO) (status int, err error) {
	built, err := s.dependencies(ctx, t)
	if err != nil {
		return 1, err
	}
	env := append(s.w.scriptEnv(t), std.env...)
	bed := s.w.Manifest.Testbed(t)
	if len(t.Records(schema.Nodes)) > 0 {
		bed = t
	}
	if bed == nil {
		return s.bash(ctx, t, t.Text(schema.ScriptField), env, built, std)
	}
	up, err := s.standUp(ctx, bed, built, std)
	if err != nil {
		return 1, err
	}
	defer func() {
		if closeErr := up.Close(); err == nil && closeErr != nil {
			status, err = 1, fmt.Errorf("taking down the testbed of %s: %w", t.Name, closeErr)
		}
	}()
	if t.Get(schema.ScriptField) == nil {
		return 0, up.wait(ctx)
	}
	return s.bash(ctx, t, t.Text(schema.ScriptField), append(env, up.env()...), built, std)
}

// bash runs a script of a target, with its tools on PATH.
func (s *session) bash(ctx context.Context, t *manifest.Target, script string, env []string, built outputs, std scriptIO) (int, error) {
	return s.shell(ctx, values(t.List(schema.DepsNixpkgs)), s.bashCommand(t, script, env, built, std))
}

func (s *session) bashCommand(t *manifest.Target, script string, env []string, built outputs, std scriptIO) nix.Command {
	return nix.Command{
		Path:   "bash",
		Args:   append([]string{"-eo", "pipefail", "-c", s.hostText(t, script, built), t.Name}, std.Args...),
		Dir:    s.w.Dir(),
		Env:    env,
		Stdin:  std.In,
		Stdout: std.Out,
		Stderr: std.Err,
	}
}

// outputs are store paths by attribute; those of local dependencies are
// `dependency.attribute`.
type outputs map[string]string

// dependencies builds what a host script and its testbed need.
func (s *session) dependencies(ctx context.Context, t *manifest.Target) (outputs, error) {
	edges := t.Edges
	if bed := s.w.Manifest.Testbed(t); bed != nil {
		edges = append(slices.Clone(edges), bed.Edges...)
	}
	var deps []Selected
	for _, e := range edges {
		switch {
		case e.Kind == manifest.ToTarget && e.Unit.Target.Kind != schema.Testbed:
			deps = append(deps, Selected{e.Unit.Attr(), e.Unit})
		case e.Kind == manifest.ToLocal:
			deps = append(deps, Selected{Attr: e.Name})
		}
	}
	built := outputs{}
	if len(deps) == 0 {
		return built, nil
	}
	results, err := s.build(ctx, deps, BuildOptions{})
	if err != nil {
		return nil, err
	}
	for i := range results {
		if results[i].Err != nil {
			return nil, &Error{Code: diagnostic.NixFailed, Message: "`" + t.Name + "` needs `" + deps[i].Attr + "`, which failed", Err: results[i].Err}
		}
		built[deps[i].Attr] = results[i].Output
	}
	// Host scripts reach into output/ as well as into ${dep}.
	s.link(ctx, results)
	for i := range results {
		if results[i].Err != nil {
			return nil, results[i].Err
		}
	}
	return built, nil
}

// hostText is a script with every ${dep} that means something replaced by its
// store path. All else, such as ${HOME}, is the shell's.
func (s *session) hostText(t *manifest.Target, text string, built outputs) string {
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
	dirs, err := s.programs(ctx, packages)
	if err != nil {
		return 1, err
	}
	return nix.RunCommand(ctx, cmd.WithPrograms(dirs))
}

// programs are the directories of programs of packages of the project's nixpkgs.
func (s *session) programs(ctx context.Context, packages []string) ([]string, error) {
	if len(packages) == 0 {
		return nil, nil
	}
	dirs, err := s.nix.Programs(ctx, s.w.evalRequest(s.in, packages...))
	var failed *nix.EvalError
	if errors.As(err, &failed) {
		return nil, s.evalError(strings.Join(packages, " "), failed)
	}
	return dirs, err
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
