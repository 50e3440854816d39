package docs

import (
	"bytes"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

func TestPages(t *testing.T) {
	pages := Pages()
	names := map[string]bool{}
	for _, p := range pages {
		if names[p.Name] {
			t.Errorf("two pages are called %s", p.Name)
		}
		names[p.Name] = true
		if !strings.HasPrefix(p.Text, "# "+p.Title+"\n") || p.Title == "" || p.Summary == "" || len(p.Text) < 100 {
			t.Errorf("%s: %q, %q begins %.60q", p.Name, p.Title, p.Summary, p.Text)
		}
	}
	for alias, name := range aliases {
		if p, ok := Lookup(pages, alias); !ok && name != "capsules" || ok && p.Name != name {
			t.Errorf("%s leads to %q", alias, p.Name)
		}
	}
	if _, ok := Lookup(pages, "Exit Status"); !ok {
		t.Error("names may be written as words")
	}
	// Every section of the README is somewhere.
	for _, s := range readmeSections() {
		found := false
		for _, p := range pages {
			found = found || p.Title == s.heading
		}
		for _, heading := range apart {
			found = found || heading == s.heading
		}
		if !found {
			t.Errorf("the README's section %q is in no page", s.heading)
		}
	}
	manifest, _ := Lookup(pages, "fields")
	for _, f := range schema.TargetFields {
		if !strings.Contains(manifest.Text, "`"+f.Name+"`") {
			t.Errorf("the page on rigx.toml lacks %s", f.Name)
		}
	}
}

var word = regexp.MustCompile(`[\p{L}\p{N}_]+`)

// TestNothingIsLost compares the words of each rendering with those that a
// browser would show.
func TestNothingIsLost(t *testing.T) {
	tags := regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)
	for _, p := range Pages() {
		var page bytes.Buffer
		if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert([]byte(p.Text), &page); err != nil {
			t.Fatal(err)
		}
		want := word.FindAllString(html.UnescapeString(tags.ReplaceAllString(page.String(), " ")), -1)
		man := p.Title + Man(ManPage{Name: "x", Section: 7}, p.Text) // which has a title of its own
		man = strings.NewReplacer(`\fB`, " ", `\fR`, " ", `\fI`, " ", `\-`, "-", `\&`, "", `\e`, `\`, `\(dq`, `"`).Replace(man)
		for name, got := range map[string]string{
			"80 columns": Terminal(p.Text, 80, Style{}),
			"20 columns": Terminal(p.Text, 20, Style{}),
			"colours":    regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(Terminal(p.Text, 80, Colors), ""),
			"man":        strings.ToLower(man),
		} {
			has := map[string]int{}
			for _, w := range word.FindAllString(got, -1) {
				has[strings.ToLower(w)]++
			}
			for _, w := range want {
				if has[strings.ToLower(w)]--; has[strings.ToLower(w)] == -1 && !isHead(p.Text, w) {
					t.Errorf("%s in %s lacks a %q", p.Name, name, w)
				}
			}
		}
	}
}

// isHead reports whether a word stands in the heading of a table: those are left
// out where a row is written as a paragraph.
func isHead(markdown, w string) bool {
	for _, head := range regexp.MustCompile(`(?m)^\|.*\|\n\| ---`).FindAllString(markdown, -1) {
		if strings.Contains(strings.ToLower(head), strings.ToLower(w)) {
			return true
		}
	}
	return false
}

// TestTerminalFits checks that lines of prose keep within the width.
func TestTerminalFits(t *testing.T) {
	for _, p := range Pages() {
		for line := range strings.Lines(Terminal(p.Text, 80, Style{})) {
			line = strings.TrimRight(line, "\n")
			if n := visible(line); n > 80 && strings.Count(strings.TrimSpace(line), " ") > 2 && !strings.HasPrefix(line, "    ") {
				t.Errorf("%s: %d columns: %s", p.Name, n, line)
			}
		}
	}
}

func TestTerminal(t *testing.T) {
	got := Terminal("# Title\n\nSome `code`, *stress* and **more**, a [link](https://a.b) and [another](x.md).\n\n"+
		"- one\n- two\n  goes on\n\n1. first\n\n        $ run\n\n| a | b |\n| --- | --- |\n| `x` | y\\|z |\n\n```\ncode  here\n```\n\n## Next\n\n| | |\n| --- | --- |\n| p | q |\n", 40, Style{})
	want := `Title
─────

Some ` + "`code`" + `, stress and more, a link
(https://a.b) and another.

• one
• two goes on

1. first

       $ run

a    b
` + "`x`" + `  y|z

    code  here

Next

p  q
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestManPages has mandoc look for mistakes.
func TestManPages(t *testing.T) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "mandoc") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	hostile := "# x\n\n.SH no\n\n'br \\fB `\\n-x` \"q\"\n\n```\n.TH\n'x\\\n```\n\n| a | b |\n| --- | --- |\n| .x | 'y |\n\n- .a\n  - 'b\n"
	for _, p := range append(Pages(), Page{Name: "hostile", Summary: "a \"page\" \\ .x", Text: hostile}) {
		m := ManPage{Name: "rigx-" + p.Name, Section: 7, Summary: p.Summary, Version: "0.10.0", Date: "2026-11-21"}
		file := filepath.Join(t.TempDir(), m.File())
		if err := os.WriteFile(file, []byte(Man(m, p.Text)), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
		if p.Name == "hostile" {
			out, err := exec.Command("mandoc", "-T", "utf8", file).Output()
			text := regexp.MustCompile(`.\x08`).ReplaceAllString(string(out), "")
			for _, want := range []string{".SH no", `'br \fB \n-x "q"`, ".TH", `'x\`, ".x", "'y", ".a", "'b"} {
				if err != nil || !strings.Contains(text, want) {
					t.Errorf("%v: no %q in\n%s", err, want, text)
				}
			}
		}
	}
}
