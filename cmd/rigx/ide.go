package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
)

func (a *app) ideCommand() *cobra.Command {
	var opts engine.IDEOptions
	cmd := &cobra.Command{
		Use:   "ide",
		Short: "Tell language servers with which flags, headers and packages targets are built",
		Long: "Write the files from which language servers learn how the targets are built: compile_commands.json for clangd, rust-project.json for rust-analyzer, go.work for gopls where the root is no module, pyrightconfig.json for pyright. Only those that the project has a use for are written.\n\n" +
			"They hold paths of this machine and do not belong in git. rigx-ls keeps them up to date in a workspace that is trusted.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var files []engine.IDEFile
			var failed []error
			err := a.building(cmd, func(ws *engine.Workspace, build engine.BuildOptions) (err error) {
				opts.BuildOptions = build
				files, failed, err = ws.WriteIDE(cmd.Context(), opts)
				return err
			})
			for _, f := range files {
				switch {
				case a.quiet:
				case f.Changed:
					fmt.Fprintln(a.out, "wrote "+f.Name)
				default:
					fmt.Fprintln(a.out, f.Name+" is up to date")
				}
			}
			for _, failure := range failed {
				a.report(failure)
			}
			if err == nil && len(failed) > 0 {
				return exitStatus(statusFailed)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&opts.Variant, "variant", "", "prefer this `VARIANT` for files that are compiled for several")
	cmd.Flags().BoolVar(&opts.Refresh, "refresh", false, "only bring up to date what was written before")
	cmd.Flags().BoolVar(&opts.Force, "force", false, "replace files that rigx did not write")
	return cmd
}
