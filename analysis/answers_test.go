package analysis_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// What a marked file may ask; see TestMarked.
var (
	// answers stand in a file of their own.
	answers = map[string]func(s *analysis.Snapshot, file *syntax.File, offset uint32, argument string) string{
		"hover": hover, "complete": complete, "rename": rename, "actions": actions, "select": selections, "move": moved,
	}
	// inline answers stand behind the mark.
	inline = map[string]func(s *analysis.Snapshot, file *syntax.File, offset uint32) string{
		"definition": definition, "references": references,
	}
	// wholes are asked of every file of the project.
	wholes = map[string]func(b *strings.Builder, s *analysis.Snapshot, file *syntax.File){
		"@lenses": lenses, "@outline": outline, "@folds": folds, "@links": links, "@hints": hints, "@format": formatted, "@tokens": tokens,
	}
)

func hover(s *analysis.Snapshot, file *syntax.File, offset uint32, _ string) string {
	h, ok := s.Hover(file, offset)
	if !ok {
		return "nothing\n"
	}
	return fmt.Sprintf("on %s\n\n%s", file.Tree.Text[h.Span.Start:h.Span.End], h.Markdown)
}

// complete shows each label, and what comes of the line if it is chosen, with
// a bar where the text that it replaces begins.
func complete(s *analysis.Snapshot, file *syntax.File, offset uint32, _ string) string {
	var b strings.Builder
	for _, c := range s.Complete(file, offset).Items {
		if c.Span.Start > offset || c.Span.End < offset {
			fmt.Fprintf(&b, "%s does not touch the cursor!\n", c.Label)
		}
		line := file.Offset(file.Position(c.Span.Start).Line, 0)
		after, _, _ := strings.Cut(file.Tree.Text[c.Span.End:], "\n")
		text := strings.ReplaceAll(c.Text, "\n", "⏎")
		fmt.Fprintf(&b, "%-22s %s|%s%s\n", c.Label, file.Tree.Text[line:c.Span.Start], text, after)
	}
	return b.String()
}

