package syntax

import (
	"math"
	"strconv"
	"strings"
)

// MaxSize is the largest text, in bytes, that is parsed.
const MaxSize = 64 << 20

// MaxDepth is how deep arrays and inline tables may be nested.
const MaxDepth = 128

// MaxErrors is the number of errors after which a text is not read further.
const MaxErrors = 1000

// Span is a half-open range of byte offsets.
type Span struct{ Start, End uint32 }

// Len is the number of bytes in the span.
func (s Span) Len() int { return int(s.End) - int(s.Start) }

// Contains reports whether the byte at off lies in the span. An empty span
// contains nothing.
func (s Span) Contains(off uint32) bool { return s.Start <= off && off < s.End }

// Tree is the parsed form of a text.
type Tree struct {
	// Text is the source, unchanged.
	Text string
	// Tables holds the root table, whose header is empty, and then one table
	// for every header, in source order.
	Tables []Table
	// Errors holds what is wrong with the text, in source order. If it is
	// empty the text is valid TOML, save for what concerns more than one place
	// (a key or table that is defined twice).
	Errors []Error

	comments []Span
	// strategy is the way of reading that produced the tree; Tokens repeats it.
	strategy strategy
	plain    bool // see Plain
}

// Comments lists the comments in source order, each from its # to the end of
// its line, without the line ending.
func (t *Tree) Comments() []Span { return t.comments }

// Table is a header and the entries below it.
type Table struct {
	// Span reaches from the header to the end of the last entry.
	Span Span
	// Header covers "[a.b]" with its brackets. It is empty for the root table.
	Header Span
	// Array is set for "[[a.b]]".
	Array bool
	// Path is the name in the header. It is empty for the root table only.
	Path    []Key
	Entries []Entry
	// Broken is set if the header has an error.
	Broken bool
}

// Key is one part of a dotted name.
type Key struct {
	// Span includes the quotes of a quoted key.
	Span Span
	// Name is the key without quotes and escapes.
	Name string
}

// Missing reports whether the key is not in the text: the part after the dot
// in "a. = 1", or the name in "[]". Its span is empty and lies where the key
// belongs.
func (k Key) Missing() bool { return k.Span.Start == k.Span.End }

// Entry is a key and its value.
type Entry struct {
	Span Span
	// Path has at least one part; in a broken entry parts may be missing.
	Path  []Key
	Value Value
	// Broken is set if there is an error anywhere in the entry.
	Broken bool
}

// Kind says what a value is.
type Kind uint8

// The kinds of values.
const (
	// Missing: there is nothing after the "=", or no "=".
	Missing Kind = iota
	// Invalid: there is something, but it is no value.
	Invalid
	String
	Integer
	Float
	Boolean
	// Datetime is a date, a time or both, with or without an offset.
	Datetime
	Array
	InlineTable
)

var kindNames = [...]string{
	Missing:     "missing value",
	Invalid:     "invalid value",
	String:      "string",
	Integer:     "integer",
	Float:       "float",
	Boolean:     "boolean",
	Datetime:    "date or time",
	Array:       "array",
	InlineTable: "inline table",
}

// String names the kind as a message would, such as "string".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown value"
}

// Value is the right side of an entry, or an item of an array.
type Value struct {
	// Span covers the value as written. For a missing value it is empty and
	// lies where the value belongs.
	Span Span
	Kind Kind
	// Text is the decoded text of a String, and the source of an Integer,
	// Float, Boolean, Datetime or Invalid value.
	Text string
	// Items are the elements of an Array.
	Items []Value
	// Entries are the contents of an InlineTable.
	Entries []Entry
}

// Int is the number of an Integer. It reports false for other kinds.
func (v Value) Int() (int64, bool) {
	if v.Kind != Integer {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text, 0, 64)
	return n, err == nil
}

// Float is the number of a Float or an Integer. It reports false for other
// kinds.
func (v Value) Float() (float64, bool) {
	switch v.Kind {
	case Integer:
		n, ok := v.Int()
		return float64(n), ok
	case Float:
		if strings.HasSuffix(v.Text, "nan") {
			return math.NaN(), true
		}
		f, err := strconv.ParseFloat(strings.ReplaceAll(v.Text, "_", ""), 64)
		return f, err == nil
	}
	return 0, false
}

// Bool reports whether the value is the Boolean true.
func (v Value) Bool() bool { return v.Kind == Boolean && v.Text == "true" }

// Error is a place in the text that is not TOML.
type Error struct {
	// Span is as small as it can be; it is empty only at the end of the text.
	Span Span
	// Message says what is wrong, such as "unterminated string".
	Message string
	// Hint says what to do, such as `add a closing "`. It may be empty.
	Hint string
}
