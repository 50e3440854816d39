package syntax

import (
	"strings"
	"unicode/utf8"
)

// isTriple reports whether a multi-line string starts at i.
func isTriple(text string, i int) bool {
	return i+2 < len(text) && (text[i] == '"' || text[i] == '\'') && text[i+1] == text[i] && text[i+2] == text[i]
}

// scanned is a string that was delimited, but not judged yet.
type scanned struct {
	start, end int
	multiline  bool
	closed     bool
	special    bool // has escapes or carriage returns
	suspicious bool // has bytes that may not be allowed
}

// stringValue reads a string into v.
func (p *parser) stringValue(v *Value) {
	var s scanned
	if isTriple(p.text, p.pos) {
		s = p.scanMultiline(p.pos)
	} else if s = p.scanString(p.pos); !s.closed && p.depth > 0 {
		// Brackets and commas that end the line are more likely to be meant as
		// such than to be part of the string.
		body := p.text[s.start+1 : s.end]
		s.end = s.start + 1 + len(strings.TrimRight(body, "]}, \t"))
	}
	v.Kind = String
	v.Text = p.finishString(TokenString, s)
}

// finishString consumes a string, reports what is wrong with it and returns
// its text.
func (p *parser) finishString(kind TokenKind, s scanned) string {
	p.take(kind, s.end)
	quotes := 1
	if s.multiline {
		quotes = 3
	}
	switch delimiter := p.text[s.start : s.start+quotes]; {
	case s.closed:
	case s.multiline:
		p.fail(s.start, s.start+quotes, "unterminated multi-line string", "add a closing "+delimiter)
	default:
		p.fail(s.start, s.start+quotes, "unterminated string", "add a closing "+delimiter)
	}
	if s.suspicious || !p.validUTF8 {
		where := inString
		if s.multiline {
			where = inMultilineString
		}
		p.checkText(s.start, s.end, where)
	}
	if s.closed && !s.multiline && !s.special {
		return p.text[s.start+1 : s.end-1]
	}
	l, _ := newLiteral(p.text, s.start, s.end)
	if !s.special || l.verbatim() {
		return p.text[l.start:l.end]
	}
	return p.unescape(l)
}

// unescape decodes a string. The texts share a few large allocations.
func (p *parser) unescape(l literal) string {
	const chunk = 4096
	if size := l.end - l.start; p.unescaped.Cap()-p.unescaped.Len() < size {
		p.unescaped.Reset()
		p.unescaped.Grow(max(size, min(chunk, len(p.text))))
	}
	from := p.unescaped.Len()
	for i := l.start; i < l.end; {
		special := l.nextSpecial(i)
		p.unescaped.WriteString(p.text[i:special])
		if special == l.end {
			break
		}
		size, r, fault := l.special(special)
		if fault != nil {
			p.fail(special, special+fault.size, fault.message, fault.hint)
		}
		if r != nothing {
			p.unescaped.WriteRune(r)
		}
		i = special + size
	}
	return p.unescaped.String()[from:]
}

// scanString delimits the string on one line at start.
func (p *parser) scanString(start int) scanned {
	s := scanned{start: start}
	text, quote := p.text, p.text[start]
	for i := start + 1; i < len(text); i++ {
		c := text[i]
		if classes[c]&plainByte != 0 {
			continue
		}
		switch {
		case c == quote:
			s.end, s.closed = i+1, true
			return s
		case c == '\\' && quote == '"':
			s.special = true
			if newlineAt(text, i+1) == 0 {
				i++
			}
		case newlineAt(text, i) > 0:
			s.end = i
			return s
		case c < ' ' || c == 0x7f:
			s.suspicious = true
		}
	}
	s.end = len(text)
	return s
}

