package format

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// value writes a value that begins on the line which starts at offset line of
// the output, and whose closing bracket has that indent.
func (p *printer) value(v *syntax.Value, line, indent int) {
	switch v.Kind {
	case syntax.Array:
		if !p.startsLine(v) && !p.hasComment(v.Span) {
			from := len(p.out)
			p.flat(v)
			if bytes.IndexByte(p.out[from:], '\n') >= 0 || utf8.RuneCount(p.out[line:]) <= width {
				return
			}
			p.out = p.out[:from]
		}
		p.list(v.Span, "[", "]", len(v.Items), indent,
			func(i int) syntax.Span { return v.Items[i].Span },
			func(i, line int) { p.value(&v.Items[i], line, indent+indentStep) })
	case syntax.InlineTable:
		if !p.hasComment(v.Span) {
			p.flat(v)
			return
		}
		p.list(v.Span, "{", "}", len(v.Entries), indent,
			func(i int) syntax.Span { return v.Entries[i].Span },
			func(i, line int) {
				p.key(v.Entries[i].Path)
				p.out = append(p.out, " = "...)
				p.value(&v.Entries[i].Value, line, indent+indentStep)
			})
	default:
		p.flat(v)
	}
}

// startsLine reports whether the first item of a list stands on a line of its
// own: whoever wrote it so wants one line for each.
func (p *printer) startsLine(v *syntax.Value) bool {
	return len(v.Items) > 0 && strings.IndexByte(p.text[v.Span.Start:v.Items[0].Span.Start], '\n') >= 0
}

func (p *printer) hasComment(s syntax.Span) bool {
	return p.next < len(p.comments) && p.comments[p.next].Start < s.End
}

// flat writes a value without line breaks of its own.
func (p *printer) flat(v *syntax.Value) {
	switch v.Kind {
	case syntax.Array:
		p.out = append(p.out, '[')
		for i := range v.Items {
			if i > 0 {
				p.out = append(p.out, ", "...)
			}
			p.flat(&v.Items[i])
		}
		p.out = append(p.out, ']')
	case syntax.InlineTable:
		if len(v.Entries) == 0 {
			p.out = append(p.out, "{}"...)
			return
		}
		p.out = append(p.out, '{')
		for i := range v.Entries {
			if i > 0 {
				p.out = append(p.out, ',')
			}
			p.out = append(p.out, ' ')
			p.key(v.Entries[i].Path)
			p.out = append(p.out, " = "...)
			p.flat(&v.Entries[i].Value)
		}
		p.out = append(p.out, " }"...)
	default:
		p.out = append(p.out, p.text[v.Span.Start:v.Span.End]...)
	}
}

// list writes n items, each on a line of its own, with the comments between
// them.
func (p *printer) list(span syntax.Span, open, closing string, n, indent int, at func(i int) syntax.Span, write func(i, line int)) {
	p.out = append(p.out, open...)
	p.out = append(p.out, p.newline...)
	from := span.Start + 1
	first := true
	begin := func(to uint32) {
		if !first && blankLine(p.text[from:to]) {
			p.out = append(p.out, p.newline...)
		}
		first = false
		p.indent(indent + indentStep)
	}
	ownLines := func(to uint32) {
		for p.hasComment(syntax.Span{End: to}) {
			c := p.comments[p.next]
			begin(c.Start)
			p.comment(c)
			p.out = append(p.out, p.newline...)
			from = c.End
			p.next++
		}
	}
	for i := range n {
		item := at(i)
		ownLines(item.Start)
		begin(item.Start)
		write(i, len(p.out)-indent-indentStep)
		p.out = append(p.out, ',')
		from = item.End
		limit := span.End
		if i+1 < n {
			limit = at(i + 1).Start
		}
		if p.hasComment(syntax.Span{End: limit}) {
			if c := p.comments[p.next]; strings.IndexByte(p.text[from:c.Start], '\n') < 0 {
				p.trail(c)
				from = c.End
				p.next++
			}
		}
		p.out = append(p.out, p.newline...)
	}
	ownLines(span.End)
	p.indent(indent)
	p.out = append(p.out, closing...)
}

func (p *printer) indent(n int) {
	for range n {
		p.out = append(p.out, ' ')
	}
}
