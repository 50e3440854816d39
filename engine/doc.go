// Package engine is what the command line and the language server share: it
// opens a project, generates its flake.nix, and has Nix build, test and run
// its targets.
//
//	ws, err := engine.Open(ctx, dir, engine.Options{})
//	units, err := ws.Select(ctx, []string{"hello@release"})
//	results, err := ws.Build(ctx, units, engine.BuildOptions{Report: printEvent})
//
// Each step of the way is one file: workspace.go finds and loads the project,
// selection.go turns names from the command line into units, generate.go
// writes flake.nix, inputs.go decides which nixpkgs is meant and locks the
// rest, uptodate.go says what needs no work, build.go, test.go and run.go do the
// work through package nix. Nothing here prints: progress goes to a callback,
// results and errors are values.
package engine
