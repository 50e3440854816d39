package manifest

import (
	"slices"
	"strconv"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// Value is a decoded field.
type Value struct {
	Field *schema.Field
	// Key is the place of the field's name, At of its value.
	Key, At Location
	// Strings of a list, after variables were expanded; one for a plain
	// string; the decimal text of ports.
	Strings []String
	Bool    bool
	// Number of an integer, number, rate or port.
	Number float64
	// Pairs of a table, in order.
	Pairs []Pair
	// Rows of a list of tables.
	Rows [][]Pair
	// Records are the tables of a Records or NamedRecords field, in order.
	Records []Record
}

// Record is one table of a field that holds several, such as a link.
type Record struct {
	// Name of a table in a NamedRecords field; else only its place is set.
	Name String
	Fields
}

// Pair is one entry of a table. Numbers are their text; booleans "1" and "0".
type Pair struct {
	Key, Value String
}

// Fields are the values that a target or variant sets.
type Fields struct {
	values []Value
	// faulty fields are set, but to something that could not be used, which has
	// been reported.
	faulty []*schema.Field
}

// Values in the order written.
func (f *Fields) Values() []Value { return f.values }

// Get returns the value of a field, or nil if it is not set.
func (f *Fields) Get(field *schema.Field) *Value {
	for i := range f.values {
		if f.values[i].Field == field {
			return &f.values[i]
		}
	}
	return nil
}

// sets reports whether a field is given, be it to something unusable.
func (f *Fields) sets(field *schema.Field) bool {
	return f.Get(field) != nil || slices.Contains(f.faulty, field)
}

// List returns the strings of a list field.
func (f *Fields) List(field *schema.Field) []String {
	if v := f.Get(field); v != nil {
		return v.Strings
	}
	return nil
}

// Text returns a string field, or "" if it is not set.
func (f *Fields) Text(field *schema.Field) string {
	if v := f.Get(field); v != nil && len(v.Strings) > 0 {
		return v.Strings[0].Value
	}
	return ""
}

// Bool returns a boolean field, or otherwise if it is not set.
func (f *Fields) Bool(field *schema.Field, otherwise bool) bool {
	if v := f.Get(field); v != nil {
		return v.Bool
	}
	return otherwise
}

// Pairs returns the entries of a table field.
func (f *Fields) Pairs(field *schema.Field) []Pair {
	if v := f.Get(field); v != nil {
		return v.Pairs
	}
	return nil
}

// Number returns a number, or otherwise if it is not set.
func (f *Fields) Number(field *schema.Field, otherwise float64) float64 {
	if v := f.Get(field); v != nil {
		return v.Number
	}
	return otherwise
}

// Records returns the tables of a field.
func (f *Fields) Records(field *schema.Field) []Record {
	if v := f.Get(field); v != nil {
		return v.Records
	}
	return nil
}

// Ports returns a list of ports.
func (f *Fields) Ports() []int {
	var ports []int
	for _, s := range f.List(schema.PortsField) {
		if n, err := strconv.Atoi(s.Value); err == nil {
			ports = append(ports, n)
		}
	}
	return ports
}

// Fields of the unit: the target's, with the variant's appended, laid over or
// put in their place as the schema says for each.
func (u Unit) Fields() *Fields {
	if u.Variant == nil {
		return &u.Target.Fields
	}
	merged := Fields{values: append([]Value(nil), u.Target.values...)}
	for _, v := range u.Variant.values {
		base := merged.Get(v.Field)
		switch {
		case base == nil:
			merged.values = append(merged.values, v)
		case v.Field.Merge == schema.Append:
			base.Strings = append(base.Strings[:len(base.Strings):len(base.Strings)], v.Strings...)
		case v.Field.Merge == schema.MergeOver:
			base.Pairs = mergePairs(base.Pairs, v.Pairs)
		default:
			*base = v
		}
	}
	return &merged
}

func mergePairs(base, over []Pair) []Pair {
	out := append([]Pair(nil), base...)
next:
	for _, p := range over {
		for i := range out {
			if out[i].Key.Value == p.Key.Value {
				out[i] = p
				continue next
			}
		}
		out = append(out, p)
	}
	return out
}
