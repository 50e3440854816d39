package analysis

import (
	"sort"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Cursor is what stands at an offset of a file.
type Cursor struct {
	File   *syntax.File
	Offset uint32
	// Table is the table that the offset lies in: its header, or the lines
	// below it up to the next header.
	Table *syntax.Table
	// Path leads from the root of the file to the key under the cursor, or to
	// the key whose value is under it. It is the table's path between entries.
	Path []syntax.Key
	// Key is the key under the cursor, the last of Path, or nil.
	Key *syntax.Key
	// InHeader is set when Key stands in a [header].
	InHeader bool
	// Value is the innermost value under the cursor, or nil.
	Value *syntax.Value
	// List is the array that Value is an item of, or nil.
	List *syntax.Value
}

// At finds what stands at an offset. An offset at the end of a key or value
// counts as in it, as that is where an editor's cursor is after typing it.
func At(file *syntax.File, offset uint32) Cursor {
	tables := file.Tree.Tables
	i := sort.Search(len(tables), func(i int) bool { return tables[i].Header.Start > offset }) - 1
	c := Cursor{File: file, Offset: offset, Table: &tables[max(i, 0)]}
	if touches(c.Table.Header, offset) && i > 0 {
		c.InHeader = true
		c.key(nil, c.Table.Path)
		return c
	}
	c.Path = c.Table.Path
	c.entries(c.Table.Entries)
	return c
}

func touches(s syntax.Span, offset uint32) bool { return s.Start <= offset && offset <= s.End }

// key sets Path and Key if one of keys, below a path, is under the cursor.
func (c *Cursor) key(above, keys []syntax.Key) bool {
	for i := range keys {
		if touches(keys[i].Span, c.Offset) {
			c.Path = join(above, keys[:i+1])
			c.Key = &keys[i]
			return true
		}
	}
	c.Path = join(above, keys)
	return false
}

func join(a, b []syntax.Key) []syntax.Key { return append(a[:len(a):len(a)], b...) }

func (c *Cursor) entries(entries []syntax.Entry) {
	i := sort.Search(len(entries), func(i int) bool { return entries[i].Span.Start > c.Offset }) - 1
	if i < 0 || !touches(entries[i].Span, c.Offset) {
		return
	}
	e := &entries[i]
	if c.key(c.Path, e.Path) {
		return
	}
	c.value(&e.Value)
}

func (c *Cursor) value(v *syntax.Value) {
	if !touches(v.Span, c.Offset) {
		return
	}
	if c.Value != nil && c.Value.Kind == syntax.Array {
		c.List = c.Value
	}
	c.Value = v
	for i := range v.Items {
		c.value(&v.Items[i])
	}
	if v.Kind == syntax.InlineTable {
		c.entries(v.Entries)
	}
}

// Place is where a path of keys lies in the scheme of rigx.toml.
type Place struct {
	// Section is nil in targets and where nothing is known.
	Section *schema.Section
	// Entry is the user's name of the section's entry, the target or the
	// variable.
	Entry string
	// Target and Variant are names as written, "" outside of targets.
	Target, Variant string
	// Field is nil on the names themselves.
	Field *schema.Field
	// Records is the field whose tables the cursor is in, such as links; Field
	// is then a field of theirs, or Records itself between them. Entry is the
	// table's name if it has one.
	Records *schema.Field
}

// Place says what the cursor's path means.
func (c Cursor) Place() Place {
	names := make([]string, len(c.Path))
	for i, k := range c.Path {
		names[i] = k.Name
	}
	return placeOf(names)
}

func placeOf(names []string) Place {
	if len(names) == 0 {
		return Place{}
	}
	if names[0] == "targets" {
		return targetPlace(names[1:])
	}
	if names[0] == schema.Include.Name && len(names) == 1 {
		return Place{Field: schema.Include}
	}
	for n := min(2, len(names)); n > 0; n-- {
		sec := schema.SectionNamed(strings.Join(names[:n], "."))
		if sec == nil {
			continue
		}
		p, rest := Place{Section: sec}, names[n:]
		if sec.Entries && len(rest) > 0 {
			p.Entry, rest = rest[0], rest[1:]
		}
		if len(rest) > 0 {
			p.Field = longestField(rest, sec.Field)
		}
		if sec == schema.Vars && p.Field == nil && len(rest) > 0 {
			p.Entry = rest[0]
		}
		return p
	}
	return Place{}
}

func targetPlace(names []string) Place {
	if len(names) == 0 {
		return Place{}
	}
	p, rest := Place{Target: names[0]}, names[1:]
	if len(rest) > 0 && rest[0] == "variants" {
		if len(rest) > 1 {
			p.Variant, rest = rest[1], rest[2:]
		} else {
			rest = nil
		}
	}
	if len(rest) > 0 {
		p.Field = longestField(rest, schema.TargetField)
	}
	if p.Field != nil && p.Field.Fields != nil {
		p.Records = p.Field
		rest = rest[1:]
		if p.Records.Type == schema.NamedRecords && len(rest) > 0 {
			p.Entry, rest = rest[0], rest[1:]
		}
		if len(rest) > 0 {
			p.Field = longestField(rest, p.Records.Member)
		}
	}
	return p
}

// longestField finds the field that a path leads to or into: defines.X is in
// `defines`.
func longestField(names []string, lookup func(string) *schema.Field) *schema.Field {
	for n := len(names); n > 0; n-- {
		if f := lookup(strings.Join(names[:n], ".")); f != nil {
			return f
		}
	}
	return nil
}

// Target returns the target that the cursor is in, or nil.
func (s *Snapshot) Target(c Cursor) *manifest.Target {
	p := c.Place()
	if p.Target == "" {
		return nil
	}
	return s.Manifest.TargetIn(c.File, p.Target)
}

// Part is a piece of a string under the cursor: the name in ${…}, or the name
// behind $vars.
type Part struct {
	Name string
	Span syntax.Span
}

// Reference returns the name in the ${…} under the cursor.
func (c Cursor) Reference() (Part, bool) {
	if c.Value == nil || c.Value.Kind != syntax.String || !manifest.Interpolates(c.Value.Text) {
		return Part{}, false
	}
	text := c.File.Tree.Text
	at, ok := syntax.DecodedOffset(text, c.Value.Span, c.Offset)
	if !ok {
		return Part{}, false
	}
	parts, _ := manifest.ParseTemplate(c.Value.Text)
	for _, p := range parts {
		if p.Ref != "" && p.Start <= at && at <= p.End {
			return Part{p.Ref, syntax.Span{
				Start: syntax.SourceOffset(text, c.Value.Span, p.Start),
				End:   syntax.SourceOffset(text, c.Value.Span, p.End),
			}}, true
		}
	}
	return Part{}, false
}
