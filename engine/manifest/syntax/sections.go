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
	tables := 0
	for _, p := range parsers {
		if p.failures > 0 {
			return nil, false
		}
		tables += len(p.tree.Tables)
	}
	tree := parsers[0].tree
	tree.Text = text
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
