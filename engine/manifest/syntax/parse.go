package syntax

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Parse reads a text. It never fails and takes time linear in its size.
func Parse(text string) *Tree {
	p := &parser{text: text, tree: &Tree{Text: text}}
	if len(text) > MaxSize {
		p.tree.Tables = make([]Table, 1)
		p.fail(0, 0, "the file is larger than 64 MiB", "split it with `include`")
		return p.tree
	}
	p.document()
	return p.tree
}

type parser struct {
	text     string
	pos      int
	strategy strategy
	tree     *Tree
	yield    func(Token) bool

	keys    slab[Key]
	values  slab[Value]
	entries slab[Entry]
	broken  bool // an error was found in the current entry
}

func (p *parser) tokens() {}

func (p *parser) fail(start, end int, message, hint string) {
	p.broken = true
	if len(p.tree.Errors) < MaxErrors {
		p.tree.Errors = append(p.tree.Errors, Error{Span{uint32(start), uint32(end)}, message, hint})
	}
}

func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) space() { p.pos = skipSpace(p.text, p.pos) }

// blank skips white space, line endings and comments.
func (p *parser) blank() {
	for {
		p.space()
		switch n := newlineAt(p.text, p.pos); {
		case n > 0:
			p.pos += n
		case p.peek() == '#' && p.pos < len(p.text):
			p.comment()
		default:
			return
		}
	}
}

func (p *parser) comment() {
	start := p.pos
	p.pos = lineEnd(p.text, p.pos)
	p.tree.comments = append(p.tree.comments, Span{uint32(start), uint32(p.pos)})
	for i := start; i < p.pos; i++ {
		if c := p.text[i]; c < ' ' && c != '\t' || c == 0x7f {
			p.fail(i, i+1, "control character in a comment", "remove it")
			return
		}
	}
}

func (p *parser) document() {
	p.pos = len(p.text) - len(strings.TrimPrefix(p.text, "\ufeff"))
	p.tree.Tables = append(p.tree.Tables, Table{})
	var open []Entry
	finish := func() {
		table := &p.tree.Tables[len(p.tree.Tables)-1]
		if n := len(open); n > 0 {
			table.Entries = p.entries.keep(open)
			table.Span.End = open[n-1].Span.End
		}
		open = open[:0]
	}
	for {
		p.blank()
		if p.pos >= len(p.text) {
			break
		}
		p.broken = false
		if p.peek() == '[' {
			finish()
			p.tree.Tables = append(p.tree.Tables, p.header())
			continue
		}
		open = append(open, p.entry(false))
		p.endOfLine()
		open[len(open)-1].Broken = p.broken
	}
	finish()
}

// endOfLine wants the line to end here and skips what stands in its way.
func (p *parser) endOfLine() {
	p.space()
	if p.pos >= len(p.text) || newlineAt(p.text, p.pos) > 0 {
		return
	}
	if p.peek() == '#' {
		p.comment()
		return
	}
	end := lineEnd(p.text, p.pos)
	if !p.broken {
		p.fail(p.pos, trimSpace(p.text, p.pos, end), "unexpected "+excerpt(p.text[p.pos:trimSpace(p.text, p.pos, end)])+" at the end of the line", "put it on a line of its own, or remove it")
	}
	p.pos = end
}

func (p *parser) header() Table {
	start := p.pos
	t := Table{}
	width := 1
	if strings.HasPrefix(p.text[p.pos:], "[[") {
		t.Array = true
		width = 2
	}
	p.pos += width
	t.Path = p.path()
	p.space()
	closing := "]]"[:width]
	if strings.HasPrefix(p.text[p.pos:], closing) {
		p.pos += width
	} else if !p.broken {
		p.fail(start, trimSpace(p.text, start, lineEnd(p.text, start)), "the table header is not closed", "add `"+closing+"`")
	}
	t.Header = Span{uint32(start), uint32(p.pos)}
	t.Span = t.Header
	p.endOfLine()
	t.Broken = p.broken
	return t
}

