package syntax

import (
	"strings"
	"unicode/utf8"
)

// class is a set of properties of a byte.
type class uint8

const (
	bareKeyByte class = 1 << iota // may stand in a key without quotes
	plainByte                     // means nothing special in any string or comment
	delimiter                     // ends a key or a scalar without quotes
)

var classes = func() (table [256]class) {
	for i := range table {
		c := byte(i)
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			table[i] |= bareKeyByte
		}
		if c == '\t' || c >= ' ' && c != 0x7f && c != '"' && c != '\'' && c != '\\' {
			table[i] |= plainByte
		}
		if strings.IndexByte(" \t\r\n=,[]{}#\"'", c) >= 0 {
			table[i] |= delimiter
		}
	}
	return table
}()

// isBareKey reports whether s can be a key without quotes.
func isBareKey(s string) bool {
	for i := range len(s) {
		if classes[s[i]]&bareKeyByte == 0 {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// newlineAt is the length of the line ending at i: 0, 1 or 2.
func newlineAt(text string, i int) int {
	switch {
	case i >= len(text):
		return 0
	case text[i] == '\n':
		return 1
	case text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n':
		return 2
	}
	return 0
}

// lineEnd is where the line that contains i ends, before its line ending.
func lineEnd(text string, i int) int {
	n := strings.IndexByte(text[i:], '\n')
	switch {
	case n < 0:
		return len(text)
	case n > 0 && text[i+n-1] == '\r':
		n--
	}
	return i + n
}

// skipSpace is the first offset from i on that is no space or tab.
func skipSpace(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i
}

// trimSpace is the end of text[start:end] without the spaces and tabs that end it.
func trimSpace(text string, start, end int) int {
	return start + len(strings.TrimRight(text[start:end], " \t"))
}

// excerpt quotes a piece of the source for a message.
func excerpt(s string) string {
	const limit = 40
	s = strings.ToValidUTF8(s, "\uFFFD")
	n := 0
	for i := range s {
		if n++; n > limit {
			s = s[:i] + "…"
			break
		}
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, s)
	return "`" + s + "`"
}

// runeEnd is the end of the character at i.
func runeEnd(text string, i int) int {
	_, size := utf8.DecodeRuneInString(text[i:])
	return i + size
}
