package format

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Tree returns the text of a tree in canonical shape, or unchanged if there is
// an error in it.
func Tree(t *syntax.Tree) string {
	if len(t.Errors) > 0 || len(t.Text) > syntax.MaxSize {
		return t.Text
	}
	r := reader{text: t.Text, comments: t.Comments()}
	sections, tail := r.document(t)
	slices.SortStableFunc(sections, func(a, b section) int { return cmp.Compare(a.rank, b.rank) })

	p := printer{text: t.Text, comments: t.Comments(), newline: "\n"}
	if i := strings.IndexByte(t.Text, '\n'); i > 0 && t.Text[i-1] == '\r' {
		p.newline = "\r\n"
	}
	p.out = make([]byte, 0, len(t.Text)+len(t.Text)/8)
	for i := range sections {
		p.section(&sections[i])
	}
	if len(tail) > 0 {
		p.blankLine()
		p.lead(tail)
	}
	if strings.HasPrefix(t.Text, byteOrderMark) {
		return byteOrderMark + string(p.out)
	}
	return string(p.out)
}

const byteOrderMark = "\ufeff"

// A section is a table with the comments that belong to it.
type section struct {
	table *syntax.Table
	// lead stands above the header; gap is a blank line between the two.
	lead []comment
	gap  bool
	// trail stands behind the header, on its line.
	trail    syntax.Span
	elements []element
	rank     int
}

// An element is an entry with the comments that belong to it, or comments
// alone.
type element struct {
	lead  []comment
	entry *syntax.Entry
	trail syntax.Span
	// blank is a blank line above all of it.
	blank bool
	// comments is where those inside the value begin in the tree's list.
	comments int
	rank     int
}

// A comment on a line of its own.
type comment struct {
	span syntax.Span
	// blank is a blank line above it.
	blank bool
}

// A reader goes through a tree and gives every comment to something.
type reader struct {
	text     string
	comments []syntax.Span
	next     int    // the first comment not yet given away
	from     uint32 // the end of what was read last
	begun    bool   // something was read
}

func (r *reader) document(t *syntax.Tree) (sections []section, tail []comment) {
	sections = make([]section, len(t.Tables))
	entries := 0
	for i := range t.Tables {
		entries += len(t.Tables[i].Entries)
	}
	elements := make([]element, 0, entries+len(t.Tables))
	if strings.HasPrefix(t.Text, byteOrderMark) {
		r.from = uint32(len(byteOrderMark))
	}
	for i := range t.Tables {
		s := &sections[i]
		s.table = &t.Tables[i]
		s.rank = sectionRank(s.table.Path)
		if i > 0 {
			r.from, r.begun = s.table.Header.End, true
		}
		s.trail = r.sameLine()
		first := len(elements)
		elements = r.entries(s.table, elements)
		if i+1 == len(t.Tables) {
			elements, tail, _ = r.between(uint32(len(t.Text)), elements, false)
		} else {
			following := &sections[i+1]
			elements, following.lead, following.gap = r.between(t.Tables[i+1].Header.Start, elements, true)
		}
		s.elements = elements[first:len(elements):len(elements)]
		sortGroups(s.elements)
	}
	return sections, tail
}

// entries reads the entries of a table with the comments above and behind.
func (r *reader) entries(t *syntax.Table, into []element) []element {
	order, prefix := fieldOrder(t.Path)
	for i := range t.Entries {
		e := &t.Entries[i]
		lead, gap := r.ownLines(e.Span.Start)
		el := element{entry: e, rank: unranked}
		if order != nil {
			el.rank = order.of(prefix + syntax.JoinKeys(e.Path))
		}
		// What a blank line parts from the entry is not about it alone.
		attached := len(lead)
		if !gap {
			for attached > 0 && !lead[attached-1].blank {
				attached--
			}
			attached = max(attached-1, 0)
			if attached < len(lead) {
				gap = lead[attached].blank
			}
		}
		if attached > 0 {
			into = append(into, element{lead: lead[:attached], blank: lead[0].blank})
		}
		el.lead, el.blank = lead[attached:], gap
		el.comments = r.next
		for r.next < len(r.comments) && r.comments[r.next].Start < e.Span.End {
			r.next++
		}
		r.from, r.begun = e.Span.End, true
		el.trail = r.sameLine()
		into = append(into, el)
	}
	return into
}

// between gives away the comments behind the last entry of a table: those that
// follow it directly are the table's, unless they touch the next header; the
// rest belongs to what follows.
func (r *reader) between(to uint32, elements []element, header bool) (_ []element, rest []comment, gap bool) {
	lead, gap := r.ownLines(to)
	own := 0
	for own < len(lead) && !lead[own].blank {
		own++
	}
	if own == len(lead) && header && !gap {
		own = 0
	}
	if own > 0 {
		elements = append(elements, element{lead: lead[:own]})
	}
	return elements, lead[own:], gap
}

// sameLine takes the comment that stands behind what was read last.
func (r *reader) sameLine() syntax.Span {
	if !r.begun || r.next >= len(r.comments) {
		return syntax.Span{}
	}
	c := r.comments[r.next]
	if strings.IndexByte(r.text[r.from:c.Start], '\n') >= 0 || strings.TrimLeft(r.text[r.from:c.Start], " \t") != "" {
		return syntax.Span{}
	}
	r.next++
	r.from = c.End
	return c
}

// ownLines takes the comments up to an offset, each on a line of its own, and
// reports whether a blank line stands before the offset.
func (r *reader) ownLines(to uint32) (lead []comment, gap bool) {
	for r.next < len(r.comments) && r.comments[r.next].Start < to {
		c := r.comments[r.next]
		lead = append(lead, comment{c, blankLine(r.text[r.from:c.Start])})
		r.next++
		r.from, r.begun = c.End, true
	}
	return lead, blankLine(r.text[r.from:to])
}

// blankLine reports whether there is one in the space between two things.
func blankLine(space string) bool {
	i := strings.IndexByte(space, '\n')
	return i >= 0 && strings.IndexByte(space[i+1:], '\n') >= 0
}

// sortGroups puts the entries of each group into canonical order. A group ends
// at a blank line, and at comments that belong to no entry.
func sortGroups(elements []element) {
	for from := 0; from < len(elements); {
		to := from + 1
		for to < len(elements) && !elements[to].blank && elements[to].entry != nil && elements[from].entry != nil {
			to++
		}
		group := elements[from:to]
		byRank := func(a, b element) int { return cmp.Compare(a.rank, b.rank) }
		if !slices.IsSortedFunc(group, byRank) {
			blank := group[0].blank
			group[0].blank = false
			slices.SortStableFunc(group, byRank)
			group[0].blank = blank
		}
		from = to
	}
}
