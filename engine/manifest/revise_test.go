package manifest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// A project that is edited at random, and asked after each edit.
type edited struct {
	t       testing.TB
	dir     string
	path    string
	tree    *source.Tree
	scripts manifest.Scripts
}

func newEdited(t testing.TB) *edited {
	dir := t.TempDir()
	for _, name := range []string{"src/main.c", "src/b.c", "include/a.h", "run.sh"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &edited{t: t, dir: dir, path: filepath.Join(dir, manifest.FileName), tree: source.NewTree(source.Disk(), dir)}
}

// load judges a text from scratch.
func (e *edited) load(text string) (manifest.Judged, *syntax.File) {
	file := syntax.NewFile(e.path, manifest.FileName, text)
	m := manifest.Load(e.t.Context(), source.Disk(), e.dir, manifest.Options{Parsed: func(path string) *syntax.File {
		if path == e.path {
			return file
		}
		return nil
	}})
	files := m.ResolveFiles(e.t.Context(), e.tree)
	all := append(m.Diagnostics(), files.Diagnostics()...)
	found := diagnostic.Sorted(append(all, m.CheckScripts(&e.scripts)...), m.AllFiles())
	return manifest.Judged{Manifest: m, Files: files, Tree: e.tree, Scripts: &e.scripts, Found: found}, file
}

// TestRevise makes random edits, the kind people make and others, and compares
// what the short way says after each with what loading everything says.
// RIGX_REVISE_EDITS makes it longer.
func TestRevise(t *testing.T) {
	edits := 20_000
	if n, err := strconv.Atoi(os.Getenv("RIGX_REVISE_EDITS")); err == nil {
		edits = n
	}
	e := newEdited(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 2))
	text := revisable
	judged, file := e.load(text)
	revised := 0
	for i := range edits {
		next := randomEdit(random, text)
		want, wantFile := e.load(next)
		got, ok := judged.Revise(file, next)
		if ok {
			revised++
			if a, b := lines(got.Found), lines(want.Found); a != b {
				t.Fatalf("edit %d of seed %d: from\n%s\nto\n%s\nrevised:\n%s\nloaded:\n%s", i, seed, file.Tree.Text, next, a, b)
			}
		}
		text = next
		// As the server does, the loaded state stays until it is of no use.
		if !ok || random.IntN(20) == 0 {
			judged, file = want, wantFile
		}
		if random.IntN(6) == 0 {
			text = revisable
			judged, file = e.load(text)
		}
	}
	t.Logf("%d of %d edits took the short way", revised, edits)
	if revised < edits*24/100 {
		t.Errorf("only %d of %d edits took the short way", revised, edits)
	}
}

func lines(found []*diagnostic.Diagnostic) string {
	var b strings.Builder
	place := func(at diagnostic.Location) string {
		if at.File == nil {
			return "-"
		}
		return fmt.Sprintf("%s:%v %v %q", at.File.Name, at.File.Position(at.Span.Start), at.Span, manifest.TextAt(at))
	}
	for _, d := range found {
		fmt.Fprintf(&b, "%s %s %s | %s | %v | %s", d.Code, place(d.At), d.Message, d.Label, d.Help, d.Suggestion)
		for _, r := range d.Related {
			fmt.Fprintf(&b, " [%s %s]", place(r.At), r.Message)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// randomEdit replaces a bit of the text by another.
func randomEdit(random *rand.Rand, text string) string {
	at := random.IntN(len(text) + 1)
	if random.IntN(3) > 0 {
		// Inside a line that is there, where people type.
		if n := strings.LastIndexAny(text[:at], "\"=,"); n > 0 {
			at = n + random.IntN(2)
		}
	}
	cut := 0
	if random.IntN(3) == 0 {
		cut = min(random.IntN(12), len(text)-at)
	}
	words := strings.Split(revisableWords, "|")
	with := words[random.IntN(len(words))]
	switch random.IntN(6) {
	case 0:
		with = ""
		cut = min(1, len(text)-at)
	case 1:
		from := random.IntN(len(revisable))
		with = revisable[from : from+random.IntN(min(40, len(revisable)-from))]
	}
	return text[:at] + with + text[at+cut:]
}

const revisableWords = `a|"|""|'|'''|"""|[|]|{|}|=|,|.|#|` + "\n|\r\n|\n\n|\t| " + `|x = 1|kind = "executable"|kind = "test"|` +
	`sources = ["src/*.c"]|"src/missing.c"|deps.internal = ["lib"]|${lib}|${nothing}|$vars.flags|"$vars.unknown"|[targets.new]|` +
	`[targets.app.variants.fast]|[vars]|sandbox = false|description = "é😀"|"lib"|"app"|[[targets.lib.volumes]]|\u0000|é|jq . x|$(|if true|'''x|''${y}|` + "\xff"

const revisable = `include = []
[project]
name = "demo"

[vars]
flags = ["-O2"]
unused = ["-g"]

# a library
[targets.lib]
kind = "static_library"
sources = ["src/b.c"]
public_headers = ["include"]
cflags = ["$vars.flags"]

[targets.app]
kind = "executable"
language = "c"
sources = ["src/main.c", "src/absent.c"]
includes = ["include"]
deps.internal = ["lib"]
defines = { A = 1, B = "two" }

[targets.app.variants.debug]
cflags = ["-g"]
[targets.app.variants.release]
cflags = ["-O3"]

[targets.gen]
kind = "custom"
install_script = """
mkdir -p $out
echo ${app} > $out/x
"""
outputs = ["x"]

[targets.check]
kind = "test"
script = '''
${app}/bin/app
'''
deps.internal = ["app", "gone"]

[targets.go]
kind = "script"
script = "./run.sh"
deps.nixpkgs = ["jq"]

[targets.box]
kind = "capsule"
entrypoint = "${app}/bin/app"

[targets.lab]
kind = "testbed"
subnet = "127.0.9.0/24"
nodes = { a = { capsule = "box", listens_on = [80] }, b = { command = "${gen}/run" } }
[[targets.lab.links]]
from = "b"
to = "a"
port = 80
[[targets.lab.faults]]
from = "b"
to = "a"
drop_rate = 0.5

[targets.try]
kind = "test"
sandbox = false
testbed = "lab"
script = "true"
`

// TestReviseTyping types a target character by character into a project: in
// the middle of it, the short way is almost always enough.
func TestReviseTyping(t *testing.T) {
	e := newEdited(t)
	const line = "ldflags = [\"-lm\", \"-L.\"] # libm\n"
	at := strings.Index(revisable, "includes = [\"include\"]")
	judged, file := e.load(revisable)
	var slow []int
	for n := 1; n <= len(line); n++ {
		text := revisable[:at] + line[:n] + revisable[at:]
		want, _ := e.load(text)
		got, ok := judged.Revise(file, text)
		if !ok {
			slow = append(slow, n)
			continue
		}
		if a, b := lines(got.Found), lines(want.Found); a != b {
			t.Fatalf("after %q:\n%s\nloaded:\n%s", line[:n], a, b)
		}
	}
	if len(slow) > 0 {
		t.Errorf("the project is loaded anew after characters %v of %q", slow, line)
	}
	if slices.Contains(slow, len(line)) {
		t.Error("the finished line is not judged by itself")
	}
}
