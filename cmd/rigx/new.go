package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

func (a *app) newCommand() *cobra.Command {
	var n engine.NewTarget
	cmd := &cobra.Command{
		Use:   "new KIND NAME",
		Short: "Add a target to rigx.toml, with a source to begin with",
		Long:  "Add a target to rigx.toml, with a source to begin with. The rest of the file stays as it is, comments included.\n\nKinds: " + strings.Join(schema.KindNames(), ", ") + ".",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			n.Name = args[1]
			if n.Kind = schema.ParseKind(args[0]); n.Kind == schema.NoKind {
				return unknownKind(args[0])
			}
			if n.Kind == schema.Run && n.Run == "" {
				return usageError{errors.New("say what it runs: rigx new run " + n.Name + " --run PROGRAM")}
			}
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			written, err := ws.AddTarget(n)
			if err != nil {
				return err
			}
			for _, name := range written {
				if !a.quiet {
					fmt.Fprintln(a.out, "wrote "+name)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&n.Language, "language", "", "`LANGUAGE` of a program or library: c, cxx, go, rust, zig or nim")
	cmd.Flags().StringVar(&n.Run, "run", "", "the `PROGRAM` that a run target runs")
	return cmd
}

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a project: write a rigx.toml for the sources that are there",
		Long: "Begin a project: write a rigx.toml for the sources that are there, and say why. Programs, libraries and tests in C, C++, Go, Rust, Zig, Nim and Python are recognised, " +
			"so are vendored libraries, shell scripts, and what Cargo, CMake, Meson, autotools, make, uv and nimble build. Nothing else is touched.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := a.dir
			if len(args) == 1 {
				dir = args[0]
			}
			done, err := engine.Init(cmd.Context(), dir, a.workspaceOptions().Nixpkgs)
			if err != nil || a.quiet {
				return err
			}
			a.initialized(done)
			return nil
		},
	}
}

// initialized explains a new rigx.toml.
func (a *app) initialized(done *engine.Initialized) {
	style := diagnostic.Style{}
	if a.colored(a.out) {
		style = diagnostic.Colors
	}
	fmt.Fprintln(a.out, "wrote "+done.File)
	var built, tests bool
	for _, t := range done.Targets {
		fmt.Fprintf(a.out, "  %s [%s]: %s\n", t.Name, t.Kind, t.Reason)
		tests = tests || t.Kind == schema.Test
		built = built || t.Kind != schema.Test && t.Kind != schema.ScriptKind
	}
	for _, note := range done.Notes {
		fmt.Fprintf(a.out, "%snote:%s %s\n", style.Warning, style.Reset, note)
	}
	switch {
	case built && tests:
		fmt.Fprintln(a.out, "next: `rigx build` and `rigx test`")
	case built:
		fmt.Fprintln(a.out, "next: `rigx build`")
	case tests:
		fmt.Fprintln(a.out, "next: `rigx test`")
	case len(done.Targets) == 0:
		fmt.Fprintln(a.out, "next: `rigx new executable hello` adds a first target")
	}
}
