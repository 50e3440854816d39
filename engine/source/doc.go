// Package source knows the files of a project: it reads them through a file
// system that is handed in, expands globs, and computes which files belong to
// a source set. It knows nothing of rigx.toml and of Nix.
//
//	tree := source.NewTree(source.Disk(), "/home/me/project")
//	files, err := tree.Glob("src/**/*.cpp")
//
// Paths inside a project are relative to its root and use forward slashes on
// every platform. A [Tree] lists each directory once, so that all answers of
// one Tree describe the same moment.
package source
