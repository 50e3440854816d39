// Package nix is the only place that starts Nix. It finds an installed Nix and
// what it can do, adds sources to the store, evaluates the derivations of a
// generated flake, builds them while reporting what happens, links results as
// garbage-collection roots, writes flake.lock, and runs programs with packages
// on PATH.
//
//	n, err := nix.Find(ctx, nix.Options{CacheDir: dir})
//	drvs, err := n.Evaluate(ctx, nix.EvalRequest{ProjectDir: project, Attrs: []string{"hello"}})
//	results, err := n.Build(ctx, nix.BuildRequest{Derivations: drvs, KeepGoing: true})
//
// Nix 2.4 and later, Lix and Determinate Nix are supported; where they differ
// is in version.go. It knows nothing of rigx.toml.
package nix
