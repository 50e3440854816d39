package format_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/tools/txtar"

	"github.com/rigx-build/rigx/engine/manifest/format"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

var update = flag.Bool("update", false, "write what comes out into the golden files")

// The files in testdata/format hold a text and its canonical shape.
func TestTree(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/format/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) == 1 {
				archive.Files = append(archive.Files, txtar.File{Name: "out.toml"})
			}
			in, out := string(archive.Files[0].Data), &archive.Files[1].Data
			got := check(t, in)
			if *update {
				*out = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(*out), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// check formats a text and looks at everything that formatting must not break.
func check(t *testing.T, text string) string {
	t.Helper()
	tree := syntax.Parse(text)
	got := format.Tree(tree)
	if len(tree.Errors) > 0 {
		if got != text {
			t.Fatalf("a text with errors was changed:\n%s\nto\n%s", text, got)
		}
		return got
	}
	again := syntax.Parse(got)
	if len(again.Errors) > 0 {
		t.Fatalf("%q\nbecame\n%q, which has an error: %v", text, got, again.Errors[0])
	}
	if twice := format.Tree(again); twice != got {
		t.Fatalf("%q\nformatted twice differs:\n%s", text, cmp.Diff(got, twice))
	}
	if before, after := commentsOf(tree), commentsOf(again); !slices.Equal(before, after) {
		t.Fatalf("%q\nthe comments changed:\n%s", text, cmp.Diff(before, after))
	}
	// What only ours accepts (TOML 1.1, keys defined twice) has nobody to ask.
	var before, after map[string]any
	if toml.Unmarshal([]byte(text), &before) == nil {
		if err := toml.Unmarshal([]byte(got), &after); err != nil {
			t.Fatalf("%q\nbecame\n%q, which cannot be read: %v", text, got, err)
		}
		if !reflect.DeepEqual(before, after) && !strings.Contains(text, "nan") {
			t.Fatalf("%q\nthe content changed:\n%s", text, cmp.Diff(before, after))
		}
	}
	return got
}

func commentsOf(t *syntax.Tree) []string {
	out := []string{}
	for _, c := range t.Comments() {
		out = append(out, strings.TrimRight(t.Text[c.Start:c.End], " \t\r"))
	}
	slices.Sort(out)
	return out
}

// Formatting the example changes nothing: it is how we write.
func TestExample(t *testing.T) {
	for _, name := range []string{"rigx.toml", "service/rigx.toml"} {
		name = filepath.Join("../../../testdata/example", name)
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), check(t, string(text))); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func FuzzTree(f *testing.F) {
	files, _ := filepath.Glob("../../../testdata/format/*.txtar")
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(archive.Files[0].Data))
	}
	f.Fuzz(func(t *testing.T, text string) { check(t, text) })
}

func BenchmarkTree(b *testing.B) {
	text := "[project]\nname = \"bench\"\n" + strings.Repeat(`
# a comment
[targets.component]
kind = "executable"
sources = ["src/a.cpp", "src/b.cpp"]  # two
deps.internal = ["x"]
cxxflags = [
  "-Wall",
  "-O2"
]
`, 10_000)
	tree := syntax.Parse(text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		format.Tree(tree)
	}
}