// path reads a dotted key. Missing parts are empty keys.
func (p *parser) path() []Key {
	var parts []Key
	for {
		p.space()
		parts = append(parts, p.key())
		p.space()
		if p.peek() != '.' {
			return p.keys.keep(parts)
		}
		p.pos++
	}
}

func (p *parser) key() Key {
	start := p.pos
	switch c := p.peek(); {
	case c == '"' || c == '\'':
		v := p.stringValue()
		if strings.HasPrefix(p.text[start:p.pos], strings.Repeat(string(c), 3)) {
			p.fail(start, p.pos, "a key cannot be a multi-line string", "use single quotes around it")
		}
		return Key{v.Span, v.Text}
	}
	for p.pos < len(p.text) && classes[p.text[p.pos]]&bareKeyByte != 0 {
		p.pos++
	}
	if p.pos == start && !p.broken {
		end := start
		if start < len(p.text) && newlineAt(p.text, start) == 0 {
			end = runeEnd(p.text, start)
		}
		p.fail(start, end, "a key is missing here", "keys are letters, digits, `_` and `-`, or text in quotes")
	}
	return Key{Span{uint32(start), uint32(p.pos)}, p.text[start:p.pos]}
}

func (p *parser) entry(inTable bool) Entry {
	start := p.pos
	e := Entry{Path: p.path()}
	p.space()
	if p.peek() != '=' || p.pos >= len(p.text) {
		if !p.broken {
			p.fail(start, p.pos, "`=` is missing after "+excerpt(strings.TrimSpace(p.text[start:p.pos])), "write key = value")
		}
		e.Value.Span = Span{uint32(p.pos), uint32(p.pos)}
		if !inTable {
			p.pos = lineEnd(p.text, p.pos)
		}
		e.Span = Span{uint32(start), uint32(trimSpace(p.text, start, p.pos))}
		return e
	}
	p.pos++
	p.space()
	e.Value = p.value(0)
	e.Span = Span{uint32(start), max(e.Value.Span.End, e.Path[len(e.Path)-1].Span.End)}
	return e
}

func (p *parser) value(depth int) Value {
	start := p.pos
	if p.pos >= len(p.text) || newlineAt(p.text, p.pos) > 0 || p.peek() == '#' {
		p.fail(trimSpace(p.text, 0, start), start, "a value is missing", "write a string in quotes, a number, true, false, [ … ] or { … }")
		return Value{Span: Span{uint32(start), uint32(start)}}
	}
	if depth > MaxDepth {
		p.fail(start, start+1, "lists and tables are nested too deep", "")
		p.pos = len(p.text)
		return Value{Kind: Invalid, Span: Span{uint32(start), uint32(start + 1)}}
	}
	switch p.peek() {
	case '"', '\'':
		return p.stringValue()
	case '[':
		return p.array(depth)
	case '{':
		return p.inlineTable(depth)
	}
	return p.scalar()
}

func (p *parser) stringValue() Value {
	start := p.pos
	quote := p.text[start : start+1]
	triple := strings.Repeat(quote, 3)
	var closed bool
	if strings.HasPrefix(p.text[start:], triple) {
		closed = p.multiline(start, triple)
	} else {
		closed = p.singleLine(start)
	}
	v := Value{Kind: String, Span: Span{uint32(start), uint32(p.pos)}}
	l, _ := newLiteral(p.text, start, p.pos)
	if !closed {
		l.end = p.pos
	}
	v.Text = p.decode(l)
	return v
}

// singleLine moves behind a string on one line.
func (p *parser) singleLine(start int) bool {
	quote := p.text[start]
	end := lineEnd(p.text, start)
	for i := start + 1; i < end; i++ {
		switch {
		case p.text[i] == quote:
			p.pos = i + 1
			return true
		case p.text[i] == '\\' && quote == '"':
			i++
		}
	}
	p.pos = trimSpace(p.text, start, end)
	p.fail(start, p.pos, "unterminated string", "add a closing "+string(quote))
	return false
}

