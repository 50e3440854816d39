package manifest

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// A decoder turns the tables of one file into typed fields.
type decoder struct {
	file  *syntax.File
	diags *diagnostic.List
	// variables is the project whose variables "$vars.name" in a list stands
	// for; nil where they are not allowed.
	variables *Manifest
	// used collects the variables that were used.
	used []*Variable
	// room is for so many more values that variables stand for, in the whole project;
	// nil where there are none.
	room *atomic.Int64
	// faulty collects the fields whose values could not be used.
	faulty []*schema.Field
}

func (d *decoder) at(span syntax.Span) Location { return Location{File: d.file, Span: span} }

// owner of a table of fields, as a message names it.
type owner struct{ what, name string }

func (o owner) String() string {
	if o.name == "" {
		return o.what
	}
	return o.what + " `" + o.name + "`"
}

// fields decodes the members of a table by a list of fields. Keys for which
// skip is true are left to the caller.
func (d *decoder) fields(n *node, table []*schema.Field, lookup func(string) *schema.Field, where owner, skip func(string) bool) []Value {
	values := make([]Value, 0, len(n.members)+1)
	return d.level(n, "", table, lookup, where, skip, values)
}

func (d *decoder) level(n *node, prefix string, table []*schema.Field, lookup func(string) *schema.Field, where owner, skip func(string) bool, values []Value) []Value {
	for i := range n.members {
		child := n.members[i].node
		name := n.members[i].name
		if prefix != "" {
			name = prefix + name
		} else if skip != nil && skip(name) {
			continue
		}
		f := lookup(name)
		if f == nil && child.isTable() && isPrefix(table, name) {
			values = d.level(child, name+".", table, lookup, where, nil, values)
			continue
		}
		if f == nil {
			d.unknownField(child, name, table, where)
			continue
		}
		if v, ok := d.value(f, child); ok {
			values = append(values, v)
		} else {
			d.faulty = append(d.faulty, f)
		}
	}
	return values
}

func isPrefix(table []*schema.Field, name string) bool {
	for _, f := range table {
		if len(f.Name) > len(name) && f.Name[len(name)] == '.' && f.Name[:len(name)] == name {
			return true
		}
	}
	return false
}

func (d *decoder) unknownField(n *node, name string, table []*schema.Field, where owner) {
	if n.broken {
		return // still being typed; the syntax error says enough
	}
	if f := schema.TargetField(name); f != nil && f.NoVariant && where.what == "variant" {
		diag := d.diags.Add(diagnostic.UnknownField, d.at(n.key), "`"+name+"` cannot stand in a variant")
		diag.Help = append(diag.Help, "it is the same for all variants; move it to the target")
		return
	}
	diag := d.diags.Add(diagnostic.UnknownField, d.at(n.key), "unknown key `"+name+"` in "+where.String())
	if near := diagnostic.Closest(name, schema.Names(table)); near != "" {
		suggestKey(diag, name, near)
	}
}

// suggestKey attaches "did you mean" for a key; the edit is offered only when
// the text at the place is the part that differs.
func suggestKey(diag *diagnostic.Diagnostic, name, near string) {
	diag.Label = "did you mean `" + near + "`?"
	cut := strings.LastIndexByte(name, '.') + 1
	if strings.HasPrefix(near, name[:cut]) {
		diag.Suggestion = syntax.QuoteKey(near[cut:])
	}
}

// value decodes one field. It is not ok if the type was wrong, which has then
// been reported.
func (d *decoder) value(f *schema.Field, n *node) (Value, bool) {
	v := Value{Field: f, Key: d.at(n.key), At: d.at(n.at)}
	if n.value != nil && (n.value.Kind == syntax.Missing || n.value.Kind == syntax.Invalid) {
		return v, false // the syntax error has been reported
	}
	ok := false
	switch f.Type {
	case schema.String:
		if ok = n.value != nil && n.value.Kind == syntax.String; ok {
			v.Strings = []String{d.string(n.value)}
		}
	case schema.Bool:
		if ok = n.value != nil && n.value.Kind == syntax.Boolean; ok {
			v.Bool = n.value.Bool()
		}
	case schema.Strings:
		if ok = n.value != nil && n.value.Kind == syntax.Array; ok {
			v.Strings = d.strings(f, n.value)
		}
	case schema.Ports:
		if ok = n.value != nil && n.value.Kind == syntax.Array; ok {
			v.Strings = d.ports(f, n.value)
		}
	case schema.Scalars, schema.StringTable:
		if ok = n.isTable(); ok {
			v.Pairs = d.pairs(f.Name, n, f.Type == schema.Scalars)
		}
	case schema.Hash:
		if n.isTable() {
			v.Pairs, ok = d.pairs(f.Name, n, false), true
		} else if ok = n.value != nil && n.value.Kind == syntax.String; ok {
			v.Pairs = []Pair{{Value: d.string(n.value)}}
		}
	case schema.Volumes:
		v.Rows, ok = d.rows(f, n)
	case schema.Integer, schema.Number, schema.Rate, schema.Port:
		if n.value == nil {
			break
		}
		if v.Number, ok = n.value.Float(); ok && (f.Type == schema.Integer || f.Type == schema.Port) {
			ok = n.value.Kind == syntax.Integer
		}
		if ok && !d.inRange(f, n, v.Number) {
			return v, false
		}
	case schema.Records:
		v.Records, ok = d.records(f, n)
	case schema.NamedRecords:
		if ok = n.isTable(); ok {
			v.Records = d.namedRecords(f, n)
		}
	}
	if !ok {
		d.wrongType(f, n)
	}
	return v, ok
}

