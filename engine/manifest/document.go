package manifest

import (
	"slices"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// A node is a value in TOML's data model: what the headers, dotted keys and
// inline tables of a syntax tree add up to.
type node struct {
	// value is the leaf, nil for tables. Inline tables have both.
	value *syntax.Value
	// at is the place of the value, or of the first header or key that made
	// the table.
	at syntax.Span
	// key is where the node's own name was first written.
	key    syntax.Span
	origin origin
	// broken nodes have a syntax error somewhere, which has been reported.
	broken bool
	// table is nil for leaves, which are most of a file.
	*table
}

// table is what a node that is no leaf holds.
type table struct {
	members []member
	index   map[string]int // over members, once there are many
	// items are the tables of an array of tables.
	items []*node
}

type member struct {
	name string
	node *node
}

// origin says what created a table, which decides what may still extend it.
type origin uint8

const (
	leaf     origin = iota
	implied         // by a longer header: [a.b] implies a
	explicit        // by its own header
	dotted          // by a dotted key
	inline          // by { … }: closed
	array           // by [[ … ]]
)

const indexFrom = 9 // members; below this a scan is faster than a map

func (n *node) isTable() bool { return n != nil && n.origin != leaf && n.origin != array }

// get returns the member of that name, or nil. It accepts a nil receiver.
func (n *node) get(name string) *node {
	if n == nil || n.table == nil {
		return nil
	}
	if n.index != nil {
		if i, ok := n.index[name]; ok {
			return n.members[i].node
		}
		return nil
	}
	for i := range n.members {
		if n.members[i].name == name {
			return n.members[i].node
		}
	}
	return nil
}

func (n *node) add(name string, child *node) {
	n.members = append(n.members, member{name, child})
	switch {
	case n.index != nil:
		n.index[name] = len(n.members) - 1
	case len(n.members) >= indexFrom:
		n.index = make(map[string]int, 2*len(n.members))
		for i := range n.members {
			n.index[n.members[i].name] = i
		}
	}
}

// A builder folds the tables of one file into nodes, with TOML's rules on what
// may be defined twice.
type builder struct {
	file   *syntax.File
	diags  *diagnostic.List
	slab   []node
	tables []table
}

// buildDocument returns the root table of a file. Faults of the syntax itself
// are reported first.
func buildDocument(file *syntax.File, diags *diagnostic.List) *node {
	tree := file.Tree
	for _, e := range tree.Errors {
		d := diags.Add(diagnostic.Syntax, Location{File: file, Span: e.Span}, e.Message)
		if e.Hint != "" {
			d.Help = append(d.Help, e.Hint)
		}
	}
	b := &builder{file: file, diags: diags}
	root := b.node(node{origin: explicit})
	for i := range tree.Tables {
		t := &tree.Tables[i]
		into := root
		if i > 0 {
			if into = b.header(root, t); into == nil {
				continue
			}
		}
		b.entries(into, t.Entries)
	}
	return root
}

// node allocates from a slab: a large file has hundreds of thousands.
func (b *builder) node(n node) *node {
	if len(b.slab) == cap(b.slab) {
		b.slab = make([]node, 0, 256)
	}
	b.slab = append(b.slab, n)
	made := &b.slab[len(b.slab)-1]
	if n.origin != leaf {
		b.fill(made)
	}
	return made
}

// fill gives a node what tables hold.
func (b *builder) fill(n *node) {
	if len(b.tables) == cap(b.tables) {
		b.tables = make([]table, 0, 64)
	}
	b.tables = append(b.tables, table{})
	n.table = &b.tables[len(b.tables)-1]
}

// header finds or makes the table that [a.b.c] or [[a.b.c]] opens. It returns
// nil if the header contradicts what is there.
func (b *builder) header(root *node, t *syntax.Table) *node {
	if len(t.Path) == 0 || slices.ContainsFunc(t.Path, syntax.Key.Missing) {
		return nil
	}
	at := root
	last := len(t.Path) - 1
	for i, key := range t.Path[:last] {
		next := at.get(key.Name)
		switch {
		case next == nil:
			next = b.node(node{origin: implied, at: t.Header, key: key.Span})
			at.add(key.Name, next)
		case next.origin == array:
			next = next.items[len(next.items)-1]
		case next.origin == leaf || next.origin == inline:
			b.notATable(t.Path[:i+1], next)
			return nil
		}
		at = next
	}
	key := t.Path[last]
	old := at.get(key.Name)
	if t.Array {
		return b.arrayItem(at, old, key, t)
	}
	switch {
	case old == nil:
		n := b.node(node{origin: explicit, at: t.Header, key: key.Span})
		at.add(key.Name, n)
		return n
	case old.origin == implied:
		old.origin, old.at, old.key = explicit, t.Header, key.Span
		return old
	case old.origin == leaf || old.origin == inline:
		b.notATable(t.Path, old)
		return nil
	case old.origin == array:
		b.duplicate(key.Span, "`"+key.Name+"` is a list of tables, not a table", old)
		return old.items[len(old.items)-1]
	default:
		b.duplicate(t.Header, "the table `"+syntax.QuotePath(t.Path)+"` is defined twice", old)
		return old
	}
}

func (b *builder) arrayItem(at, old *node, key syntax.Key, t *syntax.Table) *node {
	item := b.node(node{origin: explicit, at: t.Header, key: key.Span})
	switch {
	case old == nil:
		old = b.node(node{origin: array, at: t.Header, key: key.Span})
		at.add(key.Name, old)
	case old.origin != array:
		b.duplicate(t.Header, "`"+syntax.QuotePath(t.Path)+"` is already defined and is not a list of tables", old)
		return nil
	}
	old.items = append(old.items, item)
	return item
}

func (b *builder) entries(into *node, entries []syntax.Entry) {
	into.members = slices.Grow(into.members, len(entries))
	for i := range entries {
		b.entry(into, &entries[i])
	}
}

func (b *builder) entry(into *node, e *syntax.Entry) {
	if len(e.Path) == 0 || slices.ContainsFunc(e.Path, syntax.Key.Missing) {
		return
	}
	at := into
	last := len(e.Path) - 1
	for i, key := range e.Path[:last] {
		next := at.get(key.Name)
		switch {
		case next == nil:
			next = b.node(node{origin: dotted, at: key.Span, key: key.Span})
			at.add(key.Name, next)
		case next.origin == leaf || next.origin == inline || next.origin == array:
			b.notATable(e.Path[:i+1], next)
			return
		case next.origin != dotted:
			b.duplicate(key.Span, "`"+key.Name+"` has a [table] of its own; a dotted key cannot extend it", next)
		}
		at = next
	}
	key := e.Path[last]
	if old := at.get(key.Name); old != nil {
		b.duplicate(key.Span, "the key `"+syntax.QuotePath(e.Path)+"` is defined twice", old)
		return
	}
	n := b.node(node{origin: leaf, value: &e.Value, at: e.Value.Span, key: key.Span, broken: e.Broken})
	if e.Value.Kind == syntax.Missing {
		n.at = key.Span
	}
	if e.Value.Kind == syntax.InlineTable {
		b.inline(n, e.Value.Entries)
	}
	at.add(key.Name, n)
}

func (b *builder) inline(n *node, entries []syntax.Entry) {
	// Open while its own entries are read, so that dotted keys may meet.
	n.origin = dotted
	b.fill(n)
	b.entries(n, entries)
	n.origin = inline
}

// inlineTable gives an inline table inside an array a node of its own.
func (b *builder) inlineTable(v *syntax.Value) *node {
	n := b.node(node{value: v, at: v.Span, key: v.Span})
	b.inline(n, v.Entries)
	return n
}

func (b *builder) duplicate(at syntax.Span, message string, old *node) {
	d := b.diags.Add(diagnostic.Duplicate, Location{File: b.file, Span: at}, message)
	d.Related = []diagnostic.Related{{At: Location{File: b.file, Span: old.key}, Message: "first defined here"}}
}

func (b *builder) notATable(path []syntax.Key, old *node) {
	key := path[len(path)-1]
	b.duplicate(key.Span, "`"+syntax.QuotePath(path)+"` is a value, not a table", old)
}