// multiline moves behind a string in three quotes; up to two more quotes at
// its end belong to it. One that never ends is cut at the next table header.
func (p *parser) multiline(start int, triple string) bool {
	i := start + 3
	for i < len(p.text) {
		n := strings.IndexAny(p.text[i:], `\`+triple[:1])
		if n < 0 {
			break
		}
		i += n
		if p.text[i] == '\\' {
			i++
			if triple[0] == '"' {
				i++
			}
			continue
		}
		if strings.HasPrefix(p.text[i:], triple) {
			i += 3
			for extra := 0; extra < 2 && i < len(p.text) && p.text[i] == triple[0]; extra++ {
				i++
			}
			p.pos = i
			return true
		}
		i++
	}
	p.pos = len(p.text)
	if at := findHeader(p.text, start, len(p.text)); at >= 0 {
		p.pos = at
	}
	p.pos = trimSpace(p.text, start, p.pos)
	p.fail(start, start+3, "unterminated string", "add a closing "+triple)
	return false
}

// decode undoes escapes and reports what is wrong inside a string.
func (p *parser) decode(l literal) string {
	body := p.text[l.start:max(l.start, l.end)]
	for i := 0; i < len(body); i++ {
		c := body[i]
		if (c >= ' ' && c != 0x7f) || c == '\t' || l.multiline && (c == '\n' || c == '\r' && newlineAt(body, i) == 2) {
			continue
		}
		p.fail(l.start+i, l.start+i+1, "control character in a string", `write it as an escape, such as \u001b`)
		break
	}
	if l.verbatim() {
		return body
	}
	var b strings.Builder
	for i := l.start; i < l.end; {
		special := l.nextSpecial(i)
		b.WriteString(p.text[i:special])
		if special == l.end {
			break
		}
		size, r, fault := l.special(special)
		if fault != nil {
			p.fail(special, min(special+fault.size, l.end), fault.message, fault.hint)
		}
		if r != nothing {
			b.WriteRune(r)
		}
		i = special + size
	}
	return b.String()
}

func (p *parser) array(depth int) Value {
	start := p.pos
	p.pos++
	var items []Value
	for {
		p.blank()
		switch {
		case p.peek() == ']' && p.pos < len(p.text):
			p.pos++
			return Value{Kind: Array, Span: Span{uint32(start), uint32(p.pos)}, Items: p.values.keep(items)}
		case p.arrayEnds(start):
			p.pos = trimSpace(p.text, start, p.pos)
			p.fail(start, start+1, "the list is not closed", "add `]`")
			return Value{Kind: Array, Span: Span{uint32(start), uint32(p.pos)}, Items: p.values.keep(items)}
		case p.peek() == ',':
			p.fail(p.pos, p.pos+1, "a value is missing before the comma", "remove the comma")
			p.pos++
			continue
		}
		items = append(items, p.value(depth+1))
		p.blank()
		if p.peek() == ',' {
			p.pos++
		} else if p.pos < len(p.text) && p.peek() != ']' && !p.arrayEnds(start) {
			p.fail(p.pos, runeEnd(p.text, p.pos), "a comma is missing between the items", "add `,`")
			if c := p.peek(); c == '=' || c == '}' {
				p.pos++
			}
		}
	}
}

// arrayEnds reports whether what comes is no part of an array any more: the
// end of the text, or a line that starts like an entry or a header.
func (p *parser) arrayEnds(start int) bool {
	if p.pos >= len(p.text) {
		return true
	}
	line := strings.LastIndexByte(p.text[:p.pos], '\n') + 1
	if line <= start || skipSpace(p.text, line) != p.pos {
		return false
	}
	_, assignment := assignmentAt(p.text, line)
	return assignment || headerAt(p.text, line)
}

func (p *parser) inlineTable(depth int) Value {
	start := p.pos
	p.pos++
	var entries []Entry
	done := func() Value {
		return Value{Kind: InlineTable, Span: Span{uint32(start), uint32(p.pos)}, Entries: p.entries.keep(entries)}
	}
	for {
		p.blank()
		if p.pos < len(p.text) && p.peek() == '}' {
			p.pos++
			return done()
		}
		line := strings.LastIndexByte(p.text[:p.pos], '\n') + 1
		if p.pos >= len(p.text) || line > start && headerAt(p.text, line) {
			p.pos = trimSpace(p.text, start, p.pos)
			p.fail(start, start+1, "the table is not closed", "add `}`")
			return done()
		}
		begin := p.pos
		e := p.inlineEntry(depth)
		entries = append(entries, e)
		p.blank()
		switch {
		case p.peek() == ',' && p.pos < len(p.text):
			p.pos++
		case p.peek() == '}' || p.pos >= len(p.text):
		default:
			if !p.broken {
				p.fail(p.pos, runeEnd(p.text, p.pos), "a comma is missing between the entries", "add `,` or `}`")
			}
			if p.pos == begin || p.peek() == ']' || p.peek() == '=' {
				p.pos = runeEnd(p.text, p.pos)
			}
		}
	}
}

func (p *parser) inlineEntry(depth int) Entry {
	start := p.pos
	e := Entry{Path: p.path()}
	p.space()
	if p.peek() != '=' {
		if !p.broken {
			p.fail(start, p.pos, "`=` is missing", "write key = value")
		}
		e.Broken = true
		e.Value.Span = Span{uint32(p.pos), uint32(p.pos)}
		e.Span = Span{uint32(start), uint32(p.pos)}
		return e
	}
	p.pos++
	p.space()
	if c := p.peek(); c == ',' || c == '}' {
		p.fail(p.pos, p.pos+1, "a value is missing", "")
		e.Value.Span = Span{uint32(p.pos), uint32(p.pos)}
	} else {
		e.Value = p.value(depth + 1)
	}
	e.Span = Span{uint32(start), uint32(p.pos)}
	return e
}

// scalar reads what has no delimiters: numbers, booleans, dates.
func (p *parser) scalar() Value {
	start := p.pos
	for p.pos < len(p.text) && classes[p.text[p.pos]]&delimiter == 0 {
		p.pos++
	}
	// A date and a time may be separated by one space.
	if p.pos-start == 10 && p.pos+3 < len(p.text) && p.text[p.pos] == ' ' && isDigit(p.text[p.pos+1]) && isDigit(p.text[p.pos+2]) && p.text[p.pos+3] == ':' {
		for p.pos++; p.pos < len(p.text) && classes[p.text[p.pos]]&delimiter == 0; {
			p.pos++
		}
	}
	if p.pos == start {
		p.pos = runeEnd(p.text, start)
	}
	v := Value{Text: p.text[start:p.pos], Span: Span{uint32(start), uint32(p.pos)}}
	v.Kind = scalarKind(v.Text)
	if v.Kind == Invalid {
		hint := "write text in quotes"
		if strings.EqualFold(v.Text, "true") || strings.EqualFold(v.Text, "false") {
			hint = "write " + strings.ToLower(v.Text)
		}
		p.fail(start, p.pos, excerpt(v.Text)+" is not a value", hint)
	}
	return v
}

func scalarKind(s string) Kind {
	if s == "true" || s == "false" {
		return Boolean
	}
	if plainInteger(s) {
		return Integer
	}
	// All else is rare in practice; go-toml knows the rules.
	var judge unstable.Parser
	judge.Reset([]byte("x = " + s))
	if !judge.NextExpression() || judge.Error() != nil {
		return Invalid
	}
	value := judge.Expression().Value()
	if value == nil || judge.NextExpression() || judge.Error() != nil {
		return Invalid
	}
	switch value.Kind {
	case unstable.Integer:
		return Integer
	case unstable.Float:
		return Float
	case unstable.DateTime, unstable.LocalDate, unstable.LocalDateTime, unstable.LocalTime:
		return Datetime
	}
	return Invalid
}

func plainInteger(s string) bool {
	if len(s) == 0 || len(s) > 18 || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}
