package engine

import (
	"context"
	"path/filepath"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/source"
)

// project is this one, or one that it depends on, with the files of its targets.
type project struct {
	*manifest.Manifest
	files *manifest.Files
	tree  *source.Tree
}

// projects are this one, first, and all that it depends on. Their files are looked
// for once.
func (w *Workspace) projects(ctx context.Context) []project {
	if w.all == nil {
		for _, m := range w.Manifest.Projects() {
			p := project{m, nil, w.tree}
			if m == w.Manifest {
				p.files = w.Resolve(ctx)
			} else {
				p.tree = source.NewTree(source.Disk(), m.Dir)
				p.files = m.ResolveFiles(ctx, p.tree)
			}
			w.all = append(w.all, p)
		}
	}
	return w.all
}

// sources lists the files that some units of a project are made from, relative to it
// and with repetitions. whole is true if any of them is made from the whole tree, whose
// files are not listed.
func (p project) sources(units []manifest.Unit) (files []string, whole bool) {
	for _, u := range units {
		of := p.files.Of(u)
		if of == nil {
			continue
		}
		whole = whole || of.Src.Whole
		files = append(append(files, of.Src.Files...), of.VenvFiles...)
	}
	return files, whole
}

// units are all that the targets of a project consist of.
func (p project) units() []manifest.Unit {
	var all []manifest.Unit
	for _, t := range p.Targets {
		all = append(all, t.Units()...)
	}
	return all
}

// wholeTree lists everything in the directory of a project that may be part of a
// whole-tree source, as absolute paths: what comes and goes in directories counts.
func (p project) wholeTree() []string {
	dir := filepath.Clean(p.Dir)
	return append([]string{dir}, source.Everything(dir)...)
}
