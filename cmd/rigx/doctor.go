package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
)

// examined is a line of `rigx doctor --json`.
type examined struct {
	State  string   `json:"state"`
	What   string   `json:"what"`
	Found  string   `json:"found"`
	Remedy []string `json:"remedy,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is installed, what is missing, and how to get it",
		Long:  "Look at Nix, its store and sandbox, at compilers, containers and virtual machines, and say how to mend what is missing. The exit status is 1 if rigx cannot build.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			states := [...]string{engine.Fine: "ok", engine.Lacking: "missing", engine.Broken: "broken"}
			findings := engine.Examine(cmd.Context(), a.workspaceOptions().Nix)
			rows, broken := make([]examined, len(findings)), false
			for i, f := range findings {
				rows[i] = examined{states[f.Health], f.What, f.Found, f.Remedy}
				broken = broken || f.Health == engine.Broken
			}
			if asJSON {
				if err := a.writeJSON(rows); err != nil {
					return err
				}
			} else {
				a.examined(rows)
			}
			if broken {
				return exitStatus(statusFailed)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the findings as JSON")
	return cmd
}

func (a *app) examined(rows []examined) {
	style := a.style()
	for _, r := range rows {
		color := style.Frame
		switch r.State {
		case "broken":
			color = style.Error
		case "missing":
			color = style.Warning
		}
		fmt.Fprintf(a.out, "%s%-8s%s %s: %s\n", color, r.State, style.Reset, r.What, r.Found)
		for _, line := range r.Remedy {
			fmt.Fprintf(a.out, "         → %s\n", line)
		}
	}
}
