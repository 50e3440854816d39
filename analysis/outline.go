package analysis

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// OutlineKind says what an entry of the outline is.
type OutlineKind uint8

// The kinds of entries.
const (
	OutlineSection OutlineKind = iota
	OutlineTarget
	OutlineVariant
	OutlineField
)

// An OutlineItem is an entry of a file's outline.
type OutlineItem struct {
	Kind OutlineKind
	// Name as written, and Detail: the kind of a target, the value of a field.
	Name, Detail string
	// Span is all of it, NameSpan the part to select.
	Span, NameSpan syntax.Span
	Children       []*OutlineItem
}

// Outline lists the sections of a file and its targets with their variants and
// fields. It works for half-typed files.
func Outline(file *syntax.File) []*OutlineItem {
	o := outliner{file: file, targets: map[string]*OutlineItem{}}
	for i := range file.Tree.Tables {
		o.table(&file.Tree.Tables[i])
	}
	return o.items
}

type outliner struct {
	file    *syntax.File
	items   []*OutlineItem
	targets map[string]*OutlineItem
}

func (o *outliner) table(t *syntax.Table) {
	switch {
	case len(t.Path) == 0:
		o.items = append(o.items, o.fields(t)...)
		return
	case t.Path[0].Name != "targets" || len(t.Path) == 1:
		name := syntax.JoinKeys(t.Path)
		item := &OutlineItem{Kind: OutlineSection, Name: name, Span: t.Span, NameSpan: t.Header, Children: o.fields(t)}
		o.items = append(o.items, item)
		return
	}
	target := o.targets[t.Path[1].Name]
	if target == nil {
		target = &OutlineItem{Kind: OutlineTarget, Name: t.Path[1].Name, Span: t.Span, NameSpan: t.Path[1].Span}
		o.targets[target.Name] = target
		o.items = append(o.items, target)
	}
	// What belongs to a target and follows it is inside it.
	if o.items[len(o.items)-1] == target {
		target.Span.End = t.Span.End
	}
	rest := t.Path[2:]
	switch {
	case len(rest) == 0:
		target.Children = append(target.Children, o.fields(t)...)
		for _, f := range target.Children {
			if f.Name == schema.KindField.Name {
				target.Detail = f.Detail
			}
		}
	case rest[0].Name == "variants" && len(rest) > 1:
		target.Children = append(target.Children, &OutlineItem{
			Kind: OutlineVariant, Name: rest[1].Name, Detail: "variant", Span: t.Span, NameSpan: rest[1].Span, Children: o.fields(t),
		})
	default:
		target.Children = append(target.Children, &OutlineItem{
			Kind: OutlineSection, Name: syntax.JoinKeys(rest), Span: t.Span, NameSpan: t.Header, Children: o.fields(t),
		})
	}
}

func (o *outliner) fields(t *syntax.Table) []*OutlineItem {
	out := make([]*OutlineItem, 0, len(t.Entries))
	for i := range t.Entries {
		e := &t.Entries[i]
		first, last := e.Path[0].Span, e.Path[len(e.Path)-1].Span
		detail := ""
		switch e.Value.Kind {
		case syntax.String, syntax.Boolean, syntax.Integer, syntax.Float:
			detail, _, _ = strings.Cut(e.Value.Text, "\n")
		}
		out = append(out, &OutlineItem{
			Kind: OutlineField, Name: syntax.JoinKeys(e.Path), Detail: detail, Span: e.Span,
			NameSpan: syntax.Span{Start: first.Start, End: last.End},
		})
	}
	return out
}

// FindSymbols lists the targets, variants, variables and dependencies of the
// project and of those it depends on whose names contain the letters of a
// query in order, in any case.
func (s *Snapshot) FindSymbols(query string) []Symbol {
	var out []Symbol
	for _, file := range s.Manifest.AllFiles() {
		for _, m := range s.Mentions(file) {
			if m.Defines() && m.Symbol.Kind != BucketName && hasLetters(m.Symbol.Text, query) {
				out = append(out, m.Symbol)
			}
		}
	}
	return out
}

func hasLetters(name, letters string) bool {
	name = strings.ToLower(name)
	for _, c := range strings.ToLower(letters) {
		i := strings.IndexRune(name, c)
		if i < 0 {
			return false
		}
		name = name[i+len(string(c)):]
	}
	return true
}
