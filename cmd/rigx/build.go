package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/problem"
)

// builtTarget is one row of `rigx build --json`.
type builtTarget struct {
	// Nixpkgs that it was built with, if there were several.
	Nixpkgs string `json:"nixpkgs,omitempty"`
	Attr    string `json:"attr"`
	Output  string `json:"output"`
	Error   string `json:"error,omitempty"`
}

func (a *app) buildCommand() *cobra.Command {
	var opts buildOptions
	var asJSON, explain bool
	cmd := &cobra.Command{
		Use:   "build [TARGET…]",
		Short: "Build targets and link the results below output/",
		Long: "Build the named targets, or everything but tests and scripts.\n\n" +
			"A name is a target (with all its variants), target@variant, localdep.target, or a glob over the names of targets. " +
			"Names of Nix, such as nixpkgs#hello, github:owner/repo#app or a store path, are built with the inputs that the project pins.\n\n" +
			"With --nixpkgs several times, everything is built with each, output/ stays as it is, and a table shows what went well with which.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(a.nixpkgs) > 1 {
				return a.buildMatrix(cmd.Context(), args, opts, asJSON)
			}
			ws, results, err := a.build(cmd.Context(), args, opts)
			if err != nil {
				return err
			}
			a.tellGitHub(ws, "build", buildOutcomes(results))
			if explain {
				a.explainBuild(results)
			}
			return a.built(results, asJSON)
		},
	}
	cmd.Flags().VarP((*jobCount)(&opts.Jobs), "jobs", "j", "build up to `N` derivations at once")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write a JSON list of {attr, output}")
	cmd.Flags().StringVar(&opts.CopyTo, "copy-to", "", "copy the results to a `STORE` or cache")
	cmd.Flags().StringVar(&opts.CopyFrom, "copy-from", "", "ask a `STORE` or cache for the results first")
	cmd.Flags().BoolVar(&opts.Fetch, "fetch", false, "bring what was built in another store to this machine")
	cmd.Flags().StringVar(&opts.affected, "affected", "", affectedUsage)
	cmd.Flags().BoolVar(&explain, "explain", false, "say for each target why it is built, or that it is up to date")
	cmd.Flags().BoolVar(&opts.updateHashes, "update-hashes", false, "write hashes that turn out to be wrong into rigx.toml, and build again")
	return cmd
}

// buildOptions are those of `rigx build`.
type buildOptions struct {
	engine.BuildOptions
	// affected is a revision; only what is touched since then is built.
	affected string
	// updateHashes writes the hashes that were wrong, and builds once more.
	updateHashes bool
	again        bool // it was, and has been told what seems wrong
}

