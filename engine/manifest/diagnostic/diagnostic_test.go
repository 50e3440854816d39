package diagnostic

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// TestExplanations: every code has one, in order.
func TestExplanations(t *testing.T) {
	source, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, m := range regexp.MustCompile(`Code = "([EW][0-9]{4})"`).FindAllStringSubmatch(string(source), -1) {
		codes = append(codes, m[1])
	}
	if len(codes) < 40 {
		t.Fatal("the codes were not found")
	}
	slices.Sort(codes)
	if dup := slices.Compact(slices.Clone(codes)); len(dup) != len(codes) {
		t.Error("a code is used twice")
	}
	var explained []string
	for _, e := range Explanations() {
		explained = append(explained, string(e.Code))
		if e.Title == "" || len(strings.TrimSpace(e.Text)) < 30 {
			t.Errorf("%s is hardly explained", e.Code)
		}
		if got, ok := Explain(strings.ToLower(string(e.Code))); !ok || got.Code != e.Code {
			t.Errorf("Explain(%s) = %v", e.Code, got.Code)
		}
	}
	if diff := cmp.Diff(codes, explained); diff != "" {
		t.Errorf("codes and explanations differ (-codes +explanations):\n%s", diff)
	}
}

func TestClosest(t *testing.T) {
	names := []string{"greet", "greeting", "hello", "hello-world", "x"}
	for name, want := range map[string]string{
		"gret": "greet", "geret": "greet", "greetign": "greeting", "hallo": "hello", "helloworld": "hello-world",
		"y": "", "zzzz": "", "greet": "", "": "",
	} {
		if got := Closest(name, names); got != want {
			t.Errorf("Closest(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzClosest(f *testing.F) {
	f.Add("greet", "gret", "hello")
	f.Fuzz(func(t *testing.T, name, a, b string) {
		got := Closest(name, []string{a, b})
		if got != "" && got != a && got != b {
			t.Errorf("%q is no candidate", got)
		}
		// The quick look at the letters must not hide what is near.
		if len(name) >= 2 && a != "" && a != name && distance(name, a, 200) == 1 && got == "" {
			t.Errorf("%q is one edit from %q", a, name)
		}
	})
}

func TestRender(t *testing.T) {
	text := "# ä\n\tname = \"🙂 gret\" # é\n"
	file := syntax.NewFile("/p/rigx.toml", "rigx.toml", text)
	at := func(s string) Location {
		i := strings.Index(text, s)
		return Location{File: file, Span: syntax.Span{Start: uint32(i), End: uint32(i + len(s))}}
	}
	d := &Diagnostic{
		Code: UnknownTarget, Message: "unknown target `gret`\x1b[31m", At: at("gret"), Label: "did you mean `greet`?",
		Help: []string{"look\nhere"}, Related: []Related{{At: at("name"), Message: "the key"}},
	}
	got := Render(d, Style{})
	want := strings.Join([]string{
		"error[E0203]: unknown target `gret`�[31m",
		" --> rigx.toml:2:12",
		"  |",
		"2 | \tname = \"🙂 gret\" # é",
		"  | \t          ^^^^ did you mean `greet`?",
		"  = note: the key (rigx.toml:2)",
		"  = help: look here",
		"  = help: rigx explain E0203",
		"",
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzRender shows any place of any text without a panic, and lets no control
// character through to a terminal.
func FuzzRender(f *testing.F) {
	f.Add("a = 1\n", uint32(0), uint32(3))
	f.Add("a = \"\x1b[2J\"", uint32(5), uint32(100))
	f.Fuzz(func(t *testing.T, text string, start, end uint32) {
		file := syntax.NewFile("/p", "p", text)
		n := uint32(len(text))
		start, end = min(start, n), min(max(start, end), n)
		got := Render(&Diagnostic{Code: Syntax, Message: text, At: Location{File: file, Span: syntax.Span{Start: start, End: end}}}, Style{})
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		for _, c := range got {
			if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
				t.Errorf("%q has a control character", got)
			}
		}
	})
}
