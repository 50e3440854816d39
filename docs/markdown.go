package docs

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// parse reads Markdown with tables.
func parse(source []byte) ast.Node {
	return goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(source))
}

// lines is the text of a block of code.
func lines(n ast.Node, source []byte) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		at := n.Lines().At(i)
		b.Write(at.Value(source))
	}
	return strings.TrimRight(b.String(), "\n")
}

// plain is the text of inline nodes without any marks.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	inline(n, source, func(word string, _ face) { b.WriteString(word) })
	return b.String()
}

// face is how a piece of text looks.
type face uint8

const (
	roman face = iota
	literal
	strong
	emphasis
)

// inline hands the pieces of a paragraph to write. Line breaks are spaces; a link
// is its text, followed by where it leads to if that is outside the manual.
func inline(n ast.Node, source []byte, write func(text string, f face)) {
	var walk func(n ast.Node, f face)
	walk = func(n ast.Node, f face) {
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			switch c := c.(type) {
			case *ast.Text:
				write(string(unescaped(c.Segment.Value(source), f)), f)
				if c.SoftLineBreak() || c.HardLineBreak() {
					write(" ", f)
				}
			case *ast.String:
				write(string(c.Value), f)
			case *ast.CodeSpan:
				walk(c, literal)
			case *ast.Emphasis:
				walk(c, [...]face{1: emphasis, 2: strong}[min(c.Level, 2)])
			case *ast.Link:
				walk(c, f)
				if to := string(c.Destination); strings.Contains(to, "://") {
					write(" ("+to+")", roman)
				}
			case *ast.AutoLink:
				write(string(c.URL(source)), f)
			case *ast.Image, *ast.RawHTML:
				if h, ok := c.(*ast.RawHTML); ok && strings.HasPrefix(string(h.Segments.Value(source)), "<br") {
					write("\n", roman)
				}
			default:
				walk(c, f)
			}
		}
	}
	walk(n, roman)
}

// unescaped takes the backslashes off characters that would be marks.
func unescaped(b []byte, f face) []byte {
	if f == literal {
		return b
	}
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && strings.IndexByte("\\`*_{}[]()<>#+-.!|", b[i+1]) >= 0 {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// table returns the rows of a table, the heading first.
func table(n *east.Table) [][]ast.Node {
	var rows [][]ast.Node
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []ast.Node
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, cell)
		}
		rows = append(rows, cells)
	}
	return rows
}
