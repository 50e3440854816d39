package manifest

import (
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// A Judged manifest is one with its files resolved and all that was found.
type Judged struct {
	*Manifest
	Files *Files
	// Tree is where the files were looked up.
	Tree    *source.Tree
	Scripts *Scripts
	// Found holds the diagnostics of the file that is revised, by place.
	Found []*diagnostic.Diagnostic
}

// A Revision is what an edit inside one target leads to.
type Revision struct {
	// File has the new text, and a tree of the edited target only.
	File *syntax.File
	// Target as it is now. Others still depend on the one it was.
	Target *Target
	// Files of the target's units.
	Files []*UnitFiles
	// Found replaces what was found in the file.
	Found []*diagnostic.Diagnostic
}

// Revise reads the one target that an edit lies in, and says what loading the
// project anew would say about the file. It reports false, and the project must
// be loaded, unless the edit stays inside a target and changes nothing that
// another place depends on. In doubt it reports false.
func (j Judged) Revise(old *syntax.File, text string) (*Revision, bool) {
	e := difference(old.Tree.Text, text)
	before, ok := j.extentAround(old, e)
	if !ok {
		return nil, false
	}
	after := extent{before.name, before.start, before.end + len(text) - len(old.Tree.Text)}
	was := j.targetIn(old, before)
	switch {
	case was == nil, len(text) > syntax.MaxSize, !utf8.ValidString(text[after.start:after.end]):
		return nil, false
	}
	tree, ok := syntax.ParseSection(text, after.start, after.end)
	if !ok || len(old.Tree.Errors)+len(tree.Errors) > syntax.MaxErrors/2 || !onlyTarget(tree, was.Local.Value) {
		return nil, false
	}
	file := &syntax.File{Path: old.Path, Name: old.Name, Tree: tree}
	r, ok := j.judge(was, file)
	if !ok || slices.ContainsFunc(r.Found, func(d *diagnostic.Diagnostic) bool { return d.At.File != file }) || j.blames(was.variables) {
		return nil, false // what a variable brings in is found where that is defined
	}
	kept, ok := j.outside(before, old)
	if !ok {
		return nil, false
	}
	m := move{old, file, e}
	for i, d := range kept {
		if kept[i], ok = m.diagnostic(d); !ok {
			return nil, false
		}
	}
	for i, d := range r.Found { // related places are those of the old text
		if r.Found[i], ok = m.diagnostic(d); !ok {
			return nil, false
		}
	}
	r.Found = diagnostic.Sorted(append(kept, r.Found...), []*syntax.File{file})
	return r, true
}

// An edit replaces the bytes from start to end by others, so that there are
// delta more of them.
type edit struct{ start, end, delta int }

// difference is the one edit that leads from one text to another.
func difference(from, to string) edit {
	most := min(len(from), len(to))
	start := commonPrefix(from[:most], to[:most])
	end := 0
	for end < most-start && from[len(from)-1-end] == to[len(to)-1-end] {
		end++
	}
	return edit{start, len(from) - end, len(to) - len(from)}
}

// commonPrefix of two texts of one length. Comparing halves is faster than
// comparing bytes.
func commonPrefix(a, b string) int {
	n := 0
	for len(a) > 16 {
		half := len(a) / 2
		if a[:half] == b[:half] {
			n += half
			a, b = a[half:], b[half:]
		} else {
			a, b = a[:half], b[:half]
		}
	}
	for i := range len(a) {
		if a[i] != b[i] {
			return n + i
		}
	}
	return n + len(a)
}

// An extent is the text of one target, from its first header to the next
// header of something else.
type extent struct {
	name       string
	start, end int
}

// extentAround finds the target that an edit lies in, behind its first header.
// All that the file says of the target must be there, in one piece.
func (j Judged) extentAround(file *syntax.File, e edit) (extent, bool) {
	tree := file.Tree
	if !tree.Plain() {
		return extent{}, false
	}
	tables := tree.Tables
	at, _ := slices.BinarySearchFunc(tables[1:], e.start, func(t syntax.Table, off int) int {
		return int(t.Header.End) - off
	})
	// tables[at] is the last one whose header ends before the edit begins.
	name, ok := targetOf(&tables[at])
	if !ok {
		return extent{}, false
	}
	first, next := at, at+1
	for first > 1 && ownedBy(&tables[first-1], name) {
		first--
	}
	for next < len(tables) && ownedBy(&tables[next], name) {
		next++
	}
	s := extent{name: name, start: int(tables[first].Header.Start), end: len(tree.Text)}
	if next < len(tables) {
		s.end = int(tables[next].Header.Start)
	}
	// The next header must stay at the start of its line.
	if e.end > s.end || next < len(tables) && e.end > s.end-1 || len(tables[first].Path) != 2 {
		return extent{}, false
	}
	if start := tree.Text[:s.start]; start != "" && !strings.HasSuffix(start, "\n") || s.end < len(tree.Text) && tree.Text[s.end-1] != '\n' {
		return extent{}, false
	}
	for i := range tables {
		if i == 0 && slices.ContainsFunc(tables[0].Entries, definesTargets) {
			return extent{}, false
		}
		if (i < first || i >= next) && i > 0 && (ownedBy(&tables[i], name) || len(tables[i].Path) == 1 && tables[i].Path[0].Name == "targets") {
			return extent{}, false
		}
	}
	return s, true
}

func definesTargets(e syntax.Entry) bool { return e.Path[0].Name == "targets" }

// targetOf is the name in a header [targets.name…].
func targetOf(t *syntax.Table) (string, bool) {
	if len(t.Path) < 2 || t.Path[0].Name != "targets" || t.Broken {
		return "", false
	}
	return t.Path[1].Name, true
}

func ownedBy(t *syntax.Table, name string) bool {
	return len(t.Path) > 1 && t.Path[1].Name == name && t.Path[0].Name == "targets"
}

// onlyTarget reports whether a section still is about that target alone.
func onlyTarget(tree *syntax.Tree, name string) bool {
	for i := range tree.Tables[1:] {
		if t := &tree.Tables[i+1]; t.Broken || !ownedBy(t, name) {
			return false
		}
	}
	return len(tree.Tables) > 1
}

// targetIn is the target that a section declares; nil if that is not what the
// name means in the project.
func (j Judged) targetIn(file *syntax.File, s extent) *Target {
	for _, t := range j.Targets {
		if t.Local.Value == s.name && t.Local.At.File == file && int(t.Local.At.Span.Start) > s.start && int(t.Local.At.Span.End) < s.end {
			return t
		}
	}
	return nil
}

// blames reports whether something was found in what variables stand for: it
// depends on the targets that use them.
func (j Judged) blames(variables []*Variable) bool {
	for _, v := range variables {
		for _, s := range v.Values {
			for _, d := range j.Found {
				if d.At.File == s.At.File && d.At.Span.Start >= s.At.Span.Start && d.At.Span.Start < s.At.Span.End {
					return true
				}
			}
		}
	}
	return false
}

// wide are the findings that may vanish or move with a change elsewhere than
// at the place they point to.
var wide = []diagnostic.Code{
	diagnostic.Collision, diagnostic.Redefined, diagnostic.Duplicate, diagnostic.Cycle,
	diagnostic.Encoding, diagnostic.IncludeCycle,
}

// outside returns what was found elsewhere than in the text of a target.
func (j Judged) outside(x extent, file *syntax.File) ([]*diagnostic.Diagnostic, bool) {
	kept := make([]*diagnostic.Diagnostic, 0, len(j.Found)+4)
	for _, d := range j.Found {
		if slices.Contains(wide, d.Code) {
			return nil, false
		}
		if at := int(d.At.Span.Start); at < x.start || at >= x.end && x.end < len(file.Tree.Text) {
			kept = append(kept, d)
		}
	}
	return kept, true
}

// A move takes places of a file to where they are after an edit.
type move struct {
	from, to *syntax.File
	edit     edit
}

// location reports false for a place that the edit touches.
func (m move) location(at Location) (Location, bool) {
	if at.File != m.from {
		return at, true
	}
	at.File = m.to
	switch {
	case int(at.Span.End) <= m.edit.start:
	case int(at.Span.Start) >= m.edit.end:
		at.Span.Start = uint32(int(at.Span.Start) + m.edit.delta)
		at.Span.End = uint32(int(at.Span.End) + m.edit.delta)
	default:
		return at, false
	}
	return at, true
}

func (m move) diagnostic(d *diagnostic.Diagnostic) (*diagnostic.Diagnostic, bool) {
	moved, ok := *d, false
	if moved.At, ok = m.location(d.At); !ok {
		return nil, false
	}
	moved.Related = slices.Clone(d.Related)
	for i := range moved.Related {
		if moved.Related[i].At, ok = m.location(moved.Related[i].At); !ok {
			return nil, false
		}
	}
	return &moved, true
}

// judge reads a target anew, as loading the project would. It reports false if
// it is no longer to others what it was.
func (j Judged) judge(was *Target, file *syntax.File) (*Revision, bool) {
	var found diagnostic.List
	root := buildDocument(file, &found)
	d := &decoder{file: file, diags: &found, variables: j.Manifest, room: new(atomic.Int64)}
	d.room.Store(maxExpanded)
	targets := root.get("targets")
	if len(targets.members) != 1 {
		return nil, false
	}
	t := d.target(was.Module, was.Local.Value, targets.members[0].node)
	if t == nil || !looksLike(t, was) {
		return nil, false
	}
	r := resolver{m: j.Manifest, diags: &found, compare: maxCompared}
	r.target(t)
	if !slices.Equal(dependencies(t), dependencies(was)) {
		return nil, false // there may be a circle now
	}
	if !sameSet(t.variables, was.variables) {
		return nil, false // one may be used no longer, or at last
	}
	checker{&found}.target(t)
	files := &Files{Baseline: j.Files.Baseline, units: make([][]*UnitFiles, 1)}
	if t.Buildable() {
		r := fileResolver{m: j.Manifest, tree: j.Tree, out: files, diags: &found, below: map[string][]string{}, folders: map[string]bool{}}
		r.target(t)
	}
	j.checkScripts(t, j.Scripts, &found)
	return &Revision{File: file, Target: t, Files: files.units[0], Found: found.All()}, true
}

// looksLike reports whether two versions of a target are the same to those
// that depend on it.
func looksLike(a, b *Target) bool {
	return a.Name == b.Name && a.Kind == b.Kind && a.Buildable() == b.Buildable() &&
		a.sets(schema.KindField) == b.sets(schema.KindField) &&
		(len(a.Records(schema.Nodes)) == 0) == (len(b.Records(schema.Nodes)) == 0) &&
		slices.EqualFunc(a.Variants, b.Variants, func(x, y *Variant) bool { return x.Name.Value == y.Name.Value })
}

// dependencies are the targets that a target has an edge to.
func dependencies(t *Target) []Unit {
	var units []Unit
	for i := range t.Edges {
		if t.Edges[i].Kind == ToTarget {
			units = append(units, t.Edges[i].Unit)
		}
	}
	return units
}

func sameSet(a, b []*Variable) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(v *Variable) bool { return !slices.Contains(b, v) })
}
