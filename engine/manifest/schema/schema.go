// Package schema is the one table of everything rigx.toml may contain: the
// sections, the kinds of targets, and the fields with their types, defaults,
// documentation and the version that brought them.
//
// Whatever needs to know a field reads it here: decoding and validation,
// completion and hover, `rigx explain`, the order in which `rigx fmt` writes
// fields, the published JSON Schema ([JSONSchema]) and the reference page
// ([Reference]). A field is added by adding a row to fields.go.
package schema

import "strings"

// Type is the TOML shape a field takes.
type Type uint8

const (
	String Type = iota
	Bool
	Strings     // a list of strings
	Ports       // a list of integers from 1 to 65535
	Scalars     // a table of strings, integers and booleans
	StringTable // a table of strings
	Volumes     // a list of tables {host, container, mode}
	Hash        // a string, or a table of strings by bucket
	Table       // a table with fields of its own
	Integer     // a whole number, 0 or more
	Number      // a number, 0 or more
	Rate        // a number from 0 to 1
	Port        // an integer from 1 to 65535
	// Records is a list of tables with fields of their own; NamedRecords is a
	// table of such tables, by names of the user's choosing.
	Records
	NamedRecords
)

// String names the type as an error message would.
func (t Type) String() string {
	return [...]string{
		"a string", "true or false", "a list of strings", "a list of port numbers",
		"a table of strings, numbers and booleans", "a table of strings",
		"a list of tables", "a string or a table of strings", "a table",
		"a whole number", "a number", "a number from 0 to 1", "a port number",
		"a list of tables", "a table of tables",
	}[t]
}

// Merge says how a variant's value combines with its target's.
type Merge uint8

const (
	// Override: the variant's value takes the place of the target's.
	Override Merge = iota
	// Append: the variant's list follows the target's.
	Append
	// MergeOver: the variant's table is laid over the target's, key by key.
	MergeOver
)

// Content says what the strings of a field mean, for checks and completion.
type Content uint8

const (
	Text      Content = iota
	Paths             // files or globs below the project
	Dirs              // directories below the project
	Outputs           // paths below $out
	Targets           // names of targets
	Nixpkgs           // attributes of nixpkgs
	GitDeps           // names of git dependencies
	Externals         // names of external inputs
	Flags             // arguments of a compiler or program
	Script            // bash
	NodeNames         // names of nodes of the same testbed
)

// KindSet is a set of kinds.
type KindSet uint16

// Has reports whether k is in the set.
func (s KindSet) Has(k Kind) bool { return k != NoKind && s&(1<<k) != 0 }

// Kinds lists the members in the table's order.
func (s KindSet) Kinds() []Kind {
	var out []Kind
	for k := Executable; k <= Capsule; k++ {
		if s.Has(k) {
			out = append(out, k)
		}
	}
	return out
}

func kinds(ks ...Kind) KindSet {
	var s KindSet
	for _, k := range ks {
		s |= 1 << k
	}
	return s
}

// Field is one row of the table. Fields are compared by pointer.
type Field struct {
	// Name as written; dotted for fields of a sub-table ("deps.internal").
	Name string
	Type Type
	// Content of the field's strings.
	Content Content
	// Interpolated fields may contain ${…}.
	Interpolated bool
	// Kinds that use the field (targets only), and those that demand it.
	Kinds, RequiredBy KindSet
	// Required in sections that are not targets.
	Required bool
	// Languages that use the field, where not all do.
	Languages []string
	// Merge is how a variant combines; NoVariant fields cannot stand in one.
	Merge     Merge
	NoVariant bool
	// Fields of each of the tables of Records and NamedRecords, and what one of
	// them is called in a message.
	Fields []*Field
	One    string
	// Values is the closed list of allowed words, if there is one.
	Values []string
	// Default as it would be written in TOML, "" when there is none.
	Default string
	// Doc is Markdown: what the field means, one or two sentences first.
	Doc string
	// Example is a value as it would be written in TOML.
	Example string
	// Since is the release that brought the field, "" for the first.
	Since string
}

// Key is the last part of the name ("internal" of "deps.internal").
func (f *Field) Key() string {
	return f.Name[strings.LastIndexByte(f.Name, '.')+1:]
}

// Member returns the field of that name in each table of a Records or
// NamedRecords field, or nil.
func (f *Field) Member(name string) *Field { return find(f.Fields, name) }

// Section is a table of rigx.toml other than a target.
type Section struct {
	// Name as in the header; sections with entries of the user's naming are
	// written as [Name.<entry>].
	Name string
	// Entries is true for [dependencies.git.<name>] and the like.
	Entries bool
	Fields  []*Field
	Doc     string
	Since   string
}

// Header is the section as a user writes it.
func (s *Section) Header() string {
	if s.Entries {
		return "[" + s.Name + ".<name>]"
	}
	return "[" + s.Name + "]"
}

// Field returns the field of that name, or nil.
func (s *Section) Field(name string) *Field { return find(s.Fields, name) }

func find(fields []*Field, name string) *Field {
	for _, f := range fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Names lists the names of fields.
func Names(fields []*Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}

// TargetField returns the field of targets with that name, or nil.
func TargetField(name string) *Field { return targetIndex[name] }

var targetIndex = func() map[string]*Field {
	index := make(map[string]*Field, len(TargetFields))
	for _, f := range TargetFields {
		index[f.Name] = f
	}
	return index
}()

// FieldsOf lists the fields that targets of kind k use, in canonical order.
func FieldsOf(k Kind) []*Field {
	var out []*Field
	for _, f := range TargetFields {
		if f.Kinds.Has(k) {
			out = append(out, f)
		}
	}
	return out
}
