package analysis

import (
	"slices"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Selections lists what an editor selects step by step at an offset, from the
// inside out: the key or the text of a string, its value, the list around it, the
// entry, the table, the file.
func Selections(file *syntax.File, offset uint32) []syntax.Span {
	var out []syntax.Span // from the outside in
	push := func(s syntax.Span) {
		if !touches(s, offset) || s.Len() == 0 {
			return
		}
		if n := len(out); n > 0 && (out[n-1] == s || s.Start < out[n-1].Start || s.End > out[n-1].End) {
			return
		}
		out = append(out, s)
	}
	push(syntax.Span{End: uint32(len(file.Tree.Text))})
	c := At(file, offset)
	if len(c.Table.Path) > 0 {
		push(c.Table.Span)
		push(c.Table.Header)
	}
	var entries func(list []syntax.Entry)
	var value func(v *syntax.Value)
	value = func(v *syntax.Value) {
		if !touches(v.Span, offset) {
			return
		}
		push(v.Span)
		if v.Kind == syntax.String {
			push(inside(file, v))
		}
		for i := range v.Items {
			value(&v.Items[i])
		}
		entries(v.Entries)
	}
	entries = func(list []syntax.Entry) {
		for i := range list {
			if touches(list[i].Span, offset) {
				push(list[i].Span)
				value(&list[i].Value)
			}
		}
	}
	entries(c.Table.Entries)
	if c.Key != nil {
		push(c.Key.Span)
	}
	if ref, ok := c.Reference(); ok {
		push(ref.Span)
	}
	slices.Reverse(out)
	return out
}
