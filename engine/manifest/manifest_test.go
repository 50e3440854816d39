package manifest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// What a rigx.toml means, and what is said about a faulty one, is in
// testdata/analysis. Here is what needs code to be made or compared.

func load(t testing.TB, text string) *manifest.Manifest {
	t.Helper()
	dir := t.TempDir()
	return loadAt(t, dir, text)
}

func loadAt(t testing.TB, dir, text string) *manifest.Manifest {
	t.Helper()
	fsys := source.Overlay(source.Disk(), map[string]string{filepath.Join(dir, manifest.FileName): text})
	return manifest.Load(t.Context(), fsys, dir, manifest.Options{})
}

func errorsOf(m *manifest.Manifest) []string {
	var out []string
	for _, d := range m.Diagnostics() {
		if d.Severity == diagnostic.Error {
			out = append(out, string(d.Code)+" "+d.Message)
		}
	}
	return out
}

// TestLongChain: a hundred thousand targets, each depending on the next.
func TestLongChain(t *testing.T) {
	const n = 100_000
	var b strings.Builder
	b.WriteString("[project]\nname = \"chain\"\n")
	for i := range n {
		fmt.Fprintf(&b, "[targets.t%d]\nkind = \"custom\"\ninstall_script = \"true\"\n", i)
		if i < n-1 {
			fmt.Fprintf(&b, "deps.internal = [\"t%d\"]\n", i+1)
		}
	}
	m := load(t, b.String())
	if found := errorsOf(m); len(found) > 0 {
		t.Fatal(found[0])
	}
	if got := len(m.Graph([]*manifest.Target{m.Target("t0")}).Nodes); got != n {
		t.Errorf("the graph has %d nodes", got)
	}
	// Closed to a circle, its message stays readable.
	m = load(t, b.String()+"deps.internal = [\"t0\"]\n")
	found := errorsOf(m)
	if len(found) != 1 || !strings.Contains(found[0], "t0 → t1 → ") || !strings.Contains(found[0], "…") || len(found[0]) > 300 {
		t.Errorf("%.500q", found)
	}
}

// TestManyErrors: a file in which everything is wrong costs no more than its
// size asks for, and of what is wrong no more is kept than anybody reads.
func TestManyErrors(t *testing.T) {
	var b strings.Builder
	b.WriteString("[project]\nname = \"errors\"\n")
	const n = 20_000
	for i := range n {
		fmt.Fprintf(&b, "[targets.some-target-%d]\nkind = \"custm\"\ndeps.internal = [\"sme-target-%d\"]\nscriptt = \"${nothing%d}\"\n", i, i, i)
	}
	m := load(t, b.String())
	errors, warnings := diagnostic.Count(m.Diagnostics())
	if errors != diagnostic.MaxFound || warnings != diagnostic.MaxFound {
		t.Errorf("%d errors and %d warnings", errors, warnings)
	}
}

