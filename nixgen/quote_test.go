package nixgen

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// evaluate asks Nix for the value of an expression.
func evaluate(t testing.TB, expression string, into any) {
	t.Helper()
	if _, err := exec.LookPath("nix-instantiate"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
	file := filepath.Join(t.TempDir(), "expression.nix")
	if err := os.WriteFile(file, []byte(expression), 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("nix-instantiate", "--eval", "--strict", "--json", file)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, stderr.String(), expression)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}

// words asks bash for the words of a line.
func words(t testing.TB, line string) []string {
	t.Helper()
	cmd := exec.Command("bash")
	cmd.Stdin = strings.NewReader("show() { printf '%s\\0' \"$@\"; }; show " + line)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, line)
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// fragments are what random strings are made of: everything that means
// something to Nix or to a shell, next to everything else.
var fragments = []string{
	"'", "''", "'''", "$", "$$", "${", "}", "{", "\\", "\"", "\n", "\n\n", "  ", "\t", "\r", " ", "x", "a b", "`id`",
	"$(id)", "${x}", "''${x}", "$HOME", "~", "*", "?", "[a]", "#", ";", "&", "|", "<", ">", "!", "é", "🙂", "\x01", "\x7f",
	"\\n", "''\\n", "''$", "-", "=", "%", "@", ",", "\n    ", "\n\t", "0",
}

func randomString(random *rand.Rand) string {
	var b bytes.Buffer
	for range random.IntN(7) {
		b.WriteString(fragments[random.IntN(len(fragments))])
	}
	return b.String()
}

// randomText is a text of literals and of the expressions "e" and "m", whose
// values are E and two lines.
func randomText(random *rand.Rand) (text, string) {
	var t text
	var want strings.Builder
	for range random.IntN(5) {
		switch random.IntN(4) {
		case 0:
			t = t.name("e")
			want.WriteString("E")
		case 1:
			t = t.name("m")
			want.WriteString("one\n  two")
		default:
			s := randomString(random)
			t = t.lit(s)
			want.WriteString(s)
		}
	}
	return t, want.String()
}

const bindings = `let e = "E"; m = "one\n  two"; in `

// TestTexts writes thousands of texts in both forms and lets Nix read them.
func TestTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var b bytes.Buffer
	var want []string
	indented := 0
	b.WriteString(bindings + "[\n")
	for range 4000 {
		text, value := randomText(random)
		b.WriteString("(")
		nixString(&b, text)
		b.WriteString(")\n(")
		start := b.Len()
		nixLines(&b, text, "    ")
		if strings.HasPrefix(b.String()[start:], "''") {
			indented++
		}
		b.WriteString(")\n")
		want = append(want, value, value)
	}
	b.WriteString("]")
	var got []string
	evaluate(t, b.String(), &got)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("Nix reads %q as %q", want[i], got[i])
		}
	}
	if indented < 200 {
		t.Errorf("only %d texts took the indented form: the test shows little", indented)
	}
}

// TestShellWords lets bash read thousands of words, whole and in pieces of
// which one is a store path.
func TestShellWords(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	var line strings.Builder
	var want []string
	for range 3000 {
		a, b := randomString(random), randomString(random)
		line.WriteString(" " + ShellQuote(a))
		want = append(want, a)

		line.WriteString(" ")
		for _, p := range (text{}).lit("before").lit(a).name("/nix/store/abc-x").lit(b).word(1)[1:] {
			line.WriteString(p.lit + p.expr.String())
		}
		want = append(want, a+"/nix/store/abc-x"+b)
	}
	if diff := cmp.Diff(want, words(t, line.String())); diff != "" {
		t.Error(diff)
	}
}

func TestAttrNames(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	names := map[string]bool{"let": true, "or": true, "inherit": true, "a-b": true, "a'": true, "1x": true, "-x": true, "": true, "a.b": true, "__x": true, "true": true}
	for range 1000 {
		names[randomString(random)] = true
	}
	var b bytes.Buffer
	b.WriteString("{\n")
	want := map[string]int{}
	for name := range names {
		b.WriteString(AttrName(name) + " = 1;\n")
		want[name] = 1
	}
	b.WriteString("}")
	var got map[string]int
	evaluate(t, b.String(), &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// fuzzable reports whether s can be a string of rigx.toml.
func fuzzable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func FuzzTexts(f *testing.F) {
	f.Add("a", "b", "c")
	f.Add("'", "${x}", "''")
	f.Add("$", "{", "\n  x\ny")
	f.Add(" ", "0", "\n")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !fuzzable(a) || !fuzzable(b) || !fuzzable(c) {
			t.Skip()
		}
		pieces := text{}.lit(a).name("e").lit(b).lit(c)
		want := a + "E" + b + c
		var out bytes.Buffer
		out.WriteString(bindings + "[ (")
		nixString(&out, pieces)
		out.WriteString(") (")
		nixLines(&out, pieces, "  ")
		out.WriteString(") (")
		nixLines(&out, text{}.lit(a).lit(b).lit("\n").lit(c), "  ")
		out.WriteString(") ]")
		var got []string
		evaluate(t, out.String(), &got)
		if diff := cmp.Diff([]string{want, want, a + b + "\n" + c}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzShellWords(f *testing.F) {
	f.Add("a b", "'")
	f.Add("$(id)", "`id`\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !fuzzable(a) || !fuzzable(b) {
			t.Skip()
		}
		line := ShellQuote(a) + " "
		for _, p := range (text{}).lit(a).name("E").lit(b).word(0) {
			line += p.lit + p.expr.String()
		}
		if diff := cmp.Diff([]string{a, a + "E" + b}, words(t, line)); diff != "" {
			t.Error(diff)
		}
	})
}
