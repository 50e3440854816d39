package manifest

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Edit replaces a part of a file. An empty span inserts.
type Edit struct {
	File *syntax.File
	Span syntax.Span
	Text string
}

// SetText returns the edit that gives a field of the target the value, as
// TOML: in the place of the old value, or on a new line behind the field that
// comes before it in canonical order. It is not ok for a target that is not
// written as a [targets.<name>] table of its own.
func (t *Target) SetText(field *schema.Field, value string) (Edit, bool) {
	file := t.Local.At.File
	if v := t.Get(field); v != nil {
		return Edit{v.At.File, v.At.Span, value}, true
	}
	table := tableAt(file, t.Header)
	if table == nil {
		return Edit{}, false
	}
	if len(table.Entries) == 0 {
		return Edit{file, syntax.Span{Start: table.Header.End, End: table.Header.End}, Newline(file) + field.Name + " = " + value}, true
	}
	before := &table.Entries[0]
	for i := range table.Entries {
		if e := &table.Entries[i]; comesBefore(e, field) {
			before = e
		}
	}
	at := lineEnd(file.Tree.Text, before.Span.End)
	return Edit{file, syntax.Span{Start: at, End: at}, Newline(file) + aligned(file, before, field.Name) + " = " + value}, true
}

// tableAt finds the table whose header is at a place.
func tableAt(file *syntax.File, at Location) *syntax.Table {
	for i := range file.Tree.Tables {
		if t := &file.Tree.Tables[i]; t.Header == at.Span && t.Header.Len() > 0 && at.File == file {
			return t
		}
	}
	return nil
}

func comesBefore(e *syntax.Entry, field *schema.Field) bool {
	name := syntax.JoinKeys(e.Path)
	for _, f := range schema.TargetFields {
		switch f.Name {
		case name:
			return true
		case field.Name:
			return false
		}
	}
	return false
}

// aligned pads a key so that its equals sign stands below that of an entry.
func aligned(file *syntax.File, e *syntax.Entry, key string) string {
	text := file.Tree.Text[e.Span.Start:e.Value.Span.Start]
	if i := strings.LastIndexByte(text, '='); i > len(key) {
		return key + strings.Repeat(" ", i-1-len(key))
	}
	return key
}

// lineEnd is the end of the line that an offset is in, before its line ending.
func lineEnd(text string, at uint32) uint32 {
	rest := text[at:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return at + uint32(len(strings.TrimSuffix(rest, "\r")))
}

// Newline is the line ending that a file uses.
func Newline(file *syntax.File) string {
	if i := strings.IndexByte(file.Tree.Text, '\n'); i > 0 && file.Tree.Text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// Apply returns the text of a file with edits made, which must not overlap.
func Apply(text string, edits []Edit) string {
	var b strings.Builder
	at := uint32(0)
	for _, e := range edits {
		b.WriteString(text[at:e.Span.Start])
		b.WriteString(e.Text)
		at = e.Span.End
	}
	b.WriteString(text[at:])
	return b.String()
}

// AppendText returns the edit that puts a value, as TOML, behind the last item
// of a list field of the target, or sets the field to a list of it.
func (t *Target) AppendText(field *schema.Field, value string) (Edit, bool) {
	v := t.Get(field)
	if v == nil {
		return t.SetText(field, "["+value+"]")
	}
	text := v.At.File.Tree.Text[v.At.Span.Start:v.At.Span.End]
	inner := strings.TrimRight(strings.TrimSuffix(text, "]"), " \t\r\n")
	at := v.At.Span.Start + uint32(len(inner))
	switch {
	case !strings.HasSuffix(text, "]"):
		return Edit{}, false
	case strings.HasSuffix(inner, "["):
	case strings.Contains(text, "\n"):
		line := inner[strings.LastIndexByte(inner, '\n')+1:]
		value = Newline(v.At.File) + line[:len(line)-len(strings.TrimLeft(line, " \t"))] + value + ","
		if !strings.HasSuffix(inner, ",") {
			value = "," + value
		}
	case strings.HasSuffix(inner, ","):
		value = " " + value
	default:
		value = ", " + value
	}
	return Edit{v.At.File, syntax.Span{Start: at, End: at}, value}, true
}
