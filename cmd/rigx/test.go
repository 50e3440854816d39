package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/manifest"
)

// testRow is one test in `rigx test --json`.
type testRow struct {
	Name    string  `json:"name"`
	Passed  bool    `json:"passed"`
	Status  int     `json:"status"`
	Seconds float64 `json:"seconds"`
	Sandbox bool    `json:"sandbox"`
	Output  string  `json:"output,omitempty"`
	Error   string  `json:"error,omitempty"`
}

func (a *app) testCommand() *cobra.Command {
	var opts engine.TestOptions
	var asJSON bool
	var junit, affected, shard string
	cmd := &cobra.Command{
		Use:   "test [NAME|PATTERN…]",
		Short: "Run the tests",
		Long: "Run all targets of kind test, or those that match a name or pattern.\n\n" +
			"Sandboxed tests run first and are cached; then host tests marked exclusive, one by one; then the other host tests, up to -j at once.\n" +
			"The exit status is the worst of the tests.",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if shard != "" {
				var err error
				if opts.Shard, err = engine.ParseShard(shard); err != nil {
					return usageError{err}
				}
			}
			ws, err := a.open(ctx)
			if err != nil {
				return err
			}
			if affected != "" {
				if opts.Keep, err = ws.Affected(ctx, affected); err != nil {
					return err
				}
			}
			a.warn(ctx, ws)
			progress := a.newPlainProgress()
			opts.Filters, opts.Report = args, progress.event
			if !asJSON {
				opts.Output = a.out
				opts.Started = func(t *manifest.Target) {
					if !t.Sandboxed() && !a.quiet {
						fmt.Fprintf(a.out, "=== %s\n", t.Name)
					}
				}
				opts.Finished = a.tested
			}
			results, err := ws.Test(ctx, opts)
			if err != nil {
				return err
			}
			if junit != "" {
				if err := writeJUnit(junit, ws.Manifest.Project.Name.Value, results); err != nil {
					return err
				}
			}
			a.tellGitHub(ws, "test", testOutcomes(results))
			return a.testSummary(results, opts.OnlyFailed, asJSON)
		},
	}
	cmd.Flags().VarP((*jobCount)(&opts.Jobs), "jobs", "j", "run up to `N` tests at once")
	cmd.Flags().BoolVar(&opts.OnlyFailed, "failed", false, "only the tests that failed when they last ran")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the results as JSON")
	a.addTestbedFlags(cmd)
	cmd.Flags().StringVar(&affected, "affected", "", affectedUsage)
	cmd.Flags().StringVar(&shard, "shard", "", "only part `I/N` of the tests, the same ones each time")
	cmd.Flags().StringVar(&junit, "junit", "", "write the results to `FILE` as JUnit XML, too")
	return cmd
}

func testOutcomes(results []engine.TestResult) []ciOutcome {
	out := make([]ciOutcome, len(results))
	for i, r := range results {
		out[i] = ciOutcome{name: r.Target.Name, target: r.Target, err: r.Err, log: string(r.Output), problems: r.Problems, took: r.Duration}
		if !r.Passed() && r.Err == nil {
			out[i].err = fmt.Errorf("exit status %d", r.Status)
		}
	}
	return out
}

// tested reports one test as it ends.
func (a *app) tested(r engine.TestResult) {
	verdict := "PASS"
	if !r.Passed() {
		verdict = "FAIL"
	} else if a.quiet {
		return
	}
	if len(r.Output) > 0 && !r.Streamed && (a.verbose || !r.Passed()) {
		a.out.Write(r.Output)
	}
	fmt.Fprintf(a.out, "%s %s (%s)\n", verdict, r.Target.Name, r.Duration.Round(time.Millisecond))
	if r.Err != nil {
		fmt.Fprintf(a.out, "     %v\n", r.Err)
	}
}

func (a *app) testSummary(results []engine.TestResult, onlyFailed, asJSON bool) error {
	worst, failed := 0, 0
	rows := make([]testRow, 0, len(results))
	for _, r := range results {
		row := testRow{
			Name: r.Target.Name, Passed: r.Passed(), Status: r.Status, Seconds: r.Duration.Seconds(),
			Sandbox: r.Target.Sandboxed(), Output: string(r.Output),
		}
		if r.Err != nil {
			row.Error = r.Err.Error()
		}
		rows = append(rows, row)
		if !r.Passed() {
			failed++
			worst = max(worst, r.Status, 1)
		}
	}
	switch {
	case asJSON:
		if err := a.writeJSON(rows); err != nil {
			return err
		}
	case len(results) == 0 && onlyFailed:
		fmt.Fprintln(a.out, "no test failed when it last ran")
	case len(results) == 0:
		fmt.Fprintln(a.out, "no tests")
	case !a.quiet || failed > 0:
		a.slowest(results)
		fmt.Fprintf(a.out, "%d passed, %d failed\n", len(results)-failed, failed)
		if failed > 0 && failed < len(results) {
			fmt.Fprintln(a.out, "`rigx test --failed` runs those again")
		}
	}
	if worst != 0 {
		return exitStatus(worst)
	}
	return nil
}

// slowest names the tests that took longest, if they took long.
func (a *app) slowest(results []engine.TestResult) {
	const few, long = 3, time.Second
	sorted := slices.Clone(results)
	slices.SortStableFunc(sorted, func(a, b engine.TestResult) int { return cmp.Compare(b.Duration, a.Duration) })
	var names []string
	for _, r := range sorted[:min(few, len(sorted))] {
		if r.Duration >= long {
			names = append(names, fmt.Sprintf("%s (%s)", r.Target.Name, r.Duration.Round(100*time.Millisecond)))
		}
	}
	if len(results) > 1 && len(names) > 0 {
		fmt.Fprintf(a.out, "slowest: %s\n", strings.Join(names, ", "))
	}
}
