package analysis

import (
	"context"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// Options of a snapshot.
type Options struct {
	// Parsed gives files that are parsed already; see [manifest.Options].
	Parsed func(path string) *syntax.File
	// Tree is the directory tree of the project. Snapshots may share one as
	// long as no file comes or goes. Nil makes a new one.
	Tree *source.Tree
	// Scripts remembers what was read of scripts from one snapshot to the next;
	// it may be nil.
	Scripts *manifest.Scripts
	// Packages of the project's nixpkgs, if they are known.
	Packages *Packages
}

// Snapshot is a project at one moment. It does not change, and is safe for
// concurrent use.
type Snapshot struct {
	Manifest *manifest.Manifest

	fs          source.FS
	tree        *source.Tree
	scripts     *manifest.Scripts
	packages    *Packages
	paths       map[string]*syntax.File
	files       func() *manifest.Files
	diagnostics func() map[string][]*diagnostic.Diagnostic
}

// Load reads the project in dir. What needs the directory tree is computed
// when it is first asked for, until ctx ends.
func Load(ctx context.Context, fsys source.FS, dir string, opts Options) *Snapshot {
	m := manifest.Load(ctx, fsys, dir, manifest.Options{Parsed: opts.Parsed})
	s := &Snapshot{Manifest: m, fs: fsys, tree: opts.Tree, scripts: opts.Scripts, packages: opts.Packages, paths: make(map[string]*syntax.File, len(m.Files))}
	if s.tree == nil {
		s.tree = source.NewTree(fsys, dir)
	}
	for _, f := range m.Files {
		s.paths[f.Path] = f
	}
	s.files = sync.OnceValue(func() *manifest.Files { return m.ResolveFiles(ctx, s.tree) })
	s.diagnostics = sync.OnceValue(s.groupDiagnostics)
	return s
}

// File returns the file of the project at an absolute path, or nil.
func (s *Snapshot) File(path string) *syntax.File { return s.paths[path] }

// Files says which files the targets consist of.
func (s *Snapshot) Files() *manifest.Files { return s.files() }

// Diagnostics returns what `rigx check` says about a file, by place.
func (s *Snapshot) Diagnostics(file *syntax.File) []*diagnostic.Diagnostic {
	return s.diagnostics()[file.Path]
}

func (s *Snapshot) groupDiagnostics() map[string][]*diagnostic.Diagnostic {
	groups := map[string][]*diagnostic.Diagnostic{}
	all := append(s.Manifest.Diagnostics(), s.files().Diagnostics()...)
	for _, m := range s.Manifest.Projects() {
		all = append(all, m.CheckScripts(s.scripts)...)
	}
	var packages diagnostic.List
	for _, t := range s.Manifest.Targets {
		s.checkPackages(t, &packages)
	}
	all = append(all, packages.All()...)
	for _, d := range diagnostic.Sorted(all, s.Manifest.AllFiles()) {
		groups[d.At.File.Path] = append(groups[d.At.File.Path], d)
	}
	return groups
}
