package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
)

// The exit statuses of rigx.
const (
	statusFailed      = 1   // a build or test failed
	statusUsage       = 2   // wrong usage or configuration
	statusInterrupted = 130 // Ctrl-C
)

// exitStatus is an error that is only a status: everything has been said.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// app is one run of the command line.
type app struct {
	in       io.Reader
	out, err io.Writer

	dir             string
	nixpkgs         []string // more than one for `rigx build` only
	color           colorMode
	quiet, verbose  bool
	offline         bool
	store, builders string
	substituters    string
	remote          string
	testbeds        engine.TestbedOptions
	lasting         bool // the command ends well by being interrupted
}

// execute runs the command line and returns the exit status.
func execute(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (status int) {
	a := &app{in: in, out: out, err: errOut}
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(errOut, "rigx: internal error: %v\n\nThis is a bug in rigx %s. Please report it with the rigx.toml and this trace:\n%s\n", r, engine.Version, debug.Stack())
			status = statusFailed
		}
	}()
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && !(a.lasting && err == nil) {
		fmt.Fprintln(errOut, "interrupted")
		return statusInterrupted
	}
	return a.report(err)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "rigx",
		Short:         "A build system around one declarative file, on top of Nix",
		Long:          "rigx turns rigx.toml into a flake.nix and has Nix build it: sandboxed, pinned and cached.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       engine.Version,
	}
	root.SetVersionTemplate("rigx {{.Version}}\n")
	root.Flags().BoolP("version", "V", false, "print the version")
	f := root.PersistentFlags()
	f.StringVarP(&a.dir, "directory", "C", ".", "start looking for rigx.toml in `DIR`")
	f.StringArrayVar(&a.nixpkgs, "nixpkgs", nil, "use this nixpkgs for one run: `REF`, a flake URL, a path, or host")
	a.color = "auto"
	f.Var(&a.color, "color", "colours: `WHEN` is auto, always or never")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "say only what failed")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "show the output of all builders")
	f.BoolVar(&a.offline, "offline", false, "ask no binary cache")
	f.StringVar(&a.store, "store", "", "build in this Nix store (`URL`)")
	f.StringVar(&a.remote, "remote", "", "use the store, builders and caches of [remotes.`NAME`]")
	f.StringVar(&a.builders, "builders", "", "let Nix use these build machines")
	f.StringVar(&a.substituters, "substituters", "", "ask these binary caches (`URLS`)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		a.versionCommand(), a.listCommand(), a.graphCommand(), a.checkCommand(), a.explainCommand(), a.schemaCommand(),
		a.initCommand(), a.newCommand(), a.fmtCommand(), a.lockCommand(), a.flakeCommand(), a.lsSourceCommand(),
		a.buildCommand(), a.copyCommand(), a.deployCommand(), a.watchCommand(), a.cleanCommand(), a.testCommand(), a.runCommand(), a.capsuleCommand(), a.testbedCommand(), a.developCommand(), a.ideCommand(), a.pkgCommand(), a.searchCommand(),
		a.logCommand(), a.sizeCommand(), a.whyCommand(), a.verifyCommand(), a.gcCommand(), a.doctorCommand(),
	)
	a.complete(root)
	root.SetHelpCommand(a.helpCommand(root))
	root.AddCommand(a.manCommand(root))
	return root
}

// usageError is a mistake in the words of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// open opens the project that -C or the current directory leads to.
func (a *app) open(ctx context.Context) (*engine.Workspace, error) {
	return a.openWith(ctx, a.workspaceOptions())
}

// openToBuild is open for what begins with a build.
func (a *app) openToBuild(ctx context.Context) (*engine.Workspace, error) {
	opts := a.workspaceOptions()
	opts.Anticipate = true
	return a.openWith(ctx, opts)
}

