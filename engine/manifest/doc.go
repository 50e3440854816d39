// Package manifest is rigx.toml as rigx understands it.
//
// [Load] reads the root file and everything it leads to (includes, extended
// variables, modules, local dependencies) through a file system that it is
// handed, and gives a [Manifest]: sections and targets in which every name and
// value knows its file and range, with all diagnostics of one run. It never
// fails halfway: what could be understood is there, and [Manifest.Diagnostics]
// says what could not.
//
//	m := manifest.Load(ctx, source.Disk(), "/home/me/project", manifest.Options{})
//	for _, t := range m.Targets { fmt.Println(t.Name, t.Kind) }
//
// Loading looks at names and shapes only. [Manifest.ResolveFiles] then expands
// globs, checks that the named files exist, and says which files each target's
// source consists of; commands that only list or draw skip it.
//
// The steps are one file each: document.go gives the TOML tables of a syntax
// tree, decode.go turns tables into typed fields by the schema table, load.go
// follows the files, vars.go expands variables, resolve.go turns names into
// edges of the target graph, check.go holds what must be true of all that,
// scripts.go what must be true of the bash in it, and revise.go reads one target
// anew after an edit.
package manifest