// selections shows what is selected at each step, its first line only.
func selections(_ *analysis.Snapshot, file *syntax.File, offset uint32, _ string) string {
	var b strings.Builder
	for _, span := range analysis.Selections(file, offset) {
		first, _, more := strings.Cut(file.Tree.Text[span.Start:span.End], "\n")
		b.WriteString(first)
		if more {
			b.WriteString(" …")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func rename(s *analysis.Snapshot, file *syntax.File, offset uint32, to string) string {
	edits, err := s.Rename(file, offset, to)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return changed(edits)
}

func actions(s *analysis.Snapshot, file *syntax.File, offset uint32, _ string) string {
	var b strings.Builder
	for _, a := range s.Actions(file, syntax.Span{Start: offset, End: offset}) {
		b.WriteString(a.Title)
		if a.Fixes != nil {
			b.WriteString(" (" + string(a.Fixes.Code) + ")")
		}
		b.WriteByte('\n')
		if a.UpdateHashes {
			b.WriteString("  build " + a.Target + "\n")
		}
		if a.Create != "" {
			b.WriteString("  create " + relative(s, a.Create) + "\n")
		}
		b.WriteString(changed(a.Edits))
	}
	return b.String()
}

// changed shows the lines that edits change, as they are afterwards.
func changed(edits []manifest.Edit) string {
	byFile := map[*syntax.File][]manifest.Edit{}
	var order []*syntax.File
	for _, e := range edits {
		if byFile[e.File] == nil {
			order = append(order, e.File)
		}
		byFile[e.File] = append(byFile[e.File], e)
	}
	var b strings.Builder
	for _, file := range order {
		before := strings.Split(file.Tree.Text, "\n")
		after := strings.Split(manifest.Apply(file.Tree.Text, byFile[file]), "\n")
		from := 0
		for from < len(before) && from < len(after) && before[from] == after[from] {
			from++
		}
		end := 0
		for end < len(before)-from && end < len(after)-from && before[len(before)-1-end] == after[len(after)-1-end] {
			end++
		}
		for i, line := range after[from : len(after)-end] {
			if !slices.Contains(before, line) || line == "" {
				fmt.Fprintf(&b, "  %s:%d: %s\n", file.Name, from+i+1, line)
			}
		}
	}
	return b.String()
}

func placeOf(at manifest.Location) string {
	p := at.File.Position(at.Span.Start)
	return fmt.Sprintf("%s:%d:%d", at.File.Name, p.Line+1, p.Column+1)
}

func relative(s *analysis.Snapshot, path string) string {
	rel, err := filepath.Rel(s.Manifest.Dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

func definition(s *analysis.Snapshot, file *syntax.File, offset uint32) string {
	_, at, path := s.Definition(file, offset)
	switch {
	case at.File != nil:
		return placeOf(at)
	case path != "":
		return relative(s, path)
	}
	return "nothing"
}

func references(s *analysis.Snapshot, file *syntax.File, offset uint32) string {
	m, ok := s.MentionAt(file, offset)
	if !ok {
		return "nothing"
	}
	var out []string
	for _, ref := range s.References(m.Symbol) {
		out = append(out, placeOf(manifest.Location{File: ref.File, Span: ref.Span}))
	}
	return strings.Join(out, " ")
}

func lenses(b *strings.Builder, s *analysis.Snapshot, file *syntax.File) {
	for _, l := range s.Lenses(file) {
		fmt.Fprintf(b, "%s:%d: %s: rigx %s %s\n", file.Name, file.Position(l.Span.Start).Line+1, l.Title, l.Verb, l.Name)
	}
}

func outline(b *strings.Builder, _ *analysis.Snapshot, file *syntax.File) {
	var write func(items []*analysis.OutlineItem, indent string)
	write = func(items []*analysis.OutlineItem, indent string) {
		for _, i := range items {
			from, to := file.Position(i.Span.Start).Line+1, file.Position(i.Span.End).Line+1
			fmt.Fprintf(b, "%s%s (%s) %d-%d\n", indent, i.Name, i.Detail, from, to)
			write(i.Children, indent+"  ")
		}
	}
	fmt.Fprintf(b, "%s\n", file.Name)
	write(analysis.Outline(file), "  ")
}

func folds(b *strings.Builder, _ *analysis.Snapshot, file *syntax.File) {
	for _, f := range analysis.Folds(file) {
		fmt.Fprintf(b, "%s:%d-%d", file.Name, f.From+1, f.To+1)
		if f.Comment {
			b.WriteString(" comment")
		}
		b.WriteByte('\n')
	}
}

func links(b *strings.Builder, s *analysis.Snapshot, file *syntax.File) {
	for _, l := range s.Links(file) {
		to := l.URL
		if l.Path != "" {
			to = relative(s, l.Path)
		}
		fmt.Fprintf(b, "%s:%d: %s → %s\n", file.Name, file.Position(l.Span.Start).Line+1, file.Tree.Text[l.Span.Start:l.Span.End], to)
	}
}

func hints(b *strings.Builder, s *analysis.Snapshot, file *syntax.File) {
	for _, h := range s.Hints(file, syntax.Span{End: uint32(len(file.Tree.Text))}) {
		line := file.Offset(file.Position(h.Offset).Line, 0)
		fmt.Fprintf(b, "%s:%d: %s‹%s›\n", file.Name, file.Position(h.Offset).Line+1, file.Tree.Text[line:h.Offset], h.Text)
	}
}

func formatted(b *strings.Builder, _ *analysis.Snapshot, file *syntax.File) {
	for _, e := range analysis.Format(file) {
		from, to := file.Position(e.Span.Start).Line+1, file.Position(e.Span.End).Line+1
		fmt.Fprintf(b, "%s: lines %d to %d become\n%s", file.Name, from, to, e.Text)
	}
}

// tokens shows the first line of each token behind its kind.
func tokens(b *strings.Builder, s *analysis.Snapshot, file *syntax.File) {
	for _, t := range s.Tokens(file, syntax.Span{End: uint32(len(file.Tree.Text))}) {
		text, _, more := strings.Cut(file.Tree.Text[t.Span.Start:t.Span.End], "\n")
		if more {
			text += "⏎"
		}
		kind := analysis.TokenKinds[t.Kind]
		if t.Declares {
			kind += "!"
		}
		fmt.Fprintf(b, "%-12s %s\n", kind, text)
	}
}

// moved shows what becomes of the paths if FROM is moved TO.
func moved(s *analysis.Snapshot, _ *syntax.File, _ uint32, argument string) string {
	from, to, _ := strings.Cut(argument, " ")
	absolute := func(path string) string { return filepath.Join(s.Manifest.Dir, filepath.FromSlash(path)) }
	return changed(s.MoveFiles([]analysis.FileMove{{From: absolute(from), To: absolute(to)}}))
}
