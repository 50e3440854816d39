package syntax

import (
	"runtime"
	"slices"
	"strings"
	"sync"
)

// sectionSize is the least text that is worth a goroutine of its own.
const sectionSize = 128 << 10

// parseSections reads a large text in several parts at once. It reports false
// if there is any error: then the text is better read as a whole.
//
// A part begins at a line that starts with a bracket. If that line is no header
// but lies in a string or an array, the part before it ends in the middle of
// one, which is an error. So without errors the parts are what reading the
// whole text would give.
func parseSections(text string) (*Tree, bool) {
	starts := sectionStarts(text)
	if len(starts) < 2 {
		return nil, false
	}
	parsers := make([]*parser, len(starts))
	var all sync.WaitGroup
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		all.Go(func() {
			p := newParser(text[start:end], literally)
			p.text, p.pos = text[:end], start
			p.document()
			parsers[i] = p
		})
	}
	all.Wait()
	tables, ambiguous := 0, false
	for _, p := range parsers {
		if p.failures > 0 {
			return nil, false
		}
		tables += len(p.tree.Tables)
		ambiguous = ambiguous || p.ambiguous
	}
	tree := parsers[0].tree
	tree.Text, tree.plain = text, !ambiguous
	tree.Tables = slices.Grow(tree.Tables, tables)
	for _, p := range parsers[1:] {
		tree.Tables = append(tree.Tables, p.tree.Tables[1:]...) // the root's is empty
		tree.comments = append(tree.comments, p.tree.comments...)
	}
	return tree, true
}

// sectionStarts divides a text evenly at lines that may be headers.
func sectionStarts(text string) []int {
	parts := min(runtime.GOMAXPROCS(0), len(text)/sectionSize)
	starts := []int{0}
	for i := 1; i < parts; i++ {
		from := max(i*(len(text)/parts), starts[len(starts)-1]+1)
		found := strings.Index(text[min(from, len(text)):], "\n[")
		if found < 0 {
			break
		}
		starts = append(starts, from+found+1)
	}
	return starts
}

// ParseSection reads text[start:end] as it is read within the whole text: it
// begins at the line of a header, and another header or the end of the text
// follows. Offsets in the tree are those of the whole text.
//
// It reports false if the section cannot be told by itself, because something
// in it is not closed where it ends.
func ParseSection(text string, start, end int) (*Tree, bool) {
	p := newParser(text[start:end], literally)
	p.text, p.pos = text[:end], start
	p.document()
	if p.overruns || p.ambiguous || p.stopped {
		return nil, false
	}
	p.tree.Text = text
	return p.tree, true
}

// Plain reports whether there is but one way to read the text, and no error
// reaches from one section into another. Then a section means by itself what
// it means within the whole.
func (t *Tree) Plain() bool { return t.plain }
