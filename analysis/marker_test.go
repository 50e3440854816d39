package analysis_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

var update = flag.Bool("update", false, "write what is found into the marked files")

// TestMarked runs testdata/analysis/*.txtar. Each is a project whose files
// carry marks: lines whose first character is a caret. The carets stand below
// what is meant on the line before, and the text behind them says what is
// expected there:
//
//	deps.internal = ["gret"]
//	                  ^^^^ error[E0203] unknown target …
//
// Every diagnostic must have its mark. Other marks ask something of the place of
// their first caret, and the answer stands behind an arrow, or in a file called
// @NAME:
//
//	^ definition → FILE:LINE:COLUMN      ^ hover @NAME
//	^ references → PLACE PLACE …         ^ complete @NAME
//	^ rename TO @NAME                    ^ actions @NAME
//	^ move FROM TO @NAME
//	                                     ^ select @NAME
//
// A file called @lenses, @outline, @folds, @links, @hints or @format holds the
// answer to what is asked of whole files.
//
// A file called @nixpkgs holds the names in nixpkgs.
//
// With -update, marks of diagnostics and all answers are written anew.
func TestMarked(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "analysis", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no marked files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := remark(t, txtar.Parse(data))
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(data), string(txtar.Format(got))); diff != "" {
				t.Errorf("%s (-want +got); -update writes it:\n%s", file, diff)
			}
		})
	}
}

// mark is a line of carets with its text, below a line of a file.
type mark struct {
	line, from, to int // to is excluded; columns count characters
	text           string
}

// remark lays the project out on disk without its marks and returns the
// archive with the marks that belong there.
func remark(t *testing.T, archive *txtar.Archive) *txtar.Archive {
	dir := filepath.Join(t.TempDir(), "project")
	marks := map[string][]mark{}
	shown := map[string]string{}
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "@") {
			continue
		}
		text, found := unmark(string(f.Data))
		marks[f.Name] = found
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var opts analysis.Options
	for _, f := range archive.Files {
		if f.Name == "@nixpkgs" {
			opts.Packages = analysis.NewPackages(strings.Fields(string(f.Data)), false)
			shown[f.Name] = string(f.Data)
		}
	}
	s := analysis.Load(t.Context(), source.Disk(), dir, opts)
	out := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "@") {
			continue
		}
		file := fileAt(s, filepath.Join(dir, filepath.FromSlash(f.Name)))
		if file == nil {
			out.Files = append(out.Files, f)
			continue
		}
		keep := slices.DeleteFunc(marks[f.Name], func(m mark) bool { return isDiagnostic(m.text) })
		for i, m := range keep {
			question, name, _ := strings.Cut(m.text, " @")
			question, _, _ = strings.Cut(question, " → ")
			verb, argument, _ := strings.Cut(question, " ")
			switch {
			case name != "" && answers[verb] != nil:
				shown["@"+name] = answers[verb](s, file, offset(file, m), argument)
			case inline[verb] != nil:
				keep[i].text = verb + " → " + inline[verb](s, file, offset(file, m))
			default:
				t.Errorf("%s:%d: unknown mark %q", f.Name, m.line+1, m.text)
			}
		}
		for _, d := range s.Diagnostics(file) {
			keep = append(keep, markOf(file, d))
		}
		out.Files = append(out.Files, txtar.File{Name: f.Name, Data: []byte(insert(file.Tree.Text, keep))})
	}
	for _, f := range archive.Files {
		if whole := wholes[f.Name]; whole != nil {
			var b strings.Builder
			for _, file := range s.Manifest.Files {
				whole(&b, s, file)
			}
			shown[f.Name] = b.String()
		}
		if text, ok := shown[f.Name]; ok {
			out.Files = append(out.Files, txtar.File{Name: f.Name, Data: []byte(text)})
			delete(shown, f.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		out.Files = append(out.Files, txtar.File{Name: name, Data: []byte(shown[name])})
	}
	return out
}

// fileAt finds a file of the project or of one that it depends on.
func fileAt(s *analysis.Snapshot, path string) *syntax.File {
	for _, f := range s.Manifest.AllFiles() {
		if f.Path == path {
			return f
		}
	}
	return nil
}

func isDiagnostic(text string) bool {
	return strings.HasPrefix(text, "error[") || strings.HasPrefix(text, "warning[")
}

// unmark takes the marks out of a text.
func unmark(text string) (string, []mark) {
	var marks []mark
	var b strings.Builder
	line := -1
	for l := range strings.Lines(text) {
		trimmed := strings.TrimLeft(l, " \t")
		if !strings.HasPrefix(trimmed, "^") {
			b.WriteString(l)
			line++
			continue
		}
		from := utf8.RuneCountInString(l[:len(l)-len(trimmed)])
		rest := strings.TrimLeft(trimmed, "^")
		marks = append(marks, mark{line, from, from + len(trimmed) - len(rest), strings.TrimSpace(rest)})
	}
	return b.String(), marks
}

// insert puts marks below their lines.
func insert(text string, marks []mark) string {
	var b strings.Builder
	n := 0
	for l := range strings.Lines(text) {
		b.WriteString(l)
		if !strings.HasSuffix(l, "\n") && slices.ContainsFunc(marks, func(m mark) bool { return m.line >= n }) {
			b.WriteByte('\n')
		}
		writeMarks(&b, l, marks, n)
		n++
	}
	if strings.HasSuffix(text, "\n") || text == "" {
		writeMarks(&b, "", marks, n)
	}
	return b.String()
}

func writeMarks(b *strings.Builder, line string, marks []mark, n int) {
	for _, m := range marks {
		if m.line != n {
			continue
		}
		column := 0
		for _, c := range line {
			if column == m.from {
				break
			}
			if c != '\t' {
				c = ' '
			}
			b.WriteRune(c)
			column++
		}
		b.WriteString(strings.Repeat("^", max(m.to-m.from, 1)) + " " + m.text + "\n")
	}
}

// markOf is the mark of a diagnostic; one that goes on below its first line
// has an ellipsis.
func markOf(file *syntax.File, d *diagnostic.Diagnostic) mark {
	start, end := file.Position(d.At.Span.Start), file.Position(d.At.Span.End)
	line := file.Line(start.Line)
	m := mark{line: start.Line, from: utf8.RuneCountInString(line[:min(start.Column, len(line))])}
	m.text = fmt.Sprintf("%s[%s] %s", d.Severity, d.Code, d.Message)
	if end.Line == start.Line {
		m.to = utf8.RuneCountInString(line[:min(end.Column, len(line))])
	} else {
		m.to = utf8.RuneCountInString(line)
		m.text += " …"
	}
	for _, part := range slices.Concat([]string{d.Label}, d.Help) {
		if part != "" {
			m.text += " | " + part
		}
	}
	for _, r := range d.Related {
		if !r.At.IsZero() {
			m.text += fmt.Sprintf(" | %s:%d: %s", r.At.File.Name, r.At.File.Position(r.At.Span.Start).Line+1, r.Message)
		}
	}
	if d.Suggestion != "" && !strings.Contains(d.Label, d.Suggestion) {
		m.text += " | writes " + strconv.Quote(d.Suggestion)
	}
	m.text = strings.ReplaceAll(m.text, "\n", " ")
	return m
}

// offset is the byte that a mark's first caret points at.
func offset(file *syntax.File, m mark) uint32 {
	line := file.Line(m.line)
	column := 0
	for i := range line {
		if column == m.from {
			return file.Offset(m.line, i)
		}
		column++
	}
	return file.Offset(m.line, len(line))
}
