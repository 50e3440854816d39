package docs

import (
	"strings"

	"github.com/gomarkdown/markdown/ast"
	"github.com/gomarkdown/markdown/parser"
)

// parse reads Markdown with tables. The parser is one that costs next to nothing
// when rigx starts: goldmark, with which the web pages are made and these are
// compared in tests, compiles its patterns and tables in every program that it is
// linked into, which took a sixth of a build that has nothing to do.
func parse(markdown string) ast.Node {
	const extensions = parser.NoIntraEmphasis | parser.Tables | parser.FencedCode | parser.SpaceHeadings |
		parser.OrderedListStart | parser.NoEmptyLineBeforeBlock
	return parser.NewWithExtensions(extensions).Parse([]byte(markdown))
}

// lines is the text of a block of code.
func lines(n *ast.CodeBlock) string { return strings.TrimRight(string(n.Literal), "\n") }

// plain is the text of inline nodes without any marks.
func plain(n ast.Node) string {
	var b strings.Builder
	inline(n, func(word string, _ face) { b.WriteString(word) })
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
func inline(n ast.Node, write func(text string, f face)) {
	var walk func(n ast.Node, f face)
	walk = func(n ast.Node, f face) {
		for _, c := range n.GetChildren() {
			switch c := c.(type) {
			case *ast.Text:
				write(strings.ReplaceAll(string(c.Literal), "\n", " "), f)
			case *ast.Hardbreak:
				write(" ", f)
			case *ast.Code:
				write(strings.ReplaceAll(string(c.Literal), "\n", " "), literal)
			case *ast.Strong:
				walk(c, strong)
			case *ast.Emph:
				walk(c, emphasis)
			case *ast.Link:
				walk(c, f)
				if to := string(c.Destination); strings.Contains(to, "://") && to != plain(c) {
					write(" ("+to+")", roman)
				}
			case *ast.HTMLSpan:
				if strings.HasPrefix(string(c.Literal), "<br") {
					write("\n", roman)
				}
			case *ast.Image:
			default:
				walk(c, f)
			}
		}
	}
	walk(n, roman)
}

// table returns the rows of a table, the heading first.
func table(n *ast.Table) [][]ast.Node {
	var rows [][]ast.Node
	for _, part := range n.Children {
		for _, row := range part.GetChildren() {
			rows = append(rows, row.GetChildren())
		}
	}
	return rows
}
