package docs

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gomarkdown/markdown/ast"
)

// ManPage is where a page stands in the manual of the system.
type ManPage struct {
	// Name and Section as in `man SECTION NAME`.
	Name    string
	Section int
	// Summary is the one line that `apropos` finds.
	Summary string
	// Version of rigx, and the date of its release as YYYY-MM-DD.
	Version, Date string
}

// File is the name of the page's file.
func (m ManPage) File() string { return m.Name + "." + strconv.Itoa(m.Section) }

// Man writes Markdown as a man page. The first heading is left out: the page has
// a title of its own.
func Man(m ManPage, markdown string) string {
	r := &roff{}
	fmt.Fprintf(&r.out, ".\\\" Written by `rigx man`.\n.TH %s %d %s %s %s\n", quoteRoff(strings.ToUpper(m.Name)), m.Section,
		quoteRoff(m.Date), quoteRoff("rigx "+m.Version), quoteRoff("rigx manual"))
	r.out.WriteString(".SH NAME\n" + escapeRoff(m.Name) + " \\- " + escapeRoff(m.Summary) + "\n")
	blocks := parse(markdown).GetChildren()
	// What stands before the first section is the description.
	if h, ok := first(blocks).(*ast.Heading); ok && h.Level == 1 {
		blocks = blocks[1:]
	}
	if h, ok := first(blocks).(*ast.Heading); len(blocks) > 0 && (!ok || h.Level > 2) {
		r.out.WriteString(".SH DESCRIPTION\n")
		r.begun = true
	}
	for _, n := range blocks {
		r.block(n)
	}
	return r.out.String()
}

// first of some blocks, nil if there is none.
func first(blocks []ast.Node) ast.Node {
	if len(blocks) == 0 {
		return nil
	}
	return blocks[0]
}

type roff struct {
	out strings.Builder
	// begun is set right behind a heading or a tag, where a paragraph needs no
	// request of its own.
	begun bool
}

func (r *roff) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		request := ".SS"
		text := plain(n)
		if n.Level <= 2 {
			request, text = ".SH", strings.ToUpper(text)
		}
		r.out.WriteString(request + " " + quoteRoff(text) + "\n")
		r.begun = true
	case *ast.Paragraph:
		if text := r.inline(n); strings.TrimSpace(text) != "" {
			r.paragraph()
			r.out.WriteString(text + "\n")
		}
	case *ast.CodeBlock:
		if !r.begun {
			r.out.WriteString(".PP\n")
		}
		r.begun = false
		r.out.WriteString(".RS 4\n.EX\n")
		for line := range strings.SplitSeq(lines(n), "\n") {
			r.out.WriteString(lineRoff(escapeRoff(strings.ReplaceAll(line, "-", "\x00"))) + "\n")
		}
		r.out.WriteString(".EE\n.RE\n")
	case *ast.List:
		r.list(n)
	case *ast.BlockQuote:
		r.out.WriteString(".RS 4\n")
		for _, c := range n.Children {
			r.block(c)
		}
		r.out.WriteString(".RE\n")
	case *ast.Table:
		r.table(n)
	}
}

func (r *roff) paragraph() {
	if !r.begun {
		r.out.WriteString(".PP\n")
	}
	r.begun = false
}

func (r *roff) list(n *ast.List) {
	number := max(n.Start, 1)
	for _, item := range n.Children {
		mark, width := `\(bu`, 2
		if n.ListFlags&ast.ListTypeOrdered != 0 {
			mark, width = strconv.Itoa(number)+".", 4
			number++
		}
		fmt.Fprintf(&r.out, ".IP %s %d\n", mark, width)
		r.begun = true
		for _, c := range item.GetChildren() {
			_, nested := c.(*ast.List)
			if nested {
				r.out.WriteString(".RS 4\n")
			}
			r.block(c)
			if nested {
				r.out.WriteString(".RE\n")
			}
		}
	}
	r.begun = false
}

// table writes each row as a tagged paragraph.
func (r *roff) table(n *ast.Table) {
	rows := table(n)
	heads := make([]string, len(rows[0]))
	for i, cell := range rows[0] {
		heads[i] = plain(cell)
	}
	for _, row := range rows[1:] {
		tag := r.inline(row[0])
		for i := 1; i < len(row)-1; i++ {
			if cell := r.inline(row[i]); cell != "" {
				if heads[i] == "" || heads[i] == "type" {
					tag += ": " + cell
				} else {
					tag += ", " + escapeRoff(heads[i]) + " " + cell
				}
			}
		}
		body := r.inline(row[len(row)-1])
		if strings.TrimSpace(body) == "" {
			r.out.WriteString(".PP\n" + strings.ReplaceAll(tag, "\n", " ") + "\n")
			continue
		}
		r.out.WriteString(".TP\n" + strings.ReplaceAll(tag, "\n", " ") + "\n" + body + "\n")
	}
	r.begun = false
}

func (r *roff) inline(n ast.Node) string {
	var b strings.Builder
	inline(n, func(text string, f face) {
		if text == "\n" {
			b.WriteString("\n.br\n")
			return
		}
		on := [...]string{"", `\fB`, `\fB`, `\fI`}[f]
		if f == literal {
			text = strings.ReplaceAll(text, "-", "\x00")
		}
		escaped := escapeRoff(text)
		if on != "" && escaped != "" {
			escaped = on + escaped + `\fR`
		}
		b.WriteString(escaped)
	})
	var out []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		if line != ".br" {
			line = lineRoff(strings.TrimSpace(line))
		}
		if line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// escapeRoff writes a text so that roff shows it as it is. A zero byte is a minus
// sign, which can be copied as one, and not a hyphen.
func escapeRoff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "\x00", `\-`).Replace(s)
}

// lineRoff keeps a line that begins like a request from being one.
func lineRoff(s string) string {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}

func quoteRoff(s string) string {
	return `"` + strings.ReplaceAll(escapeRoff(s), `"`, `\(dq`) + `"`
}
