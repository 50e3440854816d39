package syntax

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

const byteOrderMark = "\uFEFF"

// Parse reads a text. It never fails, and takes time linear in its size.
// A text larger than [MaxSize] is not read; a text with more than [MaxErrors]
// errors is not read to its end.
func Parse(text string) *Tree {
	if len(text) > MaxSize {
		return &Tree{Text: text, Tables: make([]Table, 1), Errors: []Error{{
			Message: "the file is larger than 64 MiB",
		}}}
	}
	if tree, ok := parseSections(text); ok {
		return tree
	}
	first := newParser(text, literally)
	first.document()
	first.tree.plain = !first.ambiguous && !first.overruns
	if first.ambiguous && first.failures > 0 {
		second := newParser(text, warily)
		second.document()
		if second.failures < first.failures {
			return second.tree
		}
	}
	return first.tree
}

// parser reads one text from begin to end. Everything it consumes goes through
// take, so that the tokens are the text.
type parser struct {
	text     string
	pos      int
	strategy strategy
	tree     *Tree
	yield    func(Token) bool // for Tokens; nil while a tree is wanted only

	failures  int  // errors so far, including those that were not recorded
	ambiguous bool // the other strategy might read the text differently
	overruns  bool // something is not closed that may go on behind the text
	stopped   bool // after MaxErrors
	validUTF8 bool

	depth  int  // of arrays and inline tables
	arrays int  // open arrays among them
	tables int  // open inline tables among them
	unwind bool // the open arrays and inline tables end here
	reread int  // bytes that were read as a string and then given back

	keys    slab[Key]
	entries slab[Entry] // of tables
	inline  slab[Entry] // of inline tables
	items   slab[Value]
	// The elements of open arrays and inline tables, outer before inner.
	itemStack  []Value
	entryStack []Entry

	unescaped strings.Builder // the texts of strings with escapes share it
	judge     unstable.Parser
	judged    []byte
}

func newParser(text string, how strategy) *parser {
	// Most files have a line that starts with a bracket for every table, and
	// little else of the kind.
	tables := min(strings.Count(text, "\n[")+2, len(text)/8+2)
	return &parser{
		text:      text,
		strategy:  how,
		tree:      &Tree{Text: text, strategy: how, Tables: make([]Table, 1, tables)},
		validUTF8: utf8.ValidString(text),
	}
}

// take consumes the text up to end as one token.
func (p *parser) take(kind TokenKind, end int) {
	if p.yield != nil && end > p.pos {
		p.emit(kind, end)
	}
	p.pos = end
}

func (p *parser) emit(kind TokenKind, end int) {
	if !p.yield(Token{Kind: kind, Span: span(p.pos, end)}) {
		p.yield = nil
		p.stopped = true
	}
}

func span(start, end int) Span { return Span{uint32(start), uint32(end)} }

// fail records an error in text[start:end].
func (p *parser) fail(start, end int, message, hint string) {
	p.failures++
	switch n := len(p.tree.Errors); {
	case n < MaxErrors:
		p.tree.Errors = append(p.tree.Errors, Error{span(start, end), message, hint})
	case n == MaxErrors:
		p.stopped = true
		end := min(p.pos, len(p.text))
		p.tree.Errors = append(p.tree.Errors, Error{
			Span:    span(max(end-1, 0), end),
			Message: "too many errors; the rest of the file was not read",
		})
	}
}

// at reports whether c is the next byte.
func (p *parser) at(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// atLineEnd reports whether there is nothing more on the line, save for a
// comment.
func (p *parser) atLineEnd() bool {
	return p.pos >= len(p.text) || p.text[p.pos] == '#' || newlineAt(p.text, p.pos) > 0
}

func (p *parser) space() { p.take(TokenSpace, skipSpace(p.text, p.pos)) }

// newline consumes a line ending, or a carriage return that is none.
func (p *parser) newline() {
	if n := newlineAt(p.text, p.pos); n > 0 {
		p.take(TokenNewline, p.pos+n)
		return
	}
	p.checkText(p.pos, p.pos+1, outside)
	p.take(TokenInvalid, p.pos+1)
}

func (p *parser) comment() {
	start, end := p.pos, lineEnd(p.text, p.pos)
	p.take(TokenComment, end)
	p.checkText(start, end, inComment)
	p.tree.comments = append(p.tree.comments, span(start, end))
}

// document reads the text from where the parser stands to its end.
func (p *parser) document() {
	if p.pos == 0 {
		p.prologue()
	}
	for p.pos < len(p.text) && !p.stopped {
		p.space()
		if p.pos == len(p.text) {
			break
		}
		switch p.text[p.pos] {
		case '\n', '\r':
			p.newline()
		case '#':
			p.comment()
		case '[':
			p.endTable()
			p.header()
		default:
			p.line()
		}
	}
	p.endTable()
	p.take(TokenInvalid, len(p.text))
	slices.SortStableFunc(p.tree.Errors, func(a, b Error) int {
		return int(a.Span.Start) - int(b.Span.Start)
	})
}

// prologue reads what may stand before the first line.
func (p *parser) prologue() {
	switch {
	case strings.HasPrefix(p.text, byteOrderMark):
		p.take(TokenByteOrderMark, len(byteOrderMark))
	case strings.HasPrefix(p.text, "\xFF\xFE"), strings.HasPrefix(p.text, "\xFE\xFF"):
		p.fail(0, 2, "the file is UTF-16", "save it as UTF-8")
		p.stopped = true
	}
}

// endTable gives the entries read since the last header to their table.
func (p *parser) endTable() {
	table := &p.tree.Tables[len(p.tree.Tables)-1]
	table.Entries = p.entries.take()
	if n := len(table.Entries); n > 0 {
		table.Span.End = table.Entries[n-1].Span.End
	}
}