// scanMultiline delimits the multi-line string at start. If it is not closed,
// it ends before the next table header.
func (p *parser) scanMultiline(start int) scanned {
	s := scanned{start: start, multiline: true}
	text, quote := p.text, p.text[start]
	// A text could be made so that every string is read to the end of the text
	// before it turns out to be not closed. That is done once only.
	impatient := p.reread > len(text)
	for i := start + 3; i < len(text); i++ {
		c := text[i]
		if classes[c]&plainByte != 0 {
			continue
		}
		switch {
		case c == quote:
			n := 1
			for i+n < len(text) && text[i+n] == quote {
				n++
			}
			if n < 3 {
				i += n - 1
				continue
			}
			s.end, s.closed = i+n, true
			if n > 5 {
				p.fail(i, i+n, "too many quotes at the end of a multi-line string", "escape those that belong to the string")
			}
			if next, ok := p.swallowed(start, i); ok {
				p.ambiguous = true
				if p.strategy == warily {
					return p.giveUp(s, next)
				}
			}
			return s
		case c == '\\' && quote == '"':
			s.special = true
			i++
			if i < len(text) && text[i] == '\n' {
				i--
			}
		case c == '\n':
			if impatient && headerAt(text, i+1) {
				p.overruns = true
				return p.giveUp(s, i+1)
			}
		case c == '\r':
			s.special = true
			s.suspicious = s.suspicious || newlineAt(text, i) == 0
		case c < ' ' || c == 0x7f:
			s.suspicious = true
		}
	}
	s.end = len(text)
	p.overruns = true
	if header := findHeader(text, start, len(text)); header >= 0 {
		return p.giveUp(s, header)
	}
	return s
}

// giveUp makes an unterminated string of s that ends before the line at next.
func (p *parser) giveUp(s scanned, next int) scanned {
	p.reread += max(s.end-next, 0)
	body := p.text[s.start+3 : next]
	s.end = s.start + 3 + len(strings.TrimRight(body, " \t\r\n"))
	s.closed = false
	return s
}

// swallowed reports whether the quotes at closing, which close the multi-line
// string at start, look as if they should open the string of another entry.
// If so, it returns the line where the string at start probably ends.
func (p *parser) swallowed(start, closing int) (int, bool) {
	n := strings.LastIndexByte(p.text[start:closing], '\n')
	if n < 0 {
		return 0, false
	}
	line := start + n + 1
	if value, ok := assignmentAt(p.text, line); !ok || value != closing {
		return 0, false
	}
	if header := findHeader(p.text, start, line); header >= 0 {
		return header, true
	}
	return line, true
}

// place is where a character stands, as messages call it.
type place uint8

const (
	outside place = iota // of strings and comments
	inString
	inMultilineString
	inComment
)

// checkText reports the characters of text[start:end] that must not be in a
// TOML file at all, and whether there were any.
func (p *parser) checkText(start, end int, where place) bool {
	before := p.failures
	for i := start; i < end; {
		c := p.text[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(p.text[i:end])
			from := i
			for r == utf8.RuneError && size == 1 {
				i++
				r, size = utf8.DecodeRuneInString(p.text[i:end])
			}
			if i > from {
				p.fail(from, i, "invalid UTF-8", "save the file as UTF-8")
				continue
			}
			i += size
			continue
		case c == '\t', c >= ' ' && c != 0x7f:
		case where == inMultilineString && newlineAt(p.text, i) > 0:
			i += newlineAt(p.text, i)
			continue
		case c == '\r':
			p.fail(i, i+1, "carriage return without a line feed", "remove it")
		default:
			hint := "remove it"
			if where == inString || where == inMultilineString {
				hint = "write it as \\u" + hex4(c) + ` in a string with "quotes"`
			}
			p.fail(i, i+1, "control character U+"+hex4(c), hint)
		}
		i++
	}
	return p.failures != before
}

// hex4 writes a byte as four hexadecimal digits.
func hex4(c byte) string {
	const digits = "0123456789ABCDEF"
	return "00" + digits[c>>4:c>>4+1] + digits[c&15:c&15+1]
}
