package docs

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gomarkdown/markdown/ast"
)

// Style is the look of a page in a terminal: escape sequences, empty for plain
// text.
type Style struct{ Heading, Literal, Strong, Emphasis, Reset string }

// Colors is a style for terminals with colours.
var Colors = Style{Heading: "\x1b[1m", Literal: "\x1b[36m", Strong: "\x1b[1m", Emphasis: "\x1b[3m", Reset: "\x1b[0m"}

// Terminal writes Markdown for a terminal that many columns wide.
func Terminal(markdown string, width int, style Style) string {
	t := &terminal{style: style, width: max(width, 20)}
	t.blocks(parse(markdown), 0)
	return strings.TrimLeft(t.out.String(), "\n")
}

type terminal struct {
	style Style
	width int
	out   strings.Builder
	// tight items of lists have no blank lines between them.
	tight bool
}

func (t *terminal) blocks(n ast.Node, indent int) {
	for _, c := range n.GetChildren() {
		t.block(c, indent)
	}
}

func (t *terminal) block(n ast.Node, indent int) {
	switch n := n.(type) {
	case *ast.Heading:
		t.out.WriteString("\n" + strings.Repeat(" ", indent) + t.style.Heading + plain(n) + t.style.Reset + "\n")
		if n.Level == 1 {
			t.out.WriteString(strings.Repeat("─", min(t.width, utf8.RuneCountInString(plain(n)))) + "\n")
		}
	case *ast.Paragraph:
		if text := t.inline(n); strings.TrimSpace(text) != "" {
			t.gap()
			t.wrapped(text, indent, indent)
		}
	case *ast.CodeBlock:
		t.gap()
		for line := range strings.SplitSeq(lines(n), "\n") {
			t.out.WriteString(strings.TrimRight(strings.Repeat(" ", indent+4)+line, " ") + "\n")
		}
	case *ast.List:
		t.list(n, indent)
	case *ast.BlockQuote:
		t.blocks(n, indent+2)
	case *ast.Table:
		t.table(n, indent)
	}
}

func (t *terminal) gap() {
	if !t.tight {
		t.out.WriteByte('\n')
	}
}

func (t *terminal) list(n *ast.List, indent int) {
	was := t.tight
	t.gap()
	number := max(n.Start, 1)
	for _, item := range n.Children {
		mark := "• "
		if n.ListFlags&ast.ListTypeOrdered != 0 {
			mark = strconv.Itoa(number) + ". "
			number++
		}
		inner := indent + utf8.RuneCountInString(mark)
		t.tight = true
		for i, c := range item.GetChildren() {
			if i == 0 {
				t.wrapped(mark+t.inline(c), indent, inner)
			} else {
				t.tight = n.Tight
				t.block(c, inner)
			}
		}
	}
	t.tight = was
}

// table writes rows side by side if they fit, otherwise each row as a term with
// its explanation below.
func (t *terminal) table(n *ast.Table, indent int) {
	var rows [][]string
	for _, cells := range table(n) {
		var row []string
		for _, cell := range cells {
			row = append(row, strings.TrimSpace(t.inline(cell)))
		}
		rows = append(rows, row)
	}
	t.gap()
	widths, sum := make([]int, len(rows[0])), 0
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], visible(row[i]))
		}
		sum += widths[i] + 2
	}
	last := len(widths) - 1
	sum -= widths[last] + 2
	const narrow = 40
	left := t.width - indent - sum
	longCell := left < narrow && widths[last] > left
	for i, row := range rows {
		if i == 0 && strings.Join(row, "") == "" || longCell && i == 0 {
			continue
		}
		if longCell {
			t.definition(rows[0], row, indent)
			continue
		}
		line := ""
		for j, cell := range row[:last] {
			if i == 0 && cell != "" {
				cell = t.style.Strong + cell + t.style.Reset
			}
			line += cell + strings.Repeat(" ", widths[j]-visible(cell)+2)
		}
		cell := row[last]
		if i == 0 && cell != "" {
			cell = t.style.Strong + cell + t.style.Reset
		}
		t.hanging(line, cell, indent, sum)
	}
}

// hanging writes a row: its first cells as they are, the last one wrapped in the
// column it begins in.
func (t *terminal) hanging(first, last string, indent, column int) {
	var sub terminal
	sub.width, sub.style = t.width, t.style
	sub.wrapped(last, indent+column, indent+column)
	text := sub.out.String()
	if strings.TrimSpace(text) == "" {
		t.out.WriteString(strings.Repeat(" ", indent) + strings.TrimRight(first, " ") + "\n")
		return
	}
	t.out.WriteString(strings.Repeat(" ", indent) + first + text[indent+column:])
}

// definition writes a row with long cells: the first as a term, the others below
// it. What is in the middle is named by the heading.
func (t *terminal) definition(heads, row []string, indent int) {
	line := t.style.Strong + row[0] + t.style.Reset
	for i := 1; i < len(row)-1; i++ {
		if row[i] == "" {
			continue
		}
		if head := heads[i]; head != "" && head != "type" {
			line += ", " + head + " " + row[i]
		} else {
			line += ": " + row[i]
		}
	}
	t.wrapped(line, indent, indent+4)
	t.wrapped(row[len(row)-1], indent+4, indent+4)
}

// inline is a paragraph with escape sequences for its faces.
func (t *terminal) inline(n ast.Node) string {
	var b strings.Builder
	inline(n, func(text string, f face) {
		on := [...]string{"", t.style.Literal, t.style.Strong, t.style.Emphasis}[f]
		if on == "" {
			if f == literal {
				text = "`" + text + "`"
			}
			b.WriteString(text)
			return
		}
		// Each word by itself, so that a line break does not colour the margin.
		for i, word := range strings.Split(text, " ") {
			if i > 0 {
				b.WriteByte(' ')
			}
			if word != "" {
				b.WriteString(on + word + t.style.Reset)
			}
		}
	})
	return b.String()
}

// wrapped writes a text in lines that fit, the first indented by first columns,
// the others by rest.
func (t *terminal) wrapped(text string, first, rest int) {
	for i, part := range strings.Split(text, "\n") {
		indent := first
		if i > 0 {
			indent = rest
		}
		column := 0
		for word := range strings.FieldsSeq(part) {
			switch {
			case column == 0:
				t.out.WriteString(strings.Repeat(" ", indent))
				column = indent
			case column+1+visible(word) > t.width:
				t.out.WriteString("\n" + strings.Repeat(" ", rest))
				column = rest
			default:
				t.out.WriteByte(' ')
				column++
			}
			t.out.WriteString(word)
			column += visible(word)
		}
		if column > 0 {
			t.out.WriteByte('\n')
		}
	}
}

// visible is how many columns a text takes, escape sequences left out.
func visible(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] == 0x1b {
			if end := strings.IndexByte(s[i:], 'm'); end >= 0 {
				i += end + 1
				continue
			}
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
		n++
	}
	return n
}