// build builds what the names select.
func (a *app) build(ctx context.Context, names []string, opts buildOptions) (*engine.Workspace, []engine.Result, error) {
	ws, err := a.openToBuild(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := ws.Valid(ctx); err != nil {
		return nil, nil, err
	}
	if !opts.again {
		a.warn(ctx, ws)
	}
	var own, foreign []string
	for _, name := range names {
		if ws.Installable(name) {
			foreign = append(foreign, name)
		} else {
			own = append(own, name)
		}
	}
	var results []engine.Result
	progress := a.newProgress(ws)
	opts.Report = func(e nix.Event) {
		if ctx.Err() == nil { // what ends then was not built, but stopped
			progress.event(e)
		}
	}
	if len(own) > 0 || len(foreign) == 0 {
		selected, selectErr := a.selected(ctx, ws, own, opts.affected)
		if selectErr != nil {
			progress.end()
			return nil, nil, selectErr
		}
		results, err = ws.Build(ctx, selected, opts.BuildOptions)
	}
	if err == nil && len(foreign) > 0 {
		var more []engine.Result
		more, err = ws.BuildInstallables(ctx, foreign, opts.BuildOptions)
		results = append(results, more...)
	}
	progress.end()
	if err != nil || !opts.updateHashes {
		return ws, results, err
	}
	n, err := ws.UpdateHashes(results)
	if err != nil || n == 0 {
		return ws, results, err
	}
	if !a.quiet {
		fmt.Fprintf(a.err, "[rigx] hashes written: %d; building again\n", n)
	}
	opts.updateHashes, opts.again = false, true
	return a.build(ctx, names, opts)
}

// selected is what the names mean, less what is not affected since a revision.
func (a *app) selected(ctx context.Context, ws *engine.Workspace, names []string, revision string) ([]engine.Selected, error) {
	all, err := ws.Select(names)
	if err != nil || revision == "" {
		return all, err
	}
	keep, err := ws.Affected(ctx, revision)
	if err != nil {
		return nil, err
	}
	some := slices.DeleteFunc(slices.Clone(all), func(s engine.Selected) bool { return s.Unit.Target != nil && !keep(s.Unit.Target) })
	if !a.quiet && len(some) < len(all) {
		fmt.Fprintf(a.err, "[rigx] %d of %s touched since %s\n", len(some), count(len(all), "target"), revision)
	}
	return some, nil
}

func buildOutcomes(results []engine.Result) []ciOutcome {
	out := make([]ciOutcome, len(results))
	for i, r := range results {
		out[i] = ciOutcome{name: r.Attr, target: r.Unit.Target, err: r.Err, cached: r.Cached, log: strings.Join(r.Log, "\n"), problems: r.Problems, took: r.Duration}
	}
	return out
}

// explainBuild says why Nix was asked.
func (a *app) explainBuild(results []engine.Result) {
	for _, r := range results {
		switch {
		case r.Stale == "":
			fmt.Fprintf(a.err, "[rigx] %s: up to date\n", r.Attr)
		case r.Cached:
			fmt.Fprintf(a.err, "[rigx] %s: looked at, as %s; Nix had it\n", r.Attr, r.Stale)
		default:
			fmt.Fprintf(a.err, "[rigx] %s: built, as %s\n", r.Attr, r.Stale)
		}
	}
}

// built reports the results: successes first, so that failures stand last,
// where they are seen.
func (a *app) built(results []engine.Result, asJSON bool) error {
	rows := make([]builtTarget, 0, len(results))
	var lines strings.Builder
	for _, r := range results {
		row := builtTarget{Attr: r.Attr, Output: r.Output}
		if r.Err != nil {
			row.Error = r.Err.Error()
		} else if !asJSON && !a.quiet {
			fmt.Fprintf(&lines, "%s -> %s\n", filepath.ToSlash(r.Link), r.Output)
		}
		rows = append(rows, row)
	}
	if _, err := io.WriteString(a.out, lines.String()); err != nil {
		return err
	}
	if asJSON {
		if err := a.writeJSON(rows); err != nil {
			return err
		}
	}
	return a.buildFailures(results)
}

// buildFailures says what failed, and why.
func (a *app) buildFailures(results []engine.Result) error {
	failed := 0
	style := a.style()
	for _, r := range results {
		if r.Err == nil {
			continue
		}
		failed++
		code, help := "", []string(nil)
		if e := (*engine.Error)(nil); errors.As(r.Err, &e) {
			code, help = "["+string(e.Code)+"]", e.Help
		}
		fmt.Fprintf(a.err, "\n%serror%s:%s `%s` failed: %v\n", style.Error, code, style.Reset, r.Attr, r.Err)
		for _, h := range help {
			fmt.Fprintf(a.err, "  = help: %s\n", h)
		}
		for _, line := range r.Log {
			if style.Reset == "" {
				line = problem.Plain(line)
			}
			fmt.Fprintf(a.err, "  %s|%s %s\n", style.Frame, style.Reset, line)
		}
	}
	if failed == 0 {
		return nil
	}
	fmt.Fprintf(a.err, "\n%d of %s failed\n", failed, count(len(results), "target"))
	return exitStatus(statusFailed)
}

func (a *app) cleanCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Remove output/",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			n, err := ws.Clean(cmd.Context())
			if n > 0 && !a.quiet {
				fmt.Fprintf(a.out, "removed %s\n", count(n, "link"))
			}
			return err
		},
	}
}

func (a *app) lockCommand() *cobra.Command {
	var update bool
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Write flake.nix and pin its inputs in flake.lock",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			return ws.Lock(cmd.Context(), update)
		},
	}
	cmd.Flags().BoolVar(&update, "update", false, "move every input to its newest revision")
	return cmd
}
