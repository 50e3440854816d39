// Package diagnostic holds what rigx has to say about a rigx.toml: errors and
// warnings with a stable code, a place, and a remedy.
//
// A [Diagnostic] is data. The command line renders it with [Render] (or as
// JSON, SARIF or GitHub annotations), the language server converts it to the
// protocol; both say the same thing. The text behind each code, which
// `rigx explain` prints, is in codes.go.
package diagnostic

import (
	"cmp"
	"slices"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Severity says whether a diagnostic stops a build.
type Severity uint8

const (
	// Error stops every command that would have to trust the faulty part.
	Error Severity = iota
	// Warning is reported and changes nothing else, unless --strict.
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Location is a range of bytes in one file. The zero Location means "nowhere
// in particular".
type Location struct {
	File *syntax.File
	Span syntax.Span
}

// IsZero reports whether the location names no file.
func (l Location) IsZero() bool { return l.File == nil }

// Related is a second place that explains a diagnostic, such as the first of
// two definitions.
type Related struct {
	At      Location
	Message string
}

// Diagnostic is one finding.
type Diagnostic struct {
	Code     Code
	Severity Severity
	At       Location
	// Message is one sentence without a full stop, naming the faulty value.
	Message string
	// Label is said at the squiggle itself; often the "did you mean".
	Label string
	// Help is what to do, one line each.
	Help []string
	// Suggestion replaces the text at At and mends the fault, if not empty.
	Suggestion string
	Related    []Related
}

// MaxFound is how many errors, and how many warnings, a list keeps. Nobody
// reads more, and a hostile file could have millions.
const MaxFound = 10_000

// List collects diagnostics in the order found.
type List struct {
	items []*Diagnostic
	found [2]int // by severity
}

// Add appends a diagnostic of the code's own severity and returns it, so that
// the caller can attach a label or related places.
func (l *List) Add(code Code, at Location, message string) *Diagnostic {
	d := &Diagnostic{Code: code, Severity: code.Severity(), At: at, Message: message}
	l.add(d)
	return d
}

func (l *List) add(d *Diagnostic) {
	if l.found[d.Severity]++; l.found[d.Severity] <= MaxFound {
		l.items = append(l.items, d)
	}
}

// Append adds all of other.
func (l *List) Append(other []*Diagnostic) {
	for _, d := range other {
		l.add(d)
	}
}

// Len is the number of diagnostics.
func (l *List) Len() int { return len(l.items) }

// All returns the diagnostics in the order found. The slice is shared.
func (l *List) All() []*Diagnostic { return l.items }

// Count returns how many errors and warnings ds holds.
func Count(ds []*Diagnostic) (errors, warnings int) {
	for _, d := range ds {
		if d.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

// Sorted returns ds by file (in order of first appearance in files), then by
// place, then by code.
func Sorted(ds []*Diagnostic, files []*syntax.File) []*Diagnostic {
	rank := make(map[*syntax.File]int, len(files))
	for i, f := range files {
		rank[f] = i
	}
	out := slices.Clone(ds)
	slices.SortStableFunc(out, func(a, b *Diagnostic) int {
		return cmp.Or(
			cmp.Compare(rank[a.At.File], rank[b.At.File]),
			cmp.Compare(a.At.Span.Start, b.At.Span.Start),
			cmp.Compare(a.Code, b.Code),
		)
	})
	return out
}
