package format

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

const (
	// width is the length, in characters, of a line that a list may fill.
	width = 100
	// maxAligned is the longest key that the others of its table wait for.
	maxAligned = 32
	indentStep = 2
)

// A printer writes sections.
type printer struct {
	text     string
	comments []syntax.Span
	newline  string
	out      []byte
	next     int // the first comment inside values not yet written
	run      run
}

// A run is a number of neighbouring lines with comments behind them.
type run struct {
	from  int // where the first begins
	lines []runLine
}

type runLine struct {
	end, width int
	comment    syntax.Span
}

func (p *printer) section(s *section) {
	if len(s.table.Path) > 0 {
		p.blankLine()
		p.lead(s.lead)
		if s.gap && len(s.lead) > 0 {
			p.out = append(p.out, p.newline...)
		}
		p.header(s.table)
		p.trail(s.trail)
		p.out = append(p.out, p.newline...)
	}
	column := 0
	for i := range s.elements {
		if e := s.elements[i].entry; e != nil {
			if n := p.keyWidth(e); n <= maxAligned {
				column = max(column, n)
			}
		}
	}
	for i := range s.elements {
		p.element(&s.elements[i], column, i == 0)
	}
	p.endRun()
}

// blankLine ends what stands before with a blank line, if there is anything.
func (p *printer) blankLine() {
	if len(p.out) > 0 {
		p.out = append(p.out, p.newline...)
	}
}

func (p *printer) lead(comments []comment) {
	for i, c := range comments {
		if c.blank && i > 0 {
			p.out = append(p.out, p.newline...)
		}
		p.comment(c.span)
		p.out = append(p.out, p.newline...)
	}
}

func (p *printer) comment(c syntax.Span) {
	p.out = append(p.out, strings.TrimRight(p.text[c.Start:c.End], " \t\r")...)
}

// trail writes a comment behind what stands on the line.
func (p *printer) trail(c syntax.Span) {
	if c.Len() > 0 {
		p.out = append(p.out, "  "...)
		p.comment(c)
	}
}

func (p *printer) header(t *syntax.Table) {
	open, closing := "[", "]"
	if t.Array {
		open, closing = "[[", "]]"
	}
	p.out = append(p.out, open...)
	p.key(t.Path)
	p.out = append(p.out, closing...)
}

func (p *printer) key(path []syntax.Key) {
	for i, k := range path {
		if i > 0 {
			p.out = append(p.out, '.')
		}
		if int(k.Span.End-k.Span.Start) == len(k.Name) {
			p.out = append(p.out, k.Name...) // bare
		} else {
			p.out = append(p.out, syntax.QuoteKey(k.Name)...)
		}
	}
}

func (p *printer) keyWidth(e *syntax.Entry) int {
	from := len(p.out)
	p.key(e.Path)
	n := utf8.RuneCount(p.out[from:])
	p.out = p.out[:from]
	return n
}

func (p *printer) element(el *element, column int, first bool) {
	if el.blank && !first {
		p.endRun()
		p.out = append(p.out, p.newline...)
	}
	if len(el.lead) > 0 {
		p.endRun()
		p.lead(el.lead)
	}
	if el.entry == nil {
		return
	}
	line := len(p.out)
	p.next = el.comments
	p.key(el.entry.Path)
	for n := utf8.RuneCount(p.out[line:]); n < column; n++ {
		p.out = append(p.out, ' ')
	}
	p.out = append(p.out, " = "...)
	p.value(&el.entry.Value, line, 0)
	switch {
	case el.trail.Len() == 0:
		p.endRun()
	case bytes.IndexByte(p.out[line:], '\n') >= 0:
		p.endRun()
		p.trail(el.trail)
	default:
		if len(p.run.lines) == 0 {
			p.run.from = line
		}
		p.run.lines = append(p.run.lines, runLine{len(p.out), utf8.RuneCount(p.out[line:]), el.trail})
	}
	p.out = append(p.out, p.newline...)
}

// endRun writes the comments of a run, one below the other.
func (p *printer) endRun() {
	lines := p.run.lines
	if len(lines) == 0 {
		return
	}
	widest := 0
	for _, l := range lines {
		widest = max(widest, l.width)
	}
	old := bytes.Clone(p.out[p.run.from:])
	p.out = p.out[:p.run.from]
	at := 0
	for _, l := range lines {
		p.out = append(p.out, old[at:l.end-p.run.from]...)
		at = l.end - p.run.from
		for n := l.width; n < widest; n++ {
			p.out = append(p.out, ' ')
		}
		p.trail(l.comment)
	}
	p.out = append(p.out, old[at:]...)
	p.run.lines = lines[:0]
}
