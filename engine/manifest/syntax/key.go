package syntax

import "strings"

// path reads a dotted key and the space behind it. At least one part results;
// parts that are not there are missing keys. A quoted part without its closing
// quote ends before the next end byte.
func (p *parser) path(end byte) []Key {
	complained := false
	for after := p.pos; ; {
		if p.startsKey() {
			p.key(end)
		} else {
			p.keys.push().Span = span(after, after)
			if !complained {
				complained = true
				p.failMissingKey(after, end)
			}
		}
		p.space()
		if !p.at('.') {
			return p.keys.take()
		}
		p.take(TokenDot, p.pos+1)
		after = p.pos
		p.space()
	}
}

// failMissingKey reports that there is no key at the given offset, which is
// behind a dot or where the path starts.
func (p *parser) failMissingKey(at int, end byte) {
	switch {
	case at > 0 && p.text[at-1] == '.':
		p.fail(at-1, at, "missing key behind the dot", "")
	case p.at('.'), p.at(end):
		p.fail(p.pos, p.pos+1, "missing key before "+excerpt(p.text[p.pos:p.pos+1]), "")
	default:
		p.fail(p.pos, runeEnd(p.text, p.pos), "expected a key, found "+excerpt(p.text[p.pos:runeEnd(p.text, p.pos)]), "")
	}
}

// missingKey is a path whose only part is not in the text.
func (p *parser) missingKey(at int) []Key {
	p.keys.push().Span = span(at, at)
	return p.keys.take()
}

func (p *parser) startsKey() bool {
	if p.pos >= len(p.text) {
		return false
	}
	c := p.text[p.pos]
	return c == '"' || c == '\'' || p.unquotedEnd(p.pos) > p.pos
}

// unquotedEnd is the end of the key without quotes at i. To give one error for
// it, it includes characters that would need quotes.
func (p *parser) unquotedEnd(i int) int {
	for ; i < len(p.text); i++ {
		c := p.text[i]
		if classes[c]&bareKeyByte != 0 {
			continue
		}
		if classes[c]&delimiter != 0 || c == '.' || c == ':' && p.colonSeparates(i) {
			break
		}
	}
	return i
}

// colonSeparates reports whether the colon at i stands where "=" should.
func (p *parser) colonSeparates(i int) bool {
	return i+1 == len(p.text) || classes[p.text[i+1]]&delimiter != 0
}

// key reads one part of a path.
func (p *parser) key(end byte) {
	start := p.pos
	key := p.keys.push()
	if c := p.text[start]; c == '"' || c == '\'' {
		key.Name = p.quotedKey(end)
		key.Span = span(start, p.pos)
		return
	}
	stop := p.unquotedEnd(start)
	p.take(TokenKey, stop)
	key.Span = span(start, stop)
	key.Name = p.text[start:stop]
	if !isBareKey(key.Name) && !p.checkText(start, stop, outside) {
		p.fail(start, stop, excerpt(key.Name)+" must be in quotes to be a key", "write "+excerpt(Quote(key.Name)))
	}
}

// quotedKey reads a key in quotes and returns its name.
func (p *parser) quotedKey(end byte) string {
	start := p.pos
	quoted := p.scanString(start)
	if !quoted.closed {
		if n := strings.IndexByte(p.text[start:quoted.end], end); n > 0 {
			quoted.end = start + n
		}
		quoted.end = max(trimSpace(p.text, start, quoted.end), start+1)
	}
	return p.finishString(TokenKey, quoted)
}
