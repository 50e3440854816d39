package syntax

import "strings"

// header reads "[a.b]" or "[[a.b]]" and the rest of its line.
func (p *parser) header() {
	before, open := p.failures, p.pos
	table := Table{}
	brackets := "]"
	if strings.HasPrefix(p.text[p.pos:], "[[") {
		table.Array = true
		brackets = "]]"
	}
	p.take(TokenHeaderOpen, p.pos+len(brackets))
	after := p.pos
	p.space()
	if p.at(']') || p.atLineEnd() {
		table.Path = p.missingKey(after)
		p.fail(open, after, "the table header has no name", "write a name between the brackets")
	} else {
		table.Path = p.path(']')
	}
	end := int(table.Path[len(table.Path)-1].Span.End)
	closed := strings.HasPrefix(p.text[p.pos:], brackets)
	switch {
	case closed:
		p.take(TokenHeaderClose, p.pos+len(brackets))
		end = p.pos
	case p.failures != before:
		// One error is enough; but the bracket belongs to the header.
		if p.at(']') {
			p.take(TokenHeaderClose, p.pos+1)
			end = p.pos
		}
	case p.at(']'):
		p.take(TokenHeaderClose, p.pos+1)
		end = p.pos
		p.fail(end-1, end, "the header of an array of tables ends in a single `]`", "write `]]`")
	case p.atLineEnd():
		p.fail(open, after, "the table header is not closed", "add `"+brackets+"` behind the name")
	case classes[p.text[p.pos]]&bareKeyByte != 0:
		start, words := int(table.Path[0].Span.Start), trimSpace(p.text, p.pos, p.wordsEnd(p.pos))
		p.fail(start, words, "a name with spaces must be in quotes", "write "+excerpt(Quote(p.text[start:words])))
	default:
		found := runeEnd(p.text, p.pos)
		p.fail(p.pos, found, "expected `"+brackets+"` behind the name of the table, found "+excerpt(p.text[p.pos:found]), "")
	}
	table.Span = span(open, end)
	table.Header = table.Span
	table.Broken = p.failures != before
	p.tree.Tables = append(p.tree.Tables, table)
	p.restOfLine("the table header", table.Broken)
}
