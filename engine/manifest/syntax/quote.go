package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Quote writes s as a TOML string that decodes to s, in the shortest form that
// is easy to read: a basic string, a literal string if that saves escapes, and
// a multi-line string for text of several lines. The result is valid in TOML
// 1.0, too. Bytes of s that are not UTF-8 cannot be written in TOML and become
// U+FFFD.
func Quote(s string) string {
	if strings.Count(s, "\n") < 2 {
		return quoteLine(s)
	}
	if !strings.Contains(s, "'''") && !strings.HasSuffix(s, "'") && plainText(s, "\t\n") {
		return "'''\n" + s + "'''"
	}
	var b strings.Builder
	b.WriteString(`"""` + "\n")
	quotes := 0
	for i, r := range s {
		if r != '"' {
			quotes = 0
		}
		switch {
		case r == '"':
			// Two quotes may stand together, but not before the delimiter.
			if quotes++; quotes == 3 || i == len(s)-1 {
				quotes = 0
				b.WriteByte('\\')
			}
			b.WriteByte('"')
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		default:
			writeEscaped(&b, r)
		}
	}
	b.WriteString(`"""`)
	return b.String()
}

// QuoteKey writes s as one part of a TOML key, bare if that is possible.
func QuoteKey(s string) string {
	if isBareKey(s) {
		return s
	}
	return quoteLine(s)
}

// JoinKeys is a dotted key as the schema names it: its names with dots between.
func JoinKeys(path []Key) string { return joinKeys(path, func(name string) string { return name }) }

// QuotePath is a dotted key as it is written.
func QuotePath(path []Key) string { return joinKeys(path, QuoteKey) }

func joinKeys(path []Key, write func(string) string) string {
	if len(path) == 1 {
		return write(path[0].Name)
	}
	names := make([]string, len(path))
	for i, k := range path {
		names[i] = write(k.Name)
	}
	return strings.Join(names, ".")
}

// quoteLine writes s as a string on one line.
func quoteLine(s string) string {
	if strings.ContainsAny(s, `"\`) && !strings.Contains(s, "'") && plainText(s, "\t") {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"':
			b.WriteString(`\"`)
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		default:
			writeEscaped(&b, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writeEscaped writes a character that is not a quote, tab or line feed.
func writeEscaped(b *strings.Builder, r rune) {
	switch {
	case r == '\\':
		b.WriteString(`\\`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\b':
		b.WriteString(`\b`)
	case r == '\f':
		b.WriteString(`\f`)
	case r < 0x20 || r == 0x7f:
		fmt.Fprintf(b, `\u%04X`, r)
	default:
		b.WriteRune(r)
	}
}

// plainText reports whether s can stand in a string without escapes, if the
// given control characters are allowed.
func plainText(s, controls string) bool {
	for _, r := range s {
		if (r < 0x20 || r == 0x7f) && !strings.ContainsRune(controls, r) {
			return false
		}
	}
	return utf8.ValidString(s)
}