// TestTemplateIsNix compares the escapes of ${…} with Nix, in whose indented
// strings the Python tool puts the same text.
func TestTemplateIsNix(t *testing.T) {
	if _, err := exec.LookPath("nix-instantiate"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
	fragments := []string{"''${", "''$", "'''", "$$", "$${", "${x}", "$x", "$", "'", "{", "}", "a", " b", "\"", "\\", "\n", "$(", "é"}
	random := rand.New(rand.NewPCG(1, 2))
	var texts, want []string
	for len(texts) < 3000 {
		var b strings.Builder
		for range 1 + random.IntN(6) {
			b.WriteString(fragments[random.IntN(len(fragments))])
		}
		text := b.String()
		parts, errs := manifest.ParseTemplate(text)
		if len(errs) > 0 || ends(text) {
			continue // nothing that Nix reads, or not as one string
		}
		value := ""
		for _, p := range parts {
			if p.Ref != "" {
				value += "X"
			} else {
				value += p.Literal
			}
		}
		texts, want = append(texts, text), append(want, value)
	}
	var b strings.Builder
	b.WriteString("let x = \"X\"; in [\n")
	for _, text := range texts {
		// The bar keeps Nix from taking indentation away.
		b.WriteString("''|" + text + "|''\n")
	}
	b.WriteString("]")
	file := filepath.Join(t.TempDir(), "t.nix")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("nix-instantiate", "--eval", "--strict", "--json", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if got[i] != "|"+want[i]+"|" {
			t.Errorf("Nix reads %q as %q, we as %q", texts[i], got[i], want[i])
		}
	}
}

// ends reports whether text has two single quotes that would end an indented
// string, or take a backslash behind them as an escape. For rigx they stand
// for themselves.
func ends(text string) bool {
	for {
		i := strings.Index(text, "''")
		if i < 0 {
			return strings.HasSuffix(text, "'") || strings.HasSuffix(text, "$")
		}
		rest := text[i+2:]
		if !strings.HasPrefix(rest, "$") && !strings.HasPrefix(rest, "'") {
			return true
		}
		text = rest[1:]
	}
}

// FuzzTemplate: the parts cover the text, and references are names.
func FuzzTemplate(f *testing.F) {
	f.Add("a ${b} ''${c} $${d} ''' ${")
	f.Fuzz(func(t *testing.T, text string) {
		parts, errs := manifest.ParseTemplate(text)
		at := 0
		for _, p := range parts {
			if p.Start < at || p.End < p.Start || p.End > len(text) {
				t.Fatalf("part %+v of %q", p, text)
			}
			at = p.End
			if p.Ref != "" && text[p.Start:p.End] != p.Ref {
				t.Errorf("reference %+v of %q", p, text)
			}
		}
		for _, e := range errs {
			if e.Start < 0 || e.End < e.Start || e.End > len(text) || e.Message == "" {
				t.Errorf("error %+v of %q", e, text)
			}
		}
		if !strings.Contains(text, "${") && !strings.Contains(text, "''") && (len(parts) > 1 || len(parts) == 1 && parts[0].Literal != text) {
			t.Errorf("%q has no escape, but became %+v", text, parts)
		}
	})
}

// FuzzLoad: whatever a file holds, loading ends, every diagnostic has a place
// in the file, and invalid TOML never goes unsaid.
func FuzzLoad(f *testing.F) {
	f.Add("[project]\nname = \"p\"\n[targets.a]\nkind = \"executable\"\nsources = [\"*.c\"]\n")
	f.Add("include = [\"*.toml\"]\n[vars]\nextends = [\"x\"]\na = [\"$vars.a\"]\n[modules]\ninclude = [\".\", \"a\"]")
	f.Add("[targets.a]\nkind = \"run\"\nrun = \"a\"\nargs = [\"${a}\", \"${a@b}\"]\noutputs = [\"..\"]\n[targets.a.variants.b]\n[targets.a-b]\n")
	f.Add("[dependencies.git.x]\n[dependencies.local.y]\npath = \".\"\n[external_inputs.z]\nbuckets = { a = 1 }\n[[targets]]\n")
	files, _ := filepath.Glob(filepath.Join("..", "..", "testdata", "analysis", "*.txtar"))
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(string(data))
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		m := loadAt(t, dir, text)
		resolved := m.ResolveFiles(t.Context(), source.NewTree(source.Disk(), dir))
		all := append(m.Diagnostics(), resolved.Diagnostics()...)
		for _, d := range all {
			if d.At.IsZero() {
				t.Errorf("%s %s has no place", d.Code, d.Message)
			}
			if d.At.Span.End > uint32(len(d.At.File.Tree.Text)) || d.At.Span.Start > d.At.Span.End {
				t.Errorf("%s %s at %v of %d bytes", d.Code, d.Message, d.At.Span, len(text))
			}
			if !strings.Contains(d.Message, "\x00") && d.Message == "" {
				t.Errorf("%s says nothing", d.Code)
			}
			diagnostic.Render(d, diagnostic.Style{})
		}
		if errs, _ := diagnostic.Count(all); errs == 0 {
			if len(syntax.Parse(text).Errors) > 0 {
				t.Error("invalid TOML without an error")
			}
			if !utf8.ValidString(text) {
				t.Error("not UTF-8, and nothing is said")
			}
		}
	})
}

// largeProject has n targets, as a real one might.
func largeProject(n int) string {
	var b strings.Builder
	b.WriteString("[project]\nname = \"large\"\n[vars]\nwarnings = [\"-Wall\", \"-Wextra\"]\n")
	for i := range n {
		fmt.Fprintf(&b, "\n[targets.component-%d]\nkind = \"static_library\"\nsources = [\"src/c%d/a.cpp\", \"src/c%d/b.cpp\"]\nincludes = [\"include\"]\ncxxflags = [\"$vars.warnings\", \"-O2\"]\n", i, i, i)
		if i > 0 {
			fmt.Fprintf(&b, "deps.internal = [\"component-%d\"]\n", i-1)
		}
	}
	return b.String()
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := largeProject(n)
			dir := b.TempDir()
			fsys := source.Overlay(source.Disk(), map[string]string{filepath.Join(dir, manifest.FileName): text})
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if m := manifest.Load(b.Context(), fsys, dir, manifest.Options{}); len(m.Targets) != n {
					b.Fatal("targets are missing")
				}
			}
		})
	}
}
