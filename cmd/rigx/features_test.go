package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// TestFeatures keeps docs/features.md complete: every field, kind, command and
// flag has a row, every proof exists, every error is produced by some test.
func TestFeatures(t *testing.T) {
	root := filepath.Join("..", "..")
	data, err := os.ReadFile(filepath.Join(root, "docs", "features.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := sourcesOfTests(t, root)
	var whats strings.Builder
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 2 || strings.HasPrefix(cells[0], " ---") || cells[0] == " what" {
			continue
		}
		whats.WriteString(cells[0] + "\n")
		proofs := quoted.FindAllStringSubmatch(cells[1], -1)
		if len(proofs) == 0 {
			t.Errorf("no proof: %s", cells[0])
		}
		for _, p := range proofs {
			_, err := os.Stat(filepath.Join(root, "testdata", p[1]))
			if err != nil && !strings.Contains(tests, "func "+p[1]+"(") {
				t.Errorf("%s: there is no proof %s", cells[0], p[1])
			}
		}
	}
	has := func(what, name string) {
		if !regexp.MustCompile("`[^`]*(^|[^a-z_-])" + regexp.QuoteMeta(name) + "($|[^a-z_-])[^`]*`|`" + regexp.QuoteMeta(name) + "`").MatchString(whats.String()) {
			t.Errorf("the %s %s has no row", what, name)
		}
	}
	for _, f := range schema.TargetFields {
		has("field", f.Name)
	}
	for _, s := range schema.Sections {
		has("section", s.Name)
		for _, f := range s.Fields {
			has("field of ["+s.Name+"]", f.Name)
		}
	}
	for _, k := range schema.KindNames() {
		has("kind", k)
	}
	commands := (&app{}).rootCommand()
	commands.PersistentFlags().VisitAll(func(f *pflag.Flag) { has("flag", "--"+f.Name) })
	for _, c := range shown(commands) {
		has("command", c.CommandPath())
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				has("flag of "+c.Name(), "--"+f.Name)
			}
		})
	}
	for _, e := range diagnostic.Explanations() {
		if !strings.Contains(tests, "["+string(e.Code)+"]") && !strings.Contains(tests, `[`+string(e.Code)+`\]`) &&
			!strings.Contains(whats.String(), string(e.Code)) {
			t.Errorf("no test produces %s: %s", e.Code, e.Title)
		}
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// sourcesOfTests is the text of all Go tests and of all files below testdata
// that are tests.
func sourcesOfTests(t *testing.T, root string) string {
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err == nil && (strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".txtar")) {
			var text []byte
			text, err = os.ReadFile(path)
			b.Write(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