func (d *decoder) wrongType(f *schema.Field, n *node) {
	diag := d.diags.Add(diagnostic.WrongType, d.at(n.at),
		"`"+f.Name+"` must be "+f.Type.String()+", not "+d.kindOf(n))
	switch {
	case f.Type == schema.Strings && n.value != nil && n.value.Kind == syntax.String:
		diag.Suggestion = "[" + d.file.Tree.Text[n.at.Start:n.at.End] + "]"
		diag.Label = "write " + diag.Suggestion
	case f.Type == schema.Bool && n.value != nil && (n.value.Text == "true" || n.value.Text == "false"):
		diag.Suggestion = n.value.Text
		diag.Label = "write " + n.value.Text + " without quotes"
	case f.Example != "":
		diag.Help = append(diag.Help, "for example: "+f.Name+" = "+f.Example)
	}
}

// kindOf names what is there instead.
func (d *decoder) kindOf(n *node) string {
	switch {
	case n.origin == array:
		return "a list of tables"
	case n.value == nil || n.isTable():
		return "a table"
	}
	return valueKind(n.value.Kind)
}

func valueKind(k syntax.Kind) string {
	switch k {
	case syntax.String:
		return "a string"
	case syntax.Integer, syntax.Float:
		return "a number"
	case syntax.Boolean:
		return "a boolean"
	case syntax.Datetime:
		return "a date"
	case syntax.Array:
		return "a list"
	case syntax.InlineTable:
		return "a table"
	}
	return "nothing"
}

// string takes a string over. Neither Nix nor a process can hold a NUL.
func (d *decoder) string(v *syntax.Value) String {
	s := String{v.Text, d.at(v.Span)}
	if i := strings.IndexByte(v.Text, 0); i >= 0 {
		d.diags.Add(diagnostic.BadValue, s.Within(i, i+1), "a string must not contain a NUL character")
	}
	return s
}

func (d *decoder) strings(f *schema.Field, v *syntax.Value) []String {
	out := make([]String, 0, len(v.Items))
	for i := range v.Items {
		item := &v.Items[i]
		if item.Kind != syntax.String {
			d.wrongItem(f, item, "strings")
			continue
		}
		s := d.string(item)
		if d.variables != nil && strings.HasPrefix(s.Value, varPrefix) {
			out = d.expand(s, out)
			continue
		}
		out = append(out, s)
	}
	return out
}

func (d *decoder) wrongItem(f *schema.Field, item *syntax.Value, want string) {
	if item.Kind == syntax.Invalid || item.Kind == syntax.Missing {
		return
	}
	d.diags.Add(diagnostic.WrongType, d.at(item.Span), "`"+f.Name+"` holds "+want+", not "+valueKind(item.Kind))
}

func (d *decoder) ports(f *schema.Field, v *syntax.Value) []String {
	out := make([]String, 0, len(v.Items))
	for i := range v.Items {
		item := &v.Items[i]
		port, ok := item.Int()
		if item.Kind != syntax.Integer || !ok {
			d.wrongItem(f, item, "port numbers")
			continue
		}
		if port < 1 || port > 65535 {
			d.diags.Add(diagnostic.OutOfRange, d.at(item.Span), "port "+d.text(item.Span)+" is not between 1 and 65535")
			continue
		}
		out = append(out, String{strconv.FormatInt(port, 10), d.at(item.Span)})
	}
	return out
}

func (d *decoder) text(span syntax.Span) string { return d.file.Tree.Text[span.Start:span.End] }

// pairs decodes a table of scalars, or of strings only.
func (d *decoder) pairs(name string, n *node, scalars bool) []Pair {
	out := make([]Pair, 0, len(n.members))
	for i := range n.members {
		child := n.members[i].node
		p := Pair{Key: String{n.members[i].name, d.at(child.key)}}
		p.Value.At = d.at(child.at)
		kind := syntax.InlineTable
		if child.value != nil {
			kind = child.value.Kind
		}
		switch {
		case kind == syntax.String:
			p.Value = d.string(child.value)
		case kind == syntax.Missing || kind == syntax.Invalid:
			continue
		case scalars && kind == syntax.Boolean:
			p.Value.Value = "0"
			if child.value.Bool() {
				p.Value.Value = "1"
			}
		case scalars && (kind == syntax.Integer || kind == syntax.Float):
			p.Value.Value = d.text(child.at)
		default:
			want := "a string"
			if scalars {
				want = "a string, number or boolean"
			}
			d.diags.Add(diagnostic.WrongType, p.Value.At, "`"+name+"."+p.Key.Value+"` must be "+want+", not "+d.kindOf(child))
			continue
		}
		out = append(out, p)
	}
	return out
}

