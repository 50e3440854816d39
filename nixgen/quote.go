package nixgen

import (
	"bytes"
	"strings"
)

// A text is a string for Nix that is put together from literal text and Nix
// expressions, such as the store path of a target. Escaping happens once, when
// it is written out, so the pieces can be joined without thinking of it.
type text []piece

// piece is literal text, or an expression when expr is not zero.
type piece struct {
	lit  string
	expr expr
}

// expr is a Nix expression in two parts, such as "targets." and "hello", which
// are written without being put together first.
type expr struct{ head, attr string }

func (e expr) String() string { return e.head + e.attr }

func (t text) lit(s string) text { return append(t, piece{lit: s}) }

// expr appends a Nix expression.
func (t text) expr(e expr) text { return append(t, piece{expr: e}) }

// name appends an expression that is a name.
func (t text) name(name string) text { return t.expr(expr{head: name}) }

// word quotes what was appended since t had length from, so that the shell
// reads it as exactly one word. The store paths that expressions stand for
// need no quotes.
func (t text) word(from int) text {
	safe, first := true, from
	for i := from; i < len(t); i++ {
		safe = safe && shellPlain(t[i].lit)
		if t[i].lit == "" && t[i].expr.head == "" && i == first {
			first++
		}
	}
	if safe && first < len(t) {
		return t
	}
	t = append(t, piece{})
	copy(t[from+1:], t[from:])
	t[from] = piece{lit: "'"}
	for i := from + 1; i < len(t); i++ {
		t[i].lit = strings.ReplaceAll(t[i].lit, "'", `'\''`)
	}
	return append(t, piece{lit: "'"})
}

// ShellQuote returns s as one word of a POSIX shell.
func ShellQuote(s string) string {
	if s == "" {
		return "''"
	}
	if shellPlain(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// FishQuote returns s as one word of the fish shell.
func FishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// shellPlain reports whether the shell takes every byte of s as it stands.
func shellPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if !plainBytes[s[i]] {
			return false
		}
	}
	return true
}

var plainBytes = func() (table [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%") {
		table[c] = true
	}
	return table
}()

// nixString writes a text as a Nix string on one line: "…".
func nixString(b *bytes.Buffer, t text) {
	b.WriteByte('"')
	for _, p := range t {
		if p.expr.head != "" {
			write(b, "${", p.expr.head, p.expr.attr, "}")
			continue
		}
		quoteInto(b, p.lit)
	}
	b.WriteByte('"')
}

// quoteInto escapes what has a meaning inside "…". A dollar is escaped
// wherever a brace might follow, be it from the next piece.
func quoteInto(b *bytes.Buffer, s string) {
	start := 0
	for i := 0; i < len(s); i++ {
		escape := ""
		switch s[i] {
		case '"':
			escape = `\"`
		case '\\':
			escape = `\\`
		case '\n':
			escape = `\n`
		case '\r':
			escape = `\r`
		case '\t':
			escape = `\t`
		case '$':
			escape = `\$`
		default:
			continue
		}
		b.WriteString(s[start:i])
		b.WriteString(escape)
		start = i + 1
	}
	b.WriteString(s[start:])
}

// quote writes s as a Nix string on one line.
func quote(b *bytes.Buffer, s string) {
	b.WriteByte('"')
	quoteInto(b, s)
	b.WriteByte('"')
}

// NixString returns s as a Nix string literal.
func NixString(s string) string {
	var b bytes.Buffer
	quote(&b, s)
	return b.String()
}

// nixLines writes a text of several lines as an indented string, which reads
// like the script it holds; where that form could not say the same, as a
// string on one line.
func nixLines(b *bytes.Buffer, t text, indent string) {
	start := b.Len()
	if !indented(b, t, indent) {
		b.Truncate(start)
		nixString(b, t)
	}
}

// indented writes a text as an indented string, unless that cannot say the
// same: with a pair of single quotes; with a single quote or dollar where the
// next character is one that Nix would take it together with; when all lines
// begin with a space, which Nix would take away; when the last line is blank;
// with characters that are better seen as escapes; on a single line. What was
// written then is to be dropped.
func indented(b *bytes.Buffer, t text, indent string) bool {
	b.WriteString("''\n")
	var (
		last  byte   // before the current one; 0 at the start
		fresh = true // at the start of a line
		blank bool   // so far the line has spaces only
		flush bool   // some line begins with something else
		lines int
	)
	for _, p := range t {
		if p.expr.head != "" {
			if last == '$' {
				return false
			}
			if fresh {
				write(b, indent, "  ")
				flush = true
			}
			write(b, "${", p.expr.head, p.expr.attr, "}")
			fresh, blank, last = false, false, '}'
			continue
		}
		for i := 0; i < len(p.lit); {
			c := p.lit[i]
			if c == '\n' {
				b.WriteByte(c)
				fresh, last = true, c
				lines++
				i++
				continue
			}
			if fresh {
				write(b, indent, "  ")
				fresh, blank = false, true
				flush = flush || c != ' '
			}
			blank = blank && c == ' '
			from := i
			switch {
			case c == '\'':
				if last == '\'' || last == '$' {
					return false
				}
			case c == '$':
				brace := strings.HasPrefix(p.lit[i:], "${")
				if last == '$' || brace && last == '\'' {
					return false
				}
				if brace {
					b.WriteString("''")
				}
			case c == '{':
				if last == '$' && i == 0 {
					return false
				}
			case c < ' ' && c != '\t':
				return false
			default:
				for i < len(p.lit) && ordinary[p.lit[i]] {
					blank = blank && p.lit[i] == ' '
					i++
				}
				i-- // the last of them is counted below
			}
			i++
			b.WriteString(p.lit[from:i])
			last = p.lit[i-1]
		}
	}
	if !flush || lines == 0 || last == '\'' || last == '$' || !fresh && blank {
		return false
	}
	if fresh {
		b.WriteString(indent)
	}
	b.WriteString("''")
	return true
}

// ordinary characters mean nothing in an indented string.
var ordinary = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= ' ' || c == '\t'
	}
	for _, c := range "'${" {
		table[c] = false
	}
	return table
}()

// keywords of Nix cannot stand as plain attribute names.
var keywords = map[string]bool{
	"assert": true, "else": true, "if": true, "in": true, "inherit": true, "let": true, "or": true,
	"rec": true, "then": true, "with": true,
}

// AttrName returns s as an attribute name: bare where Nix allows, else quoted.
func AttrName(s string) string {
	if s == "" || keywords[s] {
		return NixString(s)
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '-' || c == '\'')) {
			return NixString(s)
		}
	}
	return s
}

// attrPath is a dotted path of nixpkgs ("python3Packages.requests") as Nix
// reads it, each part quoted if need be.
func attrPath(path string) string {
	parts := strings.Split(path, ".")
	for i := range parts {
		parts[i] = AttrName(parts[i])
	}
	return strings.Join(parts, ".")
}

// storeName makes s a name that a store path may have.
func storeName(s string) string {
	if plainStoreName(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case storeByte(c):
			b.WriteByte(c)
		default:
			b.WriteByte('_')
		}
	}
	name := strings.TrimLeft(b.String(), ".")
	if name == "" {
		return "target"
	}
	return name
}

func storeByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+-._?=", c) >= 0
}

func plainStoreName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !storeByte(s[i]) {
			return false
		}
	}
	return s != "" && s[0] != '.'
}
