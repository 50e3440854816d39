package manifest

import "strings"

// Part is a piece of an interpolated string: literal text, or a reference.
type Part struct {
	// Literal text with escapes undone; used when Ref is empty.
	Literal string
	// Ref is the name between the braces of ${…}.
	Ref string
	// Start and End are byte offsets in the decoded string: of the name for a
	// reference, of the source of the text for a literal.
	Start, End int
}

// TemplateError is a ${…} that cannot be read.
type TemplateError struct {
	// Start and End are byte offsets in the decoded string.
	Start, End int
	Message    string
}

// ParseTemplate splits text at its ${…}. The rules are those of Nix's indented
// strings, in which the peer puts such text: a dollar after two single quotes,
// and a doubled dollar, are literal, and three single quotes stand for two.
// Anything else, including two single quotes alone, stands for itself.
//
// Only a name may stand in the braces; what is no name becomes an error and
// stays literal.
func ParseTemplate(text string) ([]Part, []TemplateError) {
	if !strings.Contains(text, "${") && !strings.Contains(text, "''") {
		return []Part{{Literal: text, End: len(text)}}, nil
	}
	var (
		parts []Part
		errs  []TemplateError
		lit   strings.Builder
		from  int
		// The next closing brace and line feed, found once for all that is before.
		brace, line = finder{text: text, c: '}'}, finder{text: text, c: '\n'}
	)
	flush := func(end int) {
		if lit.Len() > 0 {
			parts = append(parts, Part{Literal: lit.String(), Start: from, End: end})
			lit.Reset()
		}
	}
	for i := 0; i < len(text); {
		if lit.Len() == 0 {
			from = i
		}
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "''$"):
			lit.WriteByte('$')
			i += 3
			if strings.HasPrefix(text[i:], "{") {
				lit.WriteByte('{')
				i++
			}
		case strings.HasPrefix(rest, "'''"):
			lit.WriteString("''")
			i += 3
		case strings.HasPrefix(rest, "$$"):
			lit.WriteString("$$")
			i += 2
			if strings.HasPrefix(text[i:], "{") {
				lit.WriteByte('{')
				i++
			}
		case strings.HasPrefix(rest, "${"):
			close, stop := brace.from(i), line.from(i)
			end := close - i
			if stop < close || close == len(text) {
				errs = append(errs, TemplateError{i, stop, "`${` is not closed"})
				lit.WriteString("${")
				i += 2
				continue
			}
			name := strings.TrimSpace(rest[2:end])
			start := i + 2 + strings.Index(rest[2:end], name)
			if msg := badReference(name); msg != "" {
				errs = append(errs, TemplateError{i, i + end + 1, msg})
				lit.WriteString(rest[:end+1])
			} else {
				flush(i)
				parts = append(parts, Part{Ref: name, Start: start, End: start + len(name)})
			}
			i += end + 1
		default:
			n := 1 + strings.IndexAny(rest[1:], "$'")
			if n == 0 {
				n = len(rest)
			}
			lit.WriteString(rest[:n])
			i += n
		}
	}
	flush(len(text))
	return parts, errs
}

// finder finds the next of a byte, in time linear in the text for all calls
// whose offsets do not decrease.
type finder struct {
	text  string
	c     byte
	found int
}

// from is the offset of the byte at or behind i, or the length of the text.
func (f *finder) from(i int) int {
	if f.found < i || f.found == 0 {
		f.found = len(f.text)
		if n := strings.IndexByte(f.text[i:], f.c); n >= 0 {
			f.found = i + n
		}
	}
	return f.found
}

// badReference says why name cannot stand in ${…}, or "".
func badReference(name string) string {
	if name == "" {
		return "`${}` has no name"
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.', c == '\'', c == '@', c >= 0x80:
		case c == '"':
			return "quotes are not needed inside `${…}`"
		default:
			return "`${" + name + "}` is neither a name nor escaped"
		}
	}
	return ""
}

// Interpolates reports whether text has a ${ that could be a reference; most
// strings do not, and need no parsing.
func Interpolates(text string) bool { return strings.Contains(text, "${") }
