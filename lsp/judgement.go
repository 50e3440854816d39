package lsp

import (
	"slices"
	"sync"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// A judgement holds the projects of a state that was judged. Most states
// differ from it by what was typed into one target since: then that target is
// all that has to be read.
type judgement struct {
	docs     map[string]*document
	disk     int
	projects []*analysis.Snapshot
}

// judged is the judgement of a state whose projects are loaded.
func (st *state) judged() *judgement {
	return &judgement{st.docs, st.disk, st.openProjects()}
}

// A revision is the one document that changed, and what that means.
type revision struct {
	doc *document
	*analysis.Revised
}

// A shortcut is a state's way to what was known before it, for as long as it is
// not judged itself.
type shortcut struct {
	mu       sync.Mutex
	earlier  *judgement
	revision *revision
	tried    bool
}

// close lets go of what was known before: a large project should not be in
// memory twice.
func (s *shortcut) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.earlier, s.revision, s.tried = nil, nil, true
}

// revised is what the state comes to if little changed since the last
// judgement. It is nil if the projects must be loaded.
func (st *state) revised() *revision {
	s := &st.short
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tried {
		s.revision, s.tried = st.reviseSince(s.earlier), true
	}
	return s.revision
}

func (st *state) reviseSince(earlier *judgement) *revision {
	if earlier == nil {
		return nil
	}
	doc := st.changedSince(earlier)
	if doc == nil {
		return nil
	}
	project := earlier.onlyProject(doc.path)
	if project == nil {
		return nil
	}
	if r, ok := project.Revise(doc.path, doc.text); ok {
		return &revision{doc, r}
	}
	return nil
}

// changedSince is the document that is another one now, if that is all that
// changed.
func (st *state) changedSince(j *judgement) *document {
	if len(st.docs) != len(j.docs) || st.disk != j.disk {
		return nil
	}
	var changed *document
	for path, doc := range st.docs {
		switch j.docs[path] {
		case doc:
		case nil:
			return nil
		default:
			if changed != nil {
				return nil
			}
			changed = doc
		}
	}
	return changed
}

// onlyProject is the project that a file belongs to, if it has a part in no
// other.
func (j *judgement) onlyProject(path string) *analysis.Snapshot {
	var only *analysis.Snapshot
	for _, s := range j.projects {
		if !slices.ContainsFunc(s.Manifest.AllFiles(), func(f *syntax.File) bool { return f.Path == path }) {
			continue
		}
		if only != nil || s.File(path) == nil {
			return nil
		}
		only = s
	}
	return only
}
