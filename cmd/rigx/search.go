package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/nix"
)

// described is how many of the packages that are found are asked for their
// version and description, which takes Nix a moment each.
const described = 20

func (a *app) searchCommand() *cobra.Command {
	var set string
	var asJSON, exact bool
	cmd := &cobra.Command{
		Use:   "search [WORD…]",
		Short: "Search the packages of the project's nixpkgs",
		Long: "List the packages whose names contain all words, the likeliest first, with version and description.\n\n" +
			"What is searched is what deps.nixpkgs can name: the locked nixpkgs, or the programs of this machine. Without words all names are listed.",
		RunE: func(cmd *cobra.Command, words []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			names := words
			if !exact {
				if names, err = ws.PackageNames(cmd.Context(), set); err != nil {
					return err
				}
				names = engine.MatchPackages(names, words)
			}
			if set != "" {
				for i := range names {
					names[i] = set + "." + names[i]
				}
			}
			found := make([]nix.PackageInfo, 0, len(names))
			if len(words) > 0 {
				if found, err = ws.DescribePackages(cmd.Context(), names[:min(len(names), described)]); err != nil {
					return err
				}
			}
			for _, name := range names[len(found):] {
				found = append(found, nix.PackageInfo{Name: name})
			}
			if asJSON {
				return a.writeJSON(found)
			}
			a.foundPackages(found)
			if len(found) == 0 {
				return exitStatus(statusFailed)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&set, "set", "", "search in a `SET` of packages, such as python3Packages")
	cmd.Flags().BoolVar(&exact, "exact", false, "the words are the names of packages")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the packages as JSON")
	return cmd
}

func (a *app) foundPackages(found []nix.PackageInfo) {
	width := 0
	for _, p := range found[:min(len(found), described)] {
		width = max(width, len(p.Name)+1+len(p.Version))
	}
	for _, p := range found {
		line := fmt.Sprintf("%-*s  %s", width, p.Name+" "+p.Version, p.Description)
		fmt.Fprintln(a.out, strings.TrimSpace(line))
	}
	if len(found) == 0 {
		fmt.Fprintln(a.err, "no package matches")
	}
}
