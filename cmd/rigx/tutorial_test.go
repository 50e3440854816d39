package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rigx-build/rigx/docs"
)

// TestTutorial does what docs/tutorial.md says, and compares what comes out.
//
// A block of code behind a paragraph that ends with a file name and a colon is
// written to that file, or appended to it if the paragraph says so. In a block
// marked console, lines that begin with $ are run by bash in the project's
// directory; the lines below are what they print, on both outputs, and [N] at the
// end is an exit status other than 0. An ellipsis stands for anything within a
// line, and alone on a line for any number of lines.
func TestTutorial(t *testing.T) {
	if _, err := exec.LookPath("nix"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	page, ok := docs.Lookup(docs.Pages(), "tutorial")
	if !ok {
		t.Fatal("there is no tutorial")
	}
	dir := filepath.Join(t.TempDir(), "temperature")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ran, wrote := 0, 0
	for _, b := range blocks(page.Text) {
		switch {
		case b.language == "console":
			for _, step := range session(b.text) {
				if !run(t, dir, step) {
					return // what follows builds on it
				}
				ran++
			}
		case b.file != "":
			write(t, filepath.Join(dir, b.file), b.text, b.appended)
			wrote++
		default:
			t.Errorf("what is this block for?\n%s", b.text)
		}
	}
	if ran < 10 || wrote < 3 {
		t.Errorf("only %d commands were run and %d files written", ran, wrote)
	}
}

// block is a fenced block of code and what the paragraph above says of it.
type block struct {
	language, text, file string
	appended             bool
}

var namesFile = regexp.MustCompile("`([^`]+)`:\\s*$")

func blocks(markdown string) []block {
	var out []block
	above, inside := "", false
	for line := range strings.Lines(markdown) {
		fence, fenced := strings.CutPrefix(line, "```")
		switch {
		case fenced && !inside:
			b := block{language: strings.TrimSpace(fence)}
			if m := namesFile.FindStringSubmatch(above); m != nil {
				b.file, b.appended = m[1], strings.Contains(above, "Append to")
			}
			out, inside = append(out, b), true
		case fenced:
			inside, above = false, ""
		case inside:
			out[len(out)-1].text += line
		case strings.TrimSpace(line) != "":
			above += line
		case !namesFile.MatchString(above):
			above = ""
		}
	}
	return out
}

// step is a command and what it prints.
type step struct {
	command, output string
	status          string
}

func session(text string) []step {
	var out []step
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			out = append(out, step{command: strings.TrimSpace(command), status: "0"})
			continue
		}
		last := &out[len(out)-1]
		if m := regexp.MustCompile(`^\[(\d+)\]\n$`).FindStringSubmatch(line); m != nil {
			last.status = m[1]
			continue
		}
		last.output += line
	}
	return out
}

func run(t *testing.T, dir string, s step) bool {
	t.Helper()
	cmd := exec.Command("bash", "-c", s.command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if status := strings.TrimPrefix(cmd.ProcessState.String(), "exit status "); status != s.status {
		t.Errorf("$ %s: %s, not %s\n%s", s.command, status, s.status, out)
		return false
	}
	if !regexp.MustCompile(pattern(s.output)).Match(out) {
		t.Errorf("$ %s\n%s\nthe tutorial says:\n%s", s.command, out, s.output)
		return false
	}
	return true
}

// pattern is the regular expression for an output with ellipses.
func pattern(output string) string {
	p := "^"
	for line := range strings.Lines(output) {
		if line == "…\n" {
			p += `(?:.*\n)*?`
			continue
		}
		p += strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
	}
	return p + "$"
}

func write(t *testing.T, file, text string, appended bool) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if appended {
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = string(before) + text
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
