package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/rigx-build/rigx/engine"
)

// matrixColumn is what building with one nixpkgs led to.
type matrixColumn struct {
	nixpkgs string
	results []engine.Result
	err     error // nothing could be built
}

// buildMatrix builds the same with several nixpkgs, one after the other, and
// prints a table.
func (a *app) buildMatrix(ctx context.Context, names []string, opts buildOptions, asJSON bool) error {
	if opts.updateHashes {
		return usageError{errors.New("--update-hashes goes with one --nixpkgs only: others may want other hashes")}
	}
	opts.Trial = true
	var columns []matrixColumn
	var outcomes []ciOutcome
	failed := false
	for _, ref := range a.nixpkgs {
		one := *a
		one.nixpkgs = []string{ref}
		if !a.quiet {
			fmt.Fprintf(a.err, "[rigx] with nixpkgs %s\n", ref)
		}
		ws, results, err := one.build(ctx, names, opts)
		opts.again = true
		var invalid *engine.InvalidError
		if ctx.Err() != nil || errors.As(err, &invalid) {
			return err
		}
		columns = append(columns, matrixColumn{ref, results, err})
		if err != nil {
			failed = true
			a.report(err)
			continue
		}
		failed = a.buildFailures(results) != nil || failed
		ofThis := buildOutcomes(results)
		for i := range ofThis {
			ofThis[i].name += " (" + ref + ")"
		}
		outcomes = append(outcomes, ofThis...)
		if ref == a.nixpkgs[len(a.nixpkgs)-1] {
			a.tellGitHub(ws, "build", outcomes)
		}
	}
	if err := a.printMatrix(columns, asJSON); err != nil {
		return err
	}
	if failed {
		return exitStatus(statusFailed)
	}
	return nil
}

func (a *app) printMatrix(columns []matrixColumn, asJSON bool) error {
	if asJSON {
		rows := []builtTarget{}
		for _, c := range columns {
			if c.err != nil {
				rows = append(rows, builtTarget{Nixpkgs: c.nixpkgs, Error: c.err.Error()})
			}
			for _, r := range c.results {
				row := builtTarget{Nixpkgs: c.nixpkgs, Attr: r.Attr, Output: r.Output}
				if r.Err != nil {
					row.Error = r.Err.Error()
				}
				rows = append(rows, row)
			}
		}
		return a.writeJSON(rows)
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	fmt.Fprint(t, "target")
	var attrs []string
	for _, c := range columns {
		fmt.Fprintf(t, "\t%s", c.nixpkgs)
		for _, r := range c.results {
			if !slices.Contains(attrs, r.Attr) {
				attrs = append(attrs, r.Attr)
			}
		}
	}
	fmt.Fprintln(t)
	for _, attr := range attrs {
		fmt.Fprint(t, attr)
		for _, c := range columns {
			fmt.Fprintf(t, "\t%s", c.cell(attr))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// cell is a word on a target.
func (c *matrixColumn) cell(attr string) string {
	i := slices.IndexFunc(c.results, func(r engine.Result) bool { return r.Attr == attr })
	switch {
	case i < 0:
		return "not tried"
	case c.results[i].Err != nil:
		return "failed"
	case c.results[i].Cached:
		return "ok"
	}
	return "ok, " + c.results[i].Duration.Round(100*time.Millisecond).String()
}
