package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
)

func (a *app) fmtCommand() *cobra.Command {
	var write, check bool
	cmd := &cobra.Command{
		Use:   "fmt",
		Short: "Print rigx.toml in its canonical shape, or write it",
		Long: "Print rigx.toml in its canonical shape: sections and fields in the order of the reference, equals signs below each other, one blank line between tables.\n\n" +
			"Comments, blank lines between groups of fields, the order of targets, and every value stay. With --write or --check it is about all files of the project: rigx.toml, what it includes, and its modules.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if write && check {
				return usageError{errors.New("--write and --check exclude each other")}
			}
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			files, err := ws.Format()
			if err != nil {
				return err
			}
			if !write && !check {
				_, err := io.WriteString(a.out, files[0].Text)
				return err
			}
			return a.format(files, write)
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the files instead")
	cmd.Flags().BoolVar(&check, "check", false, "only name the files that are not in canonical shape; exit status 1 if there is one")
	return cmd
}

// format writes the files that are not canonical, or fails if there is one.
func (a *app) format(files []engine.Formatted, write bool) error {
	changed := 0
	for _, f := range files {
		if !f.Changed() {
			continue
		}
		changed++
		if write {
			if err := f.Write(); err != nil {
				return err
			}
		}
		if !write || !a.quiet {
			fmt.Fprintln(a.out, f.File.Name)
		}
	}
	if changed > 0 && !write {
		fmt.Fprintln(a.err, "run `rigx fmt --write`")
		return exitStatus(statusFailed)
	}
	return nil
}
