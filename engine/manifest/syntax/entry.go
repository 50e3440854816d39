package syntax

import "strings"

// line reads an entry of a table and the rest of its line.
func (p *parser) line() {
	switch c := p.text[p.pos]; {
	case c == ']' || c == '}' || c == ',' || c == '{':
		end := p.skippedEnd(p.pos)
		p.fail(p.pos, p.pos+1, "expected a key or a table header, found "+excerpt(string(c)), "")
		p.take(TokenInvalid, end)
		return
	case isTriple(p.text, p.pos):
		quotes := p.text[p.pos : p.pos+3]
		end := p.skippedEnd(p.pos)
		p.fail(p.pos, p.pos+3, "a multi-line string cannot be a key", "if this should end a string, its opening "+quotes+" is missing")
		p.take(TokenInvalid, end)
		return
	}
	understood := p.assignment(p.entries.push(), false)
	if p.unwind {
		p.unwind = false
		return
	}
	p.restOfLine("the value", !understood)
}

// restOfLine skips what is left of a line that should be at its end.
func (p *parser) restOfLine(behind string, silent bool) {
	p.space()
	if p.atLineEnd() {
		return
	}
	start, end := p.pos, p.skippedEnd(p.pos)
	if !silent && !p.checkText(start, end, outside) {
		hint := "start a new line for the next entry"
		switch p.text[start] {
		case ',', ']', '}':
			hint = "remove it"
		}
		p.fail(start, end, "unexpected "+excerpt(p.text[start:end])+" behind "+behind, hint)
	}
	p.take(TokenInvalid, end)
}

// skippedEnd is the end of the text from i on that is skipped to ignore the
// rest of a line: all but a comment and the space before it.
func (p *parser) skippedEnd(i int) int {
	start, end := i, lineEnd(p.text, i)
	for i < end && p.text[i] != '#' {
		if c := p.text[i]; c == '"' || c == '\'' {
			if n := strings.IndexByte(p.text[i+1:end], c); n >= 0 {
				i += n + 1
			}
		}
		i++
	}
	return trimSpace(p.text, start, i)
}

// assignment reads "key = value" into an empty entry, at the start of a line
// or in an inline table. It reports false if there was something wrong before
// the value, so that what follows it is better skipped silently.
func (p *parser) assignment(entry *Entry, inTable bool) bool {
	before, start := p.failures, p.pos
	entry.Path = p.path('=')
	pathEnd := int(entry.Path[len(entry.Path)-1].Span.End)
	entry.Value.Span = span(pathEnd, pathEnd)
	valueFollows := p.equals(entry.Path, inTable, before)
	understood := p.failures == before
	if valueFollows {
		equals := p.pos - 1
		p.space()
		if p.atLineEnd() || inTable && p.atTableItemEnd() {
			entry.Value.Span = span(p.pos, p.pos)
			p.fail(equals, equals+1, "missing value", "write a value behind the "+excerpt(p.text[equals:equals+1]))
		} else {
			p.value(&entry.Value)
		}
	}
	entry.Span = Span{uint32(start), entry.Value.Span.End}
	entry.Broken = p.failures != before
	return understood
}

// atTableItemEnd reports whether an entry of an inline table must end here.
func (p *parser) atTableItemEnd() bool {
	return p.at(',') || p.at('}') || p.at(']') && p.arrays > 0
}

// equals reads the "=" behind a key, or what stands in its place. It reports
// whether a value can be read next. Errors are reported only if there were
// none since before.
func (p *parser) equals(path []Key, inTable bool, before int) bool {
	if p.at('=') {
		p.take(TokenEquals, p.pos+1)
		return true
	}
	fail := func(start, end int, message, hint string) {
		if p.failures == before {
			p.fail(start, end, message, hint)
		}
	}
	start, end := int(path[0].Span.Start), int(path[len(path)-1].Span.End)
	name := excerpt(p.text[start:end])
	switch {
	case p.at(':'):
		fail(p.pos, p.pos+1, "expected `=`, found `:`", "write `=` between key and value")
		p.take(TokenInvalid, p.pos+1)
		return true
	case p.atLineEnd() || inTable && p.atTableItemEnd():
		fail(start, end, "missing `=` and value for the key "+name, "")
		return false
	}
	if words := p.wordsEnd(p.pos); words < len(p.text) && p.text[words] == '=' {
		end := trimSpace(p.text, start, words)
		fail(start, end, "a key with spaces must be in quotes", "write "+excerpt(Quote(p.text[start:end])))
		p.take(TokenInvalid, words)
		p.take(TokenEquals, words+1)
		return true
	}
	if p.pos > end && p.startsValue() {
		fail(start, end, "missing `=` behind the key "+name, "write `=` between key and value")
		return true
	}
	found := max(p.scalarEnd(p.pos), runeEnd(p.text, p.pos))
	fail(p.pos, found, "expected `=` behind the key "+name+", found "+excerpt(p.text[p.pos:found]), "")
	if inTable {
		p.take(TokenInvalid, p.invalidEnd(p.pos))
	}
	return false
}

// wordsEnd is the end of the words from i on that a user may have meant to be
// one key.
func (p *parser) wordsEnd(i int) int {
	for i < len(p.text) && (classes[p.text[i]]&bareKeyByte != 0 || p.text[i] == ' ') {
		i++
	}
	return i
}

// startsValue reports whether what follows can hardly be anything but a value.
func (p *parser) startsValue() bool {
	switch c := p.text[p.pos]; c {
	case '"', '\'', '[', '{', '+', '-':
		return true
	default:
		rest := p.text[p.pos:]
		return isDigit(c) || strings.HasPrefix(rest, "true") || strings.HasPrefix(rest, "false")
	}
}
