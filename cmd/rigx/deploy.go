package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/nix"
)

func (a *app) copyCommand() *cobra.Command {
	var opts buildOptions
	cmd := &cobra.Command{
		Use:   "copy TARGET… --to STORE",
		Short: "Build targets and copy them, with all that they need, to another store",
		Long: "Build targets and copy them, with all that they need, to another store.\n\n" +
			"STORE is a URL of Nix, such as ssh-ng://user@host, file:///directory or s3://bucket, or the name of a [remotes.<name>].",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, results, err := a.build(cmd.Context(), args, opts)
			if err != nil {
				return err
			}
			return a.built(results, false)
		},
	}
	cmd.Flags().StringVar(&opts.CopyTo, "to", "", "copy to this `STORE`")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func (a *app) deployCommand() *cobra.Command {
	var to, profile string
	var list, rollback, asJSON bool
	cmd := &cobra.Command{
		Use:   "deploy [TARGET] --to STORE",
		Short: "Build a target and make it the newest generation of a profile on another machine",
		Long: "Build a target, copy it with all that it needs to another machine, and make it the newest generation of a profile there.\n\n" +
			"STORE is ssh-ng://user@host, or the name of a [remotes.<name>] with such a store. " +
			"The profile is a link on that machine, which is switched in one step after everything was copied, and keeps this and the earlier generations from being collected as garbage. " +
			"A name without slashes stands for one in /nix/var/nix/profiles, or in ~/.local/state/nix/profiles where that is not the user's.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && (profile == "" || !list && !rollback) {
				return usageError{fmt.Errorf("name a target, or with --list or --rollback a --profile")}
			}
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			if err := ws.Valid(cmd.Context()); err != nil {
				return err
			}
			target := ""
			if len(args) > 0 {
				target = args[0]
			}
			dest, err := ws.Destination(to, target, profile)
			if err != nil {
				return err
			}
			var now *nix.Profile
			switch {
			case list:
				now, err = dest.Generations(cmd.Context())
			case rollback:
				now, err = dest.RollBack(cmd.Context())
			default:
				now, err = a.deploy(cmd, ws, target, dest)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return a.writeJSON(append([]nix.Generation{}, now.Generations...))
			}
			if list {
				a.printGenerations(now)
			} else if g := now.Current(); g != nil && !a.quiet {
				fmt.Fprintf(a.out, "%s -> %s (generation %d)\n", now.Path, g.Path, g.Number)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "deploy to the machine of this `STORE`")
	cmd.Flags().StringVar(&profile, "profile", "", "switch this profile: a `NAME`, or an absolute path there (the project's name and the target's)")
	cmd.Flags().BoolVar(&rollback, "rollback", false, "only go back to the generation before")
	cmd.Flags().BoolVar(&list, "list", false, "only list the generations")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the generations as JSON")
	cmd.MarkFlagsMutuallyExclusive("rollback", "list")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func (a *app) deploy(cmd *cobra.Command, ws *engine.Workspace, target string, dest *engine.Destination) (*nix.Profile, error) {
	progress := a.newProgress(ws)
	d, err := ws.Deploy(cmd.Context(), target, dest, engine.BuildOptions{Report: progress.event})
	progress.end()
	if err != nil {
		return nil, err
	}
	if d.Built.Err != nil {
		return nil, a.built([]engine.Result{d.Built}, false)
	}
	return d.After, nil
}

func (a *app) printGenerations(p *nix.Profile) {
	if len(p.Generations) == 0 {
		fmt.Fprintf(a.out, "nothing was deployed to %s\n", p.Path)
	}
	for _, g := range p.Generations {
		mark := " "
		if g.Current {
			mark = "*"
		}
		fmt.Fprintf(a.out, "%s %3d  %s  %s\n", mark, g.Number, g.Time.Format(time.DateTime), g.Path)
	}
}
