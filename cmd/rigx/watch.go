package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
)

func (a *app) watchCommand() *cobra.Command {
	var jobs int
	cmd := &cobra.Command{
		Use:   "watch [TARGET…]",
		Short: "Build, and again each time a file changes that the targets use",
		Long: "Build the named targets, or everything, and again each time a file changes that they use, until Ctrl-C.\n\n" +
			"A build that a newer change made pointless is cancelled.",
		RunE: func(cmd *cobra.Command, args []string) error {
			progress := a.newPlainProgress()
			return engine.Watch(cmd.Context(), a.dir, engine.WatchOptions{
				Workspace: a.workspaceOptions(),
				Names:     args,
				Build:     engine.BuildOptions{Jobs: jobs, Report: progress.event},
				Started: func(ws *engine.Workspace, changed []string) {
					if len(changed) > 0 && !a.quiet {
						fmt.Fprintf(a.err, "\n[rigx] changed: %s\n", summary(changed))
					}
					a.warn(cmd.Context(), ws)
				},
				Finished: func(results []engine.Result, err error) {
					if err == nil {
						err = a.built(results, false)
					}
					a.report(err)
					if !a.quiet {
						fmt.Fprintln(a.err, "[rigx] waiting for changes")
					}
				},
			})
		},
	}
	cmd.Flags().VarP((*jobCount)(&jobs), "jobs", "j", "build up to `N` derivations at once")
	return cmd
}

// summary names a few files, and says how many more there are.
func summary(files []string) string {
	const few = 5
	if len(files) <= few {
		return strings.Join(files, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(files[:few], ", "), len(files)-few)
}
