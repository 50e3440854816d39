package syntax

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// whole reads a text in one part.
func whole(text string) *Tree {
	p := newParser(text, literally)
	p.document()
	return p.tree
}

// TestSections: a text that is read in parts gives the tree of the whole, be
// the parts cut inside of strings and arrays.
func TestSections(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	}
	line := "k = 1 # comment\n"
	for name, text := range map[string]string{
		"tables":  largeText(2000),
		"string":  "a = '''\n" + strings.Repeat("[no.header]\nx = 1\n", 30_000) + "'''\nb = 1\n[t]\n" + line,
		"array":   "a = [\n" + strings.Repeat("[1, 2],\n", 60_000) + "]\n[t]\n" + line,
		"comment": "\uFEFF[t]\n" + strings.Repeat("# [no.header]\n", 40_000) + "[[u]]\n" + line,
	} {
		t.Run(name, func(t *testing.T) {
			want, got := whole(text), Parse(text)
			if len(want.Errors) > 0 {
				t.Fatal(want.Errors[0])
			}
			if len(got.Errors) > 0 || !reflect.DeepEqual(want.Tables, got.Tables) || !slices.Equal(want.comments, got.comments) || got.Text != text {
				t.Error("the trees differ")
			}
		})
	}
	if tree, ok := parseSections(largeText(5000)); !ok || len(tree.Tables) != 5001 {
		t.Error("a large text without errors was not read in parts")
	}
	if _, ok := parseSections(strings.Replace(largeText(5000), "language", "\"", 1)); ok {
		t.Error("a text with an error was read in parts")
	}
}
