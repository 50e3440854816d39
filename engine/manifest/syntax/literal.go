package syntax

import (
	"strings"
	"unicode/utf8"
)

// literal is a string as it is written: the bytes between its delimiters.
type literal struct {
	text       string // the whole source
	start, end int    // of the body, behind the trimmed first newline
	basic      bool   // knows escapes
	multiline  bool
}

// newLiteral describes the string at text[start:end], which may lack its
// closing delimiter. It reports false for what is no string.
func newLiteral(text string, start, end int) (literal, bool) {
	if end > len(text) || start >= end || text[start] != '"' && text[start] != '\'' {
		return literal{}, false
	}
	l := literal{text: text, start: start + 1, end: end, basic: text[start] == '"'}
	delimiter := text[start : start+1]
	if end-start > 2 && isTriple(text, start) {
		delimiter = text[start : start+3]
		l.multiline = true
		l.start += 2
		l.start += newlineAt(text[:end], l.start)
	}
	if body := text[l.start:end]; strings.HasSuffix(body, delimiter) {
		body = body[:len(body)-len(delimiter)]
		escapes := len(body) - len(strings.TrimRight(body, `\`))
		if !l.basic || escapes%2 == 0 {
			l.end -= len(delimiter)
		}
	}
	return l, true
}

// verbatim reports whether the decoded string is the body itself.
func (l literal) verbatim() bool {
	body := l.text[l.start:l.end]
	return !(l.basic && strings.IndexByte(body, '\\') >= 0) &&
		!(l.multiline && strings.Contains(body, "\r\n"))
}

// nextSpecial is the first offset from i on that does not stand for itself.
func (l literal) nextSpecial(i int) int {
	for ; i < l.end; i++ {
		switch l.text[i] {
		case '\\':
			if l.basic {
				return i
			}
		case '\r':
			if l.multiline && i+1 < l.end && l.text[i+1] == '\n' {
				return i
			}
		}
	}
	return l.end
}

// nothing is what a line ending behind a backslash decodes to.
const nothing rune = -1

// special decodes the escape or line ending at i: its length in the source and
// the character it stands for. If it is not valid, it counts as a backslash
// that stands for itself, and fault says what is wrong.
func (l literal) special(i int) (size int, r rune, fault *escapeFault) {
	s := l.text[i:l.end]
	if s[0] == '\r' {
		return 2, '\n', nil
	}
	if l.multiline {
		if size := continuation(s); size > 0 {
			return size, nothing, nil
		}
	}
	return escape(s)
}

// continuation is the length of a backslash at the end of a line with all
// white space up to the next text, or 0 if s does not start with one.
func continuation(s string) int {
	i := skipSpace(s, 1)
	n := newlineAt(s, i)
	if n == 0 {
		return 0
	}
	for n > 0 {
		i = skipSpace(s, i+n)
		n = newlineAt(s, i)
	}
	return i
}

// escapeFault is an escape sequence that TOML does not know.
type escapeFault struct {
	size          int // of the sequence
	message, hint string
}

// escape decodes the escape sequence that s starts with.
func escape(s string) (size int, r rune, fault *escapeFault) {
	if len(s) == 1 {
		// Only a string that is not closed ends in a backslash, and that is
		// reported already.
		return 1, '\\', nil
	}
	digits := 0
	switch c := s[1]; c {
	case '"', '\\':
		return 2, rune(c), nil
	case 'b':
		return 2, '\b', nil
	case 't':
		return 2, '\t', nil
	case 'n':
		return 2, '\n', nil
	case 'f':
		return 2, '\f', nil
	case 'r':
		return 2, '\r', nil
	case 'e':
		return 2, 0x1b, nil
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		size := runeEnd(s, 1)
		return 1, '\\', &escapeFault{size, "unknown escape sequence " + excerpt(s[:size]),
			`write \\ for a backslash, or use a string in single quotes`}
	}
	size = 2
	var n uint32
	for ; size < min(len(s), 2+digits); size++ {
		digit := strings.IndexByte("0123456789abcdef", s[size]|0x20)
		if digit < 0 || s[size] < '0' {
			break
		}
		n = n<<4 | uint32(digit)
	}
	if size < 2+digits {
		return 1, '\\', &escapeFault{size, "escape sequence " + excerpt(s[:size]) + " is too short",
			`\` + s[1:2] + " takes " + map[int]string{2: "two", 4: "four", 8: "eight"}[digits] + " hexadecimal digits"}
	}
	if n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return 1, '\\', &escapeFault{size, excerpt(s[:size]) + " is not a Unicode character", ""}
	}
	return size, rune(n), nil
}

// width is the number of bytes a special sequence decodes to.
func width(r rune) int {
	if r == nothing {
		return 0
	}
	return utf8.RuneLen(r)
}

// SourceOffset finds the byte of the source that byte decoded of a string
// comes from. The string is written at span in text, with its delimiters. All
// bytes of an escape sequence come from its begin; text behind a backslash at
// the end of a line comes from where it goes on. Offsets outside the decoded
// string count as its begin or end.
//
// What is not a string stands for itself.
func SourceOffset(text string, span Span, decoded int) uint32 {
	l, ok := newLiteral(text, int(span.Start), int(span.End))
	if !ok {
		return span.Start + uint32(min(max(decoded, 0), span.Len()))
	}
	decoded = max(decoded, 0)
	if l.verbatim() {
		return uint32(min(l.start+decoded, l.end))
	}
	for src := l.start; ; {
		special := l.nextSpecial(src)
		if decoded < special-src || special == l.end {
			return uint32(min(src+decoded, l.end))
		}
		decoded -= special - src
		size, r, _ := l.special(special)
		if decoded < width(r) {
			return uint32(special)
		}
		decoded -= width(r)
		src = special + size
	}
}

// DecodedOffset finds the byte of a decoded string that the byte at off of the
// source belongs to; it is the inverse of [SourceOffset]. The string is
// written at span in text, with its delimiters. The offset of the closing
// delimiter belongs to the end of the decoded string. It reports false if off
// is in a delimiter or outside the string.
func DecodedOffset(text string, span Span, off uint32) (int, bool) {
	l, ok := newLiteral(text, int(span.Start), int(span.End))
	if !ok {
		l = literal{text: text, start: int(span.Start), end: int(span.End)}
	}
	at := int(off)
	if l.multiline && at < l.start && at >= l.start-trimmed(l) {
		at = l.start
	}
	if at < l.start || at > l.end {
		return 0, false
	}
	if !ok || l.verbatim() {
		return at - l.start, true
	}
	decoded := 0
	for src := l.start; ; {
		special := l.nextSpecial(src)
		if at <= special {
			return decoded + at - src, true
		}
		decoded += special - src
		size, r, _ := l.special(special)
		if at < special+size {
			return decoded, true
		}
		decoded += width(r)
		src = special + size
	}
}

// trimmed is the length of the newline before the body of a multi-line string.
func trimmed(l literal) int {
	switch body := l.text[:l.start]; {
	case strings.HasSuffix(body, "\r\n"):
		return 2
	case strings.HasSuffix(body, "\n"):
		return 1
	}
	return 0
}