func (a *app) openWith(ctx context.Context, opts engine.Options) (*engine.Workspace, error) {
	if len(a.nixpkgs) > 1 {
		return nil, usageError{errors.New("--nixpkgs can be given more than once to `rigx build` only")}
	}
	prepareMemory(a.dir)
	return engine.Open(ctx, a.dir, opts)
}

func (a *app) workspaceOptions() engine.Options {
	notes := a.err
	if a.quiet {
		notes = io.Discard
	}
	nixpkgs := ""
	if len(a.nixpkgs) > 0 {
		nixpkgs = a.nixpkgs[0]
	}
	return engine.Options{
		Nixpkgs:  nixpkgs,
		Remote:   a.remote,
		Notes:    notes,
		Testbeds: a.testbeds,
		Nix: nix.Options{
			Store: a.store, Builders: a.builders, Substituters: a.substituters, Offline: a.offline,
		},
	}
}

// style is the look of diagnostics on the error output.
func (a *app) style() diagnostic.Style {
	if a.colored(a.err) {
		return diagnostic.Colors
	}
	return diagnostic.Style{}
}

// jobCount is the value of --jobs.
type jobCount int

func (c *jobCount) String() string {
	if *c == 0 {
		return "" // Nix's own
	}
	return strconv.Itoa(int(*c))
}

// Type is what cobra calls the value where it has no better name.
func (c *jobCount) Type() string { return "int" }

// Set refuses what is no number of jobs.
func (c *jobCount) Set(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return errors.New("use a number such as 4; 0 leaves it to Nix")
	}
	*c = jobCount(n)
	return nil
}

// colorMode is the value of --color.
type colorMode string

func (m *colorMode) String() string { return string(*m) }

// Type is what cobra calls the value where it has no better name.
func (m *colorMode) Type() string { return "string" }

// Set refuses what --color does not know.
func (m *colorMode) Set(value string) error {
	switch value {
	case "auto", "always", "never":
		*m = colorMode(value)
		return nil
	}
	return errors.New("use auto, always or never")
}

func (a *app) colored(w io.Writer) bool {
	switch a.color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// errListed stands beside an error of rigx.toml in spite of which something was
// done.
var errListed = errors.New("what is known is listed")

// report writes what an error has to say and returns its exit status.
func (a *app) report(err error) int {
	var (
		status  exitStatus
		invalid *engine.InvalidError
		failed  *engine.Error
		noNix   *nix.NotFoundError
	)
	style := a.style()
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &invalid):
		// The rest of the diagnostics may be thousands of warnings; with errors
		// around they can wait for `rigx check`.
		for _, d := range invalid.Diagnostics {
			if d.Severity == diagnostic.Error {
				fmt.Fprintln(a.err, diagnostic.Render(d, style))
			}
		}
		outcome := "nothing was done"
		if errors.Is(err, errListed) {
			outcome = "what is known is listed"
		}
		fmt.Fprintf(a.err, "%serror:%s %v; %s\n", style.Error, style.Reset, invalid, outcome)
		return statusUsage
	case errors.As(err, &noNix):
		failed = &engine.Error{Code: diagnostic.NixMissing, Message: noNix.Error(), Help: noNix.Help()}
	case !errors.As(err, &failed):
		fmt.Fprintf(a.err, "%serror:%s %v\n", style.Error, style.Reset, err)
		return statusUsage
	}
	fmt.Fprintf(a.err, "%serror[%s]:%s %s\n", style.Error, failed.Code, style.Reset, failed)
	for _, line := range failed.Log {
		fmt.Fprintf(a.err, "  %s|%s %s\n", style.Frame, style.Reset, line)
	}
	for _, h := range failed.Help {
		fmt.Fprintf(a.err, "  = help: %s\n", h)
	}
	fmt.Fprintf(a.err, "  = rigx explain %s\n", failed.Code)
	switch failed.Code {
	case diagnostic.CapsuleFailed, diagnostic.CopyFailed, diagnostic.HostFailed, diagnostic.NoProfile:
		return statusFailed
	}
	return statusUsage
}
