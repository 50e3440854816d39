package source

import (
	"strings"
	"unicode/utf8"
)

// PatternError says what is wrong with a pattern, and where.
type PatternError struct {
	Pattern string
	// Offset of the faulty byte in Pattern.
	Offset int
	Reason string
}

func (e *PatternError) Error() string { return "pattern `" + e.Pattern + "`: " + e.Reason }

// HasMeta reports whether s is a pattern rather than a plain path.
func HasMeta(s string) bool { return strings.ContainsAny(s, "*?[") }

// CheckPattern returns a [*PatternError] if the pattern is malformed.
func CheckPattern(pattern string) error {
	for i := 0; i < len(pattern); {
		if pattern[i] != '[' {
			i++
			continue
		}
		class, ok := readClass(pattern[i:])
		if !ok {
			return &PatternError{pattern, i, "the character class is not closed"}
		}
		if reason := class.fault(); reason != "" {
			return &PatternError{pattern, i, reason}
		}
		i += class.len
	}
	return nil
}

// Match reports whether the whole path matches the pattern. A * is any run of
// characters but /, ? is one character but /, [abc], [a-z] and [!a] are one
// character of a class, and a component ** is any number of components, none
// included. A malformed class matches itself literally; see [CheckPattern].
func Match(pattern, path string) bool {
	return matchComponents(components(pattern), strings.Split(path, "/"))
}

// components splits a pattern, with neighbouring ** folded into one: they mean
// the same, and folding keeps matching from branching without end.
func components(pattern string) []string {
	parts := strings.Split(pattern, "/")
	out := parts[:0]
	for _, p := range parts {
		if p == "" || p == "." || p == "**" && len(out) > 0 && out[len(out)-1] == "**" {
			continue
		}
		out = append(out, p)
	}
	return out
}

// matchComponents is the classic greedy wildcard match, over components: on a
// mismatch it goes back to the last ** only, so it is quadratic at worst.
func matchComponents(pattern, path []string) bool {
	p, s := 0, 0
	star, from := -1, 0
	for s < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, from = p, s
			p++
		case p < len(pattern) && matchComponent(pattern[p], path[s]):
			p++
			s++
		case star >= 0:
			from++
			p, s = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

// matchComponent matches one component, with the same greedy method.
func matchComponent(pattern, name string) bool {
	if end, ok := strings.CutPrefix(pattern, "*"); ok && !HasMeta(end) {
		return strings.HasSuffix(name, end) // most patterns are such
	}
	p, s := 0, 0
	star, from := -1, 0
	for s < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, from = p, s
			p++
			continue
		}
		if p < len(pattern) {
			c, size := utf8.DecodeRuneInString(name[s:])
			if n, ok := matchOne(pattern[p:], c, name[s:s+size]); ok {
				p += n
				s += size
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(name[from:])
		from += size
		p, s = star+1, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches one character against the head of a pattern and returns how
// many bytes of the pattern that used.
func matchOne(pattern string, c rune, raw string) (int, bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		if class, ok := readClass(pattern); ok {
			return class.len, class.has(c)
		}
	}
	if strings.HasPrefix(pattern, raw) {
		return len(raw), true
	}
	return 0, false
}

// charClass is a [class]: its length in the pattern with brackets, and what is
// between them.
type charClass struct {
	len     int
	negated bool
	body    string
}

// readClass reads a class at the head of s. As in the shell, a ] that comes
// first is a member.
func readClass(s string) (charClass, bool) {
	i := 1
	c := charClass{}
	if i < len(s) && (s[i] == '!' || s[i] == '^') {
		c.negated = true
		i++
	}
	start := i
	if i < len(s) && s[i] == ']' {
		i++
	}
	end := strings.IndexAny(s[min(i, len(s)):], "]/")
	if end < 0 || s[i+end] == '/' {
		return c, false
	}
	c.body = s[start : i+end]
	c.len = i + end + 1
	return c, true
}

// ranges calls f for each member of the class until it returns false.
func (c charClass) ranges(f func(lo, hi rune) bool) {
	body := []rune(c.body)
	for i := 0; i < len(body); i++ {
		lo, hi := body[i], body[i]
		if i+2 < len(body) && body[i+1] == '-' {
			hi = body[i+2]
			i += 2
		}
		if !f(lo, hi) {
			return
		}
	}
}

func (c charClass) has(r rune) bool {
	found := false
	c.ranges(func(lo, hi rune) bool {
		found = lo <= r && r <= hi
		return !found
	})
	return found != c.negated
}

func (c charClass) fault() string {
	reason := ""
	c.ranges(func(lo, hi rune) bool {
		if lo > hi {
			reason = "the range " + string(lo) + "-" + string(hi) + " runs backwards"
		}
		return reason == ""
	})
	return reason
}
