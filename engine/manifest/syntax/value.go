package syntax

// value reads a value into an empty v. There is something to read.
func (p *parser) value(v *Value) {
	start := p.pos
	switch c := p.text[start]; {
	case c == '"', c == '\'':
		p.stringValue(v)
	case c != '[' && c != '{':
		p.scalar(v)
	case p.depth == MaxDepth:
		p.fail(start, start+1, "arrays and inline tables are nested too deep", "at most 128 levels are read")
		p.take(TokenInvalid, lineEnd(p.text, start))
		p.unwind = true
		v.Kind = Invalid
	default:
		p.depth++
		if c == '[' {
			v.Kind = Array
			v.Items = p.array()
		} else {
			v.Kind = InlineTable
			v.Entries = p.inlineTable()
		}
		p.depth--
	}
	v.Span = span(start, p.pos)
}

// array reads an array. If it is not closed, it ends where the text goes on
// with something else.
func (p *parser) array() []Value {
	open, base := p.pos, len(p.itemStack)
	p.arrays++
	p.take(TokenArrayOpen, open+1)
	closed := false
	for afterItem := false; !closed && !p.unwind; {
		p.space()
		if p.pos == len(p.text) || p.stopped {
			p.overruns = true
			p.unclosed(open, "array", "]")
			break
		}
		switch c := p.text[p.pos]; {
		case c == ']':
			p.take(TokenArrayClose, p.pos+1)
			closed = true
		case newlineAt(p.text, p.pos) > 0 && p.nextLineIsNoItem():
			p.unclosed(open, "array", "]")
		case c == '\n', c == '\r':
			p.newline()
		case c == '#':
			p.comment()
		case c == ',':
			if !afterItem {
				p.failComma()
			}
			afterItem = false
			p.take(TokenComma, p.pos+1)
		case c == '}' && p.tables > 0:
			p.fail(open, open+1, "the array is not closed", "add `]`")
			closed = true
		case c == '}':
			p.fail(p.pos, p.pos+1, "the array ends in `}`", "write `]`")
			p.take(TokenInvalid, p.pos+1)
			closed = true
		case c == '=':
			p.fail(p.pos, p.pos+1, "unexpected `=` in an array", "")
			p.take(TokenInvalid, p.pos+1)
		default:
			if afterItem {
				p.fail(p.pos, runeEnd(p.text, p.pos), "missing comma between the items of an array", "write `,` before this item")
			}
			afterItem = true
			var item Value
			p.value(&item)
			p.itemStack = append(p.itemStack, item)
		}
	}
	items := p.items.keep(p.itemStack[base:])
	p.itemStack = p.itemStack[:base]
	p.arrays--
	return items
}

// inlineTable reads an inline table. If it is not closed, it ends where the
// text goes on with something else.
func (p *parser) inlineTable() []Entry {
	open, base := p.pos, len(p.entryStack)
	p.tables++
	p.take(TokenTableOpen, open+1)
	closed := false
	for afterEntry, oneLine := false, true; !closed && !p.unwind; {
		p.space()
		if p.pos == len(p.text) || p.stopped {
			p.overruns = true
			p.unclosed(open, "inline table", "}")
			p.ambiguous = p.ambiguous || !oneLine
			break
		}
		switch c := p.text[p.pos]; {
		case c == '}':
			p.take(TokenTableClose, p.pos+1)
			closed = true
		case newlineAt(p.text, p.pos) > 0 && p.nextLineIsNoEntry(afterEntry, oneLine):
			p.unclosed(open, "inline table", "}")
			// The entries above may belong to the table around this one.
			p.ambiguous = p.ambiguous || !oneLine
		case c == '\n', c == '\r':
			oneLine = false
			p.newline()
		case c == '#':
			p.comment()
		case c == ',':
			if !afterEntry {
				p.failComma()
			}
			afterEntry = false
			p.take(TokenComma, p.pos+1)
		case c == ']' && p.arrays > 0:
			p.fail(open, open+1, "the inline table is not closed", "add `}`")
			closed = true
		case c == ']':
			p.fail(p.pos, p.pos+1, "the inline table ends in `]`", "write `}`")
			p.take(TokenInvalid, p.pos+1)
			closed = true
		case c == '[' || c == '{':
			p.fail(p.pos, p.pos+1, "expected a key, found "+excerpt(string(c)), "")
			p.take(TokenInvalid, p.pos+1)
		default:
			if afterEntry {
				p.fail(p.pos, runeEnd(p.text, p.pos), "missing comma between the entries of an inline table", "write `,` before this entry")
			}
			afterEntry = true
			var entry Entry
			p.assignment(&entry, true)
			p.entryStack = append(p.entryStack, entry)
		}
	}
	entries := p.inline.keep(p.entryStack[base:])
	p.entryStack = p.entryStack[:base]
	p.tables--
	return entries
}

// unclosed ends all open arrays and inline tables, because the one that starts
// at open does not end where it should. The ones around it are not closed
// either; one error is enough.
func (p *parser) unclosed(open int, what, closing string) {
	p.fail(open, open+1, "the "+what+" is not closed", "add `"+closing+"`")
	p.unwind = true
}

// nextLineIsNoItem reports whether the line below can only stand outside an
// array.
func (p *parser) nextLineIsNoItem() bool {
	next := p.pos + newlineAt(p.text, p.pos)
	_, assignment := assignmentAt(p.text, next)
	return assignment || headerAt(p.text, next)
}

// nextLineIsNoEntry reports whether the line below is meant to stand outside
// an inline table. A table that was on one line so far, as TOML 1.0 has them,
// does not go on with an entry on the next line unless there is a comma.
func (p *parser) nextLineIsNoEntry(afterEntry, oneLine bool) bool {
	next := p.pos + newlineAt(p.text, p.pos)
	if headerAt(p.text, next) {
		return true
	}
	if afterEntry && oneLine || p.strategy == warily && (afterEntry || oneLine) {
		_, assignment := assignmentAt(p.text, next)
		return assignment
	}
	return false
}

func (p *parser) failComma() {
	p.fail(p.pos, p.pos+1, "unexpected comma", "remove it")
}
