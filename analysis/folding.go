package analysis

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// A Fold is a range of lines that an editor can hide behind the first.
type Fold struct {
	From, To int // lines, counted from 0
	Comment  bool
}

// Folds lists what can be folded: tables, values of several lines, and blocks
// of comments.
func Folds(file *syntax.File) []Fold {
	var out []Fold
	add := func(s syntax.Span, comment bool) {
		from, to := file.Position(s.Start).Line, file.Position(s.End).Line
		if to > from {
			out = append(out, Fold{from, to, comment})
		}
	}
	var value func(v *syntax.Value)
	value = func(v *syntax.Value) {
		switch v.Kind {
		case syntax.Array, syntax.String, syntax.InlineTable:
			add(v.Span, false)
		}
		for i := range v.Items {
			value(&v.Items[i])
		}
	}
	for i := range file.Tree.Tables {
		t := &file.Tree.Tables[i]
		if i > 0 {
			add(t.Span, false)
		}
		for j := range t.Entries {
			value(&t.Entries[j].Value)
		}
	}
	comments := file.Tree.Comments()
	for i := 0; i < len(comments); {
		j := i + 1
		for j < len(comments) && onNextLine(file.Tree.Text[comments[j-1].End:comments[j].Start]) {
			j++
		}
		add(syntax.Span{Start: comments[i].Start, End: comments[j-1].End}, true)
		i = j
	}
	return out
}

func onNextLine(between string) bool {
	return strings.Count(between, "\n") == 1 && strings.TrimSpace(between) == ""
}
