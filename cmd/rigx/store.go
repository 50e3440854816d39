package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/problem"
)

// bytesText is a size for people.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 3 {
		value, prefix = value/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGT"[prefix])
}

// building runs work that may build with the usual progress.
func (a *app) building(cmd *cobra.Command, work func(ws *engine.Workspace, opts engine.BuildOptions) error) error {
	ws, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	progress := a.newProgress(ws)
	defer progress.end()
	return work(ws, engine.BuildOptions{Report: progress.event})
}

func (a *app) sizeCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "size TARGET",
		Short: "List what a target's result needs at run time, largest first",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.building(cmd, func(ws *engine.Workspace, opts engine.BuildOptions) error {
				infos, err := ws.Size(cmd.Context(), args[0], opts)
				if err != nil {
					return err
				}
				if asJSON {
					return a.writeJSON(infos)
				}
				total := int64(0)
				for _, p := range infos {
					total += p.NarSize
					fmt.Fprintf(a.out, "%10s  %s\n", bytesText(p.NarSize), p.Path)
				}
				fmt.Fprintf(a.out, "%10s  in all, %s\n", bytesText(total), count(len(infos), "path"))
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the paths as JSON")
	return cmd
}

func (a *app) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "why TARGET DEPENDENCY",
		Short: "Show why a target's result needs something at run time",
		Long: "Show the shortest way from the result of a target to something that it needs at run time.\n\n" +
			"DEPENDENCY is another target, a store path, or the beginning of a package's name. The exit status is 1 if the target does not need it.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.building(cmd, func(ws *engine.Workspace, opts engine.BuildOptions) error {
				chain, err := ws.Why(cmd.Context(), args[0], args[1], opts)
				if err != nil {
					return err
				}
				if len(chain) == 0 {
					fmt.Fprintf(a.out, "%s does not need %s at run time\n", args[0], args[1])
					return exitStatus(statusFailed)
				}
				for i, path := range chain {
					if i > 0 {
						fmt.Fprint(a.out, strings.Repeat("   ", i-1), "└─ ")
					}
					fmt.Fprintln(a.out, path)
				}
				return nil
			})
		},
	}
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify TARGET",
		Short: "Build a target twice and report what differs, file by file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.building(cmd, func(ws *engine.Workspace, opts engine.BuildOptions) error {
				found, err := ws.Verify(cmd.Context(), args[0], opts)
				if err != nil {
					return err
				}
				if len(found) == 0 {
					if !a.quiet {
						fmt.Fprintf(a.out, "%s is the same when it is built again\n", args[0])
					}
					return nil
				}
				for _, d := range found {
					fmt.Fprintf(a.out, "%s: %s\n", d.Path, d.What)
				}
				fmt.Fprintf(a.err, "%s is not reproducible: %s\n", args[0], count(len(found), "difference"))
				return exitStatus(statusFailed)
			})
		},
	}
}

func (a *app) gcCommand() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Drop links below output/ of targets that are gone",
		Long: "Drop the links below output/ of targets and variants that rigx.toml no longer has, and say what Nix can then free.\n\n" +
			"Nix frees it when it collects garbage: `nix-collect-garbage`.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			stale, frees, err := ws.StaleLinks(cmd.Context())
			if err != nil {
				return err
			}
			if len(stale) == 0 {
				if !a.quiet {
					fmt.Fprintln(a.out, "nothing to drop")
				}
				return nil
			}
			verb := "dropped"
			if dryRun {
				verb = "would drop"
			} else if err := ws.Drop(stale); err != nil {
				return err
			}
			for _, s := range stale {
				fmt.Fprintf(a.out, "%s %s -> %s\n", verb, s.Link, s.Path)
			}
			fmt.Fprintf(a.out, "`nix-collect-garbage` can free %s\n", bytesText(frees))
			return nil
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be dropped")
	return cmd
}

func (a *app) logCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "log TARGET",
		Short: "Show what the builder of a target printed when it last ran",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			text, err := ws.Log(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.style().Reset == "" {
				text = problem.Plain(text)
			}
			_, err = fmt.Fprint(a.out, text)
			return err
		},
	}
}