// inRange reports numbers that the type does not allow. A seed may be as large
// as an integer can be; all else is bounded so that it survives arithmetic.
func (d *decoder) inRange(f *schema.Field, n *node, number float64) bool {
	want := ""
	switch {
	case f.Type == schema.Port && (number < 1 || number > 65535):
		want = "is a port: it must be between 1 and 65535"
	case f.Type == schema.Rate && !(number >= 0 && number <= 1):
		want = "is a share: it must be between 0 and 1"
	case !(number >= 0):
		want = "must not be negative"
	case f.Type == schema.Number && number > maxNumber:
		want = "must not be more than a trillion"
	}
	if want == "" {
		return true
	}
	d.diags.Add(diagnostic.OutOfRange, d.at(n.at), "`"+f.Name+"` "+want)
	return false
}

const maxNumber = 1e12

// records decodes a list of tables, each by the fields of f.
func (d *decoder) records(f *schema.Field, n *node) ([]Record, bool) {
	items, ok := d.tables(f, n)
	records := make([]Record, 0, len(items))
	for _, item := range items {
		records = append(records, d.record(f, String{At: d.at(item.at)}, item))
	}
	return records, ok
}

// namedRecords decodes a table of tables.
func (d *decoder) namedRecords(f *schema.Field, n *node) []Record {
	records := make([]Record, 0, len(n.members))
	for i := range n.members {
		child := n.members[i].node
		name := String{n.members[i].name, d.at(child.key)}
		if !child.isTable() {
			if child.value == nil || child.value.Kind != syntax.Missing {
				d.diags.Add(diagnostic.WrongType, name.At, "the "+f.One+" `"+name.Value+"` must be a table, not "+d.kindOf(child))
			}
			continue
		}
		if d.goodName(f.One, name) {
			records = append(records, d.record(f, name, child))
		}
	}
	return records
}

func (d *decoder) record(f *schema.Field, name String, n *node) Record {
	outer := d.faulty
	where := owner{f.One, name.Value}
	if name.Value == "" {
		where.what = "a " + f.One
	}
	r := Record{Name: name, Fields: d.fieldsOf(n, f.Fields, f.Member, where, nil)}
	d.faulty = outer
	for _, member := range f.Fields {
		if member.Required && !r.sets(member) && !n.broken {
			diag := d.diags.Add(diagnostic.MissingField, name.At, "a "+f.One+" needs `"+member.Name+"`")
			diag.Help = append(diag.Help, "for example: "+member.Name+" = "+member.Example)
		}
	}
	return r
}

var volumeKeys = []string{"host", "container", "mode"}

// tables lists the tables of a list of them, written as [{…}] or as [[…]].
func (d *decoder) tables(f *schema.Field, n *node) ([]*node, bool) {
	if n.origin == array {
		return n.items, true
	}
	if n.value == nil || n.value.Kind != syntax.Array {
		return nil, false
	}
	var items []*node
	b := &builder{file: d.file, diags: d.diags}
	for i := range n.value.Items {
		item := &n.value.Items[i]
		if item.Kind != syntax.InlineTable {
			d.wrongItem(f, item, "tables")
			continue
		}
		items = append(items, b.inlineTable(item))
	}
	return items, true
}

// rows decodes a list of volumes.
func (d *decoder) rows(f *schema.Field, n *node) ([][]Pair, bool) {
	items, ok := d.tables(f, n)
	if !ok {
		return nil, false
	}
	rows := make([][]Pair, 0, len(items))
	for _, item := range items {
		row := d.pairs(f.Name, item, false)
		d.checkVolume(row, d.at(item.at))
		rows = append(rows, row)
	}
	return rows, true
}

func (d *decoder) checkVolume(row []Pair, at Location) {
	has := map[string]bool{}
	for _, p := range row {
		has[p.Key.Value] = true
		switch {
		case !contains(volumeKeys, p.Key.Value):
			diag := d.diags.Add(diagnostic.UnknownField, p.Key.At, "unknown key `"+p.Key.Value+"` in a volume")
			if near := diagnostic.Closest(p.Key.Value, volumeKeys); near != "" {
				suggestKey(diag, p.Key.Value, near)
			}
		case p.Key.Value == "mode" && p.Value.Value != "rw" && p.Value.Value != "ro":
			d.diags.Add(diagnostic.BadValue, p.Value.At, "a volume's mode is `rw` or `ro`, not `"+p.Value.Value+"`")
		}
	}
	for _, key := range volumeKeys[:2] {
		if !has[key] {
			d.diags.Add(diagnostic.MissingField, at, "a volume needs `"+key+"`")
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
