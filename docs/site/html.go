package main

import (
	"bytes"
	"html"
	"path"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	ghtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/rigx-build/rigx/docs"
)

// heading of a page, with the anchor that leads to it.
type heading struct {
	Level    int
	ID, Text string
}

// anchors gives headings the anchors that GitHub gives them.
type anchors map[string]int

func (a anchors) Generate(value []byte, _ ast.NodeKind) []byte {
	id := docs.Anchor(strings.ReplaceAll(string(value), "`", ""))
	n := a[id]
	a[id]++
	if n > 0 {
		id += "-" + string(rune('0'+n))
	}
	return []byte(id)
}

func (a anchors) Put(value []byte) { a[string(value)]++ }

func markdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(blocks{}, 100))),
	)
}

func parse(source string) ast.Node {
	return markdown().Parser().Parse(text.NewReader([]byte(source)), parser.WithContext(parser.NewContext(parser.WithIDs(anchors{}))))
}

// headings lists those of a text.
func headings(source string) []heading {
	return headingsOf(parse(source), []byte(source))
}

func headingsOf(doc ast.Node, source []byte) []heading {
	var out []heading
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			id, _ := h.AttributeString("id")
			out = append(out, heading{h.Level, string(id.([]byte)), plain(h, source)})
		}
	}
	return out
}

func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// contents are the headings that a page lists, if there are enough of them.
func contents(list []heading) []heading {
	const few, many = 3, 48
	pick := func(deepest int) []heading {
		var out []heading
		for _, h := range list {
			if h.Level > 1 && h.Level <= deepest {
				out = append(out, h)
			}
		}
		return out
	}
	out := pick(3)
	if len(out) > many && len(pick(2)) >= few {
		out = pick(2)
	}
	if len(out) < few {
		return nil
	}
	return out
}

// html is the body of a page, and its headings.
func (s *site) html(p docs.Page) (string, []heading, error) {
	source := []byte(p.Text)
	doc := parse(p.Text)
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			to, err := s.resolve(p, string(n.Destination))
			if err != nil {
				return ast.WalkStop, err
			}
			n.Destination = []byte(to)
		case *ast.Image:
			picture := path.Join(path.Dir(p.Source), string(n.Destination))
			s.pictures[picture] = true
			n.Destination = []byte(path.Base(picture))
			n.SetAttributeString("loading", []byte("lazy"))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", nil, err
	}
	var out bytes.Buffer
	if err := markdown().Renderer().Render(&out, source, doc); err != nil {
		return "", nil, err
	}
	return out.String(), headingsOf(doc, source), nil
}

// blocks renders tables, code and headings in its own way: tables scroll by
// themselves on small screens, headings link to themselves.
type blocks struct{}

func (b blocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(east.KindTable, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			class := "table"
			if isList(n, source) {
				class += " list"
			}
			_, _ = w.WriteString("<div class=\"" + class + "\" tabindex=\"0\"><table>\n")
		} else {
			_, _ = w.WriteString("</tbody></table></div>\n")
		}
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindHeading, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		h := n.(*ast.Heading)
		level := string(rune('0' + h.Level))
		if entering {
			_, _ = w.WriteString("<h" + level)
			ghtml.RenderAttributes(w, n, ghtml.HeadingAttributeFilter)
			_ = w.WriteByte('>')
		} else {
			if id, ok := h.AttributeString("id"); ok && h.Level > 1 {
				_, _ = w.WriteString(` <a class="anchor" href="#` + html.EscapeString(string(id.([]byte))) + `" aria-label="link to this section">#</a>`)
			}
			_, _ = w.WriteString("</h" + level + ">\n")
		}
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindFencedCodeBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		var code strings.Builder
		for i := range n.Lines().Len() {
			at := n.Lines().At(i)
			code.Write(at.Value(source))
		}
		language := string(n.(*ast.FencedCodeBlock).Language(source))
		_, _ = w.WriteString("<pre tabindex=\"0\"><code>" + colored(language, code.String()) + "</code></pre>\n")
		return ast.WalkSkipChildren, nil
	})
}

// isList reports whether a table is a list of things and what they mean, which
// reads without its columns on a phone.
func isList(table ast.Node, source []byte) bool {
	last := plain(table.FirstChild().LastChild(), source)
	return last == "" || last == "meaning"
}

var (
	tomlParts    = regexp.MustCompile(`(?m)'''(?s:.*?)'''|"""(?s:.*?)"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|^\[[^\n#]*\]|^[ \t]*[\w.-]+(?:[ \t]*=)`)
	sessionParts = regexp.MustCompile(`(?m)^\$ [^\n]*`)
	shellParts   = regexp.MustCompile(`(?m)(?:^|[ \t]{2,})#[^\n]*`)
)

// colored is code as HTML, with marks for what it is in the languages that the
// manual shows most.
func colored(language, code string) string {
	parts, class := shellParts, func(string) string { return "c" }
	switch language {
	case "toml":
		parts, class = tomlParts, func(part string) string {
			switch part[0] {
			case '"', '\'':
				return "s"
			case '#':
				return "c"
			case '[':
				return "h"
			}
			return "k"
		}
	case "console":
		parts, class = sessionParts, func(string) string { return "p" }
	case "c", "lua", "python", "json":
		return html.EscapeString(code)
	}
	var b strings.Builder
	last := 0
	for _, at := range parts.FindAllStringIndex(code, -1) {
		b.WriteString(html.EscapeString(code[last:at[0]]))
		part := code[at[0]:at[1]]
		b.WriteString(`<span class="` + class(part) + `">` + html.EscapeString(part) + "</span>")
		last = at[1]
	}
	return b.String() + html.EscapeString(code[last:])
}
