package engine

import (
	"strings"
	"testing"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// TestMoved: hashes are written into what a file has become while they were computed,
// unless they are where it was edited.
func TestMoved(t *testing.T) {
	const before = "a = \"old\"\nb = \"old\"\n"
	edit := func(from string, text string) manifest.Edit {
		start := strings.Index(before, from) + len(from) - len(`"old"`)
		return manifest.Edit{Span: syntax.Span{Start: uint32(start), End: uint32(start) + 5}, Text: text}
	}
	edits := []manifest.Edit{edit(`a = "old"`, `"A"`), edit(`b = "old"`, `"B"`)}
	for now, want := range map[string]string{
		before:                                  "a = \"A\"\nb = \"B\"\n",
		before + "c = 1\n":                      "a = \"A\"\nb = \"B\"\nc = 1\n",
		"# new\n" + before:                      "# new\na = \"A\"\nb = \"B\"\n",
		"a = \"old\"\n# between\nb = \"old\"\n": "a = \"A\"\n# between\nb = \"B\"\n",
		"a = \"old\"\nb = \"mine\"\n":           "",
		"a = \"mine\"\nb = \"old\"\n":           "",
		"":                                      "",
	} {
		got := ""
		if edits, ok := moved(edits, before, now); ok {
			got = manifest.Apply(now, edits)
		}
		if got != want {
			t.Errorf("%q becomes %q, not %q", now, got, want)
		}
	}
}
