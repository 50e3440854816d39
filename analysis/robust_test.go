package analysis_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// TestTyping types a real file character by character, and asks everything at
// the cursor: nothing may fail, and what is offered must touch the cursor.
func TestTyping(t *testing.T) {
	example, err := filepath.Abs("../testdata/example")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(example, "rigx.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tree := source.NewTree(source.Disk(), example)
	step := 1
	if testing.Short() {
		step = 17
	}
	for n := 0; n <= len(text); n += step {
		typed := syntax.NewFile(path, "rigx.toml", string(text[:n]))
		s := analysis.Load(t.Context(), source.Disk(), example, analysis.Options{Tree: tree, Parsed: func(p string) *syntax.File {
			if p == path {
				return typed
			}
			return nil
		}})
		askEverything(t, s, typed, uint32(n))
	}
}

func askEverything(t *testing.T, s *analysis.Snapshot, file *syntax.File, offset uint32) {
	t.Helper()
	within := func(what string, span syntax.Span) {
		if span.Start > span.End || int(span.End) > len(file.Tree.Text) {
			t.Fatalf("%s at %d of %q: %v is outside", what, offset, file.Tree.Text, span)
		}
	}
	for _, c := range s.Complete(file, offset).Items {
		within("completion", c.Span)
		if c.Span.Start > offset || c.Span.End < offset {
			t.Fatalf("completion %q at %d of %q replaces %v", c.Label, offset, file.Tree.Text, c.Span)
		}
	}
	if h, ok := s.Hover(file, offset); ok {
		within("hover", h.Span)
	}
	if m, ok := s.MentionAt(file, offset); ok {
		within("mention", m.Span)
		s.References(m.Symbol)
		if edits, err := s.Rename(file, offset, "renamed"); err == nil && len(edits) == 0 {
			t.Fatalf("renaming at %d of %q changes nothing", offset, file.Tree.Text)
		}
	}
	s.Definition(file, offset)
	for _, span := range analysis.Selections(file, offset) {
		within("selection", span)
	}
	s.Lenses(file)
	for _, a := range s.Actions(file, syntax.Span{Start: offset, End: offset}) {
		for _, e := range a.Edits {
			if e.File == file {
				within("action", e.Span)
			}
		}
	}
	for _, h := range s.Hints(file, syntax.Span{End: uint32(len(file.Tree.Text))}) {
		within("hint", syntax.Span{Start: h.Offset, End: h.Offset})
	}
	for _, e := range analysis.Format(file) {
		within("format", e.Span)
	}
	analysis.Outline(file)
	analysis.Folds(file)
	s.Links(file)
	s.FindSymbols("e")
}

// FuzzFeatures asks everything at any place of any text.
func FuzzFeatures(f *testing.F) {
	text, err := os.ReadFile("../testdata/example/rigx.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text), uint32(300))
	f.Add("[targets.a]\nkind = \"custom\"\ninstall_script = \"${", uint32(45))
	f.Add("[targets.a.variants.", uint32(20))
	f.Add("targets = { a = { deps = { internal = [\"", uint32(40))
	dir := f.TempDir()
	path := filepath.Join(dir, "rigx.toml")
	f.Fuzz(func(t *testing.T, text string, offset uint32) {
		file := syntax.NewFile(path, "rigx.toml", text)
		s := analysis.Load(t.Context(), source.Disk(), dir, analysis.Options{Parsed: func(p string) *syntax.File {
			if p == path {
				return file
			}
			return nil
		}})
		askEverything(t, s, file, min(offset, uint32(len(text))))
	})
}

// TestLineEndings: what an action writes has the line endings of the file.
func TestLineEndings(t *testing.T) {
	dir := t.TempDir()
	text := "[project]\r\nname = \"p\"\r\n\r\n[targets.a]\r\nkind = \"custom\"\r\ndeps.git = [\"x\"]\r\ninstall_script = \"jq . > $out\"\r\n"
	file := syntax.NewFile(filepath.Join(dir, "rigx.toml"), "rigx.toml", text)
	s := analysis.Load(t.Context(), source.Disk(), dir, analysis.Options{Parsed: func(string) *syntax.File { return file }})
	seen := 0
	for _, a := range s.Actions(file, syntax.Span{End: uint32(len(text))}) {
		for _, e := range a.Edits {
			seen++
			if strings.Count(e.Text, "\n") != strings.Count(e.Text, "\r\n") {
				t.Errorf("%s writes %q", a.Title, e.Text)
			}
		}
	}
	if seen < 2 {
		t.Error("too few actions to tell:", seen)
	}
}
