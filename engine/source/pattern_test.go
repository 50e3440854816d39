package source

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"src/*.c", "src/a.c", true},
		{"src/*.c", "src/deep/a.c", false},
		{"src/*.c", "src/.hidden.c", true},
		{"src/**/*.c", "src/a.c", true},
		{"src/**/*.c", "src/x/y/a.c", true},
		{"**", "anything/at/all", true},
		{"**/a", "a", true},
		{"a/**", "a/b/c", true},
		{"a/**", "a", true},
		{"**/b/**", "a/b/c", true},
		{"**/**/c", "c", true},
		{"?.c", "é.c", true},
		{"?.c", "ab.c", false},
		{"[abc].c", "b.c", true},
		{"[!abc].c", "b.c", false},
		{"[^abc].c", "d.c", true},
		{"[a-c].c", "b.c", true},
		{"[]].c", "].c", true},
		{"[a-].c", "-.c", true},
		{"[é-ü].c", "ö.c", true},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "aXbY", false},
		{"./a//b", "a/b", true},
		{"a", "b", false},
		{"", "a", false},
		{"*a*a*a*a*a*a*a*a*a*b", strings.Repeat("a", 200), false},
	} {
		if got := Match(c.pattern, c.path); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

func TestCheckPattern(t *testing.T) {
	for pattern, offset := range map[string]int{"a/[b": 2, "[z-a]": 0, "x[": 1, "[!]": 0, "[a/b]": 0} {
		err := CheckPattern(pattern)
		var bad *PatternError
		if !errors.As(err, &bad) || bad.Offset != offset {
			t.Errorf("CheckPattern(%q) = %v", pattern, err)
		}
	}
	for _, pattern := range []string{"", "a", "[a]", "[]]", "**", "a]"} {
		if err := CheckPattern(pattern); err != nil {
			t.Error(err)
		}
	}
}

// toRegexp says the same as a pattern in another language.
func toRegexp(pattern string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`^(?s)`)
	parts := components(pattern)
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case part == "**" && last && i == 0:
			b.WriteString(`.*`)
		case part == "**" && last:
			// a/** matches a as well, whose slash is optional then.
			s := strings.TrimSuffix(b.String(), "/")
			b.Reset()
			b.WriteString(s + `(/.*)?`)
		case part == "**":
			b.WriteString(`(?:[^/]*/)*`)
		default:
			for len(part) > 0 {
				c, size := utf8.DecodeRuneInString(part)
				switch c {
				case '*':
					b.WriteString(`[^/]*`)
				case '?':
					b.WriteString(`[^/]`)
				case '[':
					class, _ := readClass(part)
					b.WriteByte('[')
					if class.negated {
						b.WriteString(`^/`)
					}
					class.ranges(func(lo, hi rune) bool {
						b.WriteString(regexp.QuoteMeta(string(lo)) + "-" + regexp.QuoteMeta(string(hi)))
						return true
					})
					b.WriteByte(']')
					size = class.len
				default:
					b.WriteString(regexp.QuoteMeta(part[:size]))
				}
				part = part[size:]
			}
			if !last {
				b.WriteByte('/')
			}
		}
	}
	b.WriteByte('$')
	return regexp.Compile(b.String())
}

// FuzzMatch compares matching with a regular expression.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"src/**/*.c", "src/x/a.c"}, {"[!a-c]?*", "dé"}, {"**/a/**", "a"}, {"a/**/b", "a/b"}, {"**a", "ba"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if CheckPattern(pattern) != nil || !utf8.ValidString(pattern) || !utf8.ValidString(path) {
			t.Skip()
		}
		// Paths are clean, and a class cannot be asked for a slash or a dash
		// within the regular expression's own rules.
		if path == "" || strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") || strings.Contains(path, "//") || len(components(pattern)) == 0 {
			t.Skip()
		}
		for _, p := range strings.Split(path, "/") {
			if p == "." || p == ".." {
				t.Skip()
			}
		}
		re, err := toRegexp(pattern)
		if err != nil {
			t.Skip()
		}
		if got, want := Match(pattern, path), re.MatchString(path); got != want {
			t.Errorf("Match(%q, %q) = %v, %s says %v", pattern, path, got, re, want)
		}
	})
}

func TestClean(t *testing.T) {
	for rel, want := range map[string]string{"a": "a", "./a//b/../c": "a/c", ".": ".", "a/..": "."} {
		if got, err := Clean(rel); got != want || err != nil {
			t.Errorf("Clean(%q) = %q, %v", rel, got, err)
		}
	}
	for rel, want := range map[string]error{"": ErrEmpty, "/a": ErrAbsolute, `\a`: ErrAbsolute, "C:/a": ErrAbsolute, "..": ErrOutside, "a/../../b": ErrOutside, "a\x00": ErrOutside} {
		if _, err := Clean(rel); !errors.Is(err, want) {
			t.Errorf("Clean(%q): %v", rel, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a/../..")
	f.Add("./\\")
	f.Add("./C:/x")
	f.Fuzz(func(t *testing.T, rel string) {
		got, err := Clean(rel)
		if err != nil {
			return
		}
		if got == ".." || strings.HasPrefix(got, "../") || strings.HasPrefix(got, "/") {
			t.Errorf("Clean(%q) = %q", rel, got)
		}
		if again, err := Clean(got); again != got || err != nil {
			t.Errorf("Clean(%q) = %q, and again %q, %v", rel, got, again, err)
		}
	})
}
