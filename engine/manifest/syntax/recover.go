package syntax

import "strings"

// strategy decides how text is read that can be read in two ways once it is
// known not to be valid.
//
// A string that lacks its closing """ ends, by the rules, at the opening """
// of the next one, and an inline table that lacks its } goes on with the
// entries below it. Both would cost much more than the line at fault. The text
// is read literally first; if that gives errors and there was such a place, it
// is read once more warily, and the reading with fewer errors wins.
type strategy uint8

const (
	literally strategy = iota
	warily
)

// skipPath is the end of the dotted key at i, which may have spaces around its
// dots. It reports false if there is none.
func skipPath(text string, i int) (int, bool) {
	for {
		start := i
		if i < len(text) && (text[i] == '"' || text[i] == '\'') {
			end := strings.IndexByte(text[i+1:], text[i])
			if end < 0 || strings.IndexByte(text[i+1:i+1+end], '\n') >= 0 {
				return i, false
			}
			i += end + 2
		} else {
			for i < len(text) && classes[text[i]]&bareKeyByte != 0 {
				i++
			}
			if i == start {
				return i, false
			}
		}
		dot := skipSpace(text, i)
		if dot >= len(text) || text[dot] != '.' {
			return i, true
		}
		i = skipSpace(text, dot+1)
	}
}

// assignmentAt reports whether the line at i starts like "key =", and where
// its value would start.
func assignmentAt(text string, i int) (int, bool) {
	end, ok := skipPath(text, skipSpace(text, i))
	if !ok {
		return 0, false
	}
	end = skipSpace(text, end)
	if end >= len(text) || text[end] != '=' {
		return 0, false
	}
	return skipSpace(text, end+1), true
}

// headerAt reports whether the line at i is a table header and cannot be an
// item of an array.
func headerAt(text string, i int) bool {
	i = skipSpace(text, i)
	if i >= len(text) || text[i] != '[' {
		return false
	}
	brackets := 1
	if i+1 < len(text) && text[i+1] == '[' {
		brackets = 2
	}
	start := i + brackets
	end, ok := skipPath(text, start)
	if !ok || looksLikeItem(text[start:end]) {
		return false
	}
	for range brackets {
		if end >= len(text) || text[end] != ']' {
			return false
		}
		end++
	}
	end = skipSpace(text, end)
	return end == len(text) || text[end] == '#' || newlineAt(text, end) > 0
}

// looksLikeItem reports whether a header's path could be an item of an array.
func looksLikeItem(path string) bool {
	switch path {
	case "true", "false", "inf", "nan":
		return true
	}
	switch c := path[0]; c {
	case '"', '\'':
		return strings.IndexByte(path[1:], c) == len(path)-2
	default:
		return isDigit(c) || c == '-'
	}
}

// findHeader is the start of the first line in text[from:to] that is a table
// header, or -1. The line at from itself does not count.
func findHeader(text string, from, to int) int {
	for {
		n := strings.IndexByte(text[from:to], '\n')
		if n < 0 {
			return -1
		}
		from += n + 1
		if headerAt(text, from) {
			return from
		}
	}
}
