package analysis

import (
	"slices"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Revised is a snapshot after an edit inside one target: enough to judge the
// file and to complete in that target, for a fraction of what loading takes.
type Revised struct {
	*manifest.Revision
	s *Snapshot
}

// Revise looks at a file of the project once its text is another one. Nothing
// changes for other files then. It reports false if the project must be loaded
// to tell.
func (s *Snapshot) Revise(path, text string) (*Revised, bool) {
	file := s.paths[path]
	if file == nil {
		return nil, false
	}
	judged := manifest.Judged{Manifest: s.Manifest, Files: s.files(), Tree: s.tree, Scripts: s.scripts, Found: s.Diagnostics(file)}
	r, ok := judged.Revise(file, text)
	if !ok {
		return nil, false
	}
	var found diagnostic.List
	s.checkPackages(r.Target, &found)
	if found.Len() > 0 {
		r.Found = diagnostic.Sorted(append(r.Found, found.All()...), []*syntax.File{r.File})
	}
	return &Revised{r, s}, true
}

// Diagnostics returns what `rigx check` would say about the file.
func (r *Revised) Diagnostics() []*diagnostic.Diagnostic { return r.Found }

// Complete is [Snapshot.Complete] in the target that was edited. It reports
// false elsewhere.
func (r *Revised) Complete(offset uint32) (Completions, bool) {
	c := At(r.File, offset)
	p := c.Place()
	if c.InHeader || p.Target != r.Target.Local.Value || slices.ContainsFunc(r.File.Tree.Tables[:1], func(t syntax.Table) bool { return len(t.Entries) > 0 }) {
		return Completions{}, false
	}
	w := completer{s: r.s, c: c, m: r.s.Manifest, target: r.Target}
	if len(r.Files) > 0 {
		w.language = r.Files[0].Language
	}
	w.complete()
	return Completions{w.out, w.more}, true
}
