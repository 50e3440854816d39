package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run TARGET [-- ARG…]",
		Short: "Run a script or testbed target on the host",
		Long:  "Run a target of kind script or testbed in the project's directory. What follows -- is $1, $2, … in the script.",
		Args:  targetAndArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			status, err := ws.Run(cmd.Context(), args[0], args[1:], a.in, a.out, a.err)
			return statusOr(status, err)
		},
	}
	a.addTestbedFlags(cmd)
	return cmd
}

func (a *app) pkgCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pkg PACKAGE [-- ARG…]",
		Short: "Run a program of the project's nixpkgs",
		Long:  "Run a program such as uv, jq or ripgrep from the project's pinned nixpkgs, in the current directory.",
		Args:  targetAndArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			status, err := ws.Package(cmd.Context(), args[0], args[1:], a.in, a.out, a.err)
			return statusOr(status, err)
		},
	}
}

// targetAndArguments wants one name, and everything else behind --, so that a
// forgotten -- does not turn an option of the script into one of rigx.
func targetAndArguments(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	if len(args) == 0 || dash == 0 {
		return usageError{errors.New("name a target")}
	}
	if dash > 1 || dash < 0 && len(args) > 1 {
		return usageError{errors.New("put arguments behind --: rigx " + cmd.Name() + " " + args[0] + " -- …")}
	}
	return nil
}

func statusOr(status int, err error) error {
	if err != nil {
		return err
	}
	if status != 0 {
		return exitStatus(status)
	}
	return nil
}
