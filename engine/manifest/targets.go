package manifest

import (
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// targets decodes the [targets.*] of a layer.
func (r *reading) targets(l *layer) {
	n := l.root.get("targets")
	if n == nil {
		return
	}
	if !n.isTable() {
		d := &decoder{file: l.file, diags: &r.m.diags}
		diag := d.diags.Add(diagnostic.Misplaced, d.at(n.at), "`targets` must hold tables, not be "+d.kindOf(n))
		diag.Help = append(diag.Help, "write [targets.<name>]")
		return
	}
	decoded := make([]*Target, len(n.members))
	inChunks(len(decoded), &r.m.diags, func(from, to int, found *diagnostic.List) {
		d := &decoder{file: l.file, diags: found, variables: r.m, room: &r.room}
		for i := from; i < to; i++ {
			decoded[i] = d.target(l.module, n.members[i].name, n.members[i].node)
		}
	})
	r.m.Targets = slices.Grow(r.m.Targets, len(decoded))
	for _, t := range decoded {
		if t != nil {
			r.declare(t)
		}
	}
}

// declare adds a target to the project, unless its name is taken.
func (r *reading) declare(t *Target) {
	if old := r.m.targets[t.Name]; old != nil {
		diag := r.m.diags.Add(diagnostic.Redefined, t.Local.At, "the target `"+t.Name+"` is defined twice")
		diag.Related = []diagnostic.Related{{At: old.Local.At, Message: "first defined here"}}
		return
	}
	r.m.targets[t.Name] = t
	t.index = len(r.m.Targets)
	r.m.Targets = append(r.m.Targets, t)
}

// target decodes one target; nil if it is none.
func (d *decoder) target(module *Module, name string, n *node) *Target {
	local := String{name, d.at(n.key)}
	if !n.isTable() {
		if n.value != nil && n.value.Kind == syntax.Missing {
			return nil
		}
		diag := d.diags.Add(diagnostic.WrongType, local.At, "the target `"+name+"` must be a table, not "+d.kindOf(n))
		diag.Help = append(diag.Help, "write [targets."+syntax.QuoteKey(name)+"]")
		return nil
	}
	if !d.goodName("target", local) {
		return nil
	}
	d.used = nil
	t := &Target{Name: name, Local: local, Header: d.at(n.at), Module: module}
	if module != nil {
		t.Name = module.Name + "." + name
	}
	isVariants := func(key string) bool { return key == "variants" }
	t.Fields = d.fieldsOf(n, schema.TargetFields, schema.TargetField, owner{"target", name}, isVariants)
	if kind := t.Text(schema.KindField); kind != "" {
		t.Kind = schema.ParseKind(kind)
	}
	if variants := n.get("variants"); variants != nil {
		d.variants(t, variants)
	}
	t.variables = d.used
	return t
}

// fieldsOf decodes the fields of a target or variant.
func (d *decoder) fieldsOf(n *node, table []*schema.Field, lookup func(string) *schema.Field, where owner, skip func(string) bool) Fields {
	d.faulty = nil
	values := d.fields(n, table, lookup, where, skip)
	return Fields{values: values, faulty: d.faulty}
}

func (d *decoder) variants(t *Target, n *node) {
	if !n.isTable() {
		d.diags.Add(diagnostic.WrongType, d.at(n.at), "`variants` must hold tables, not be "+d.kindOf(n))
		return
	}
	for i := range n.members {
		child := n.members[i].node
		name := String{n.members[i].name, d.at(child.key)}
		if !child.isTable() {
			d.diags.Add(diagnostic.WrongType, name.At, "the variant `"+name.Value+"` must be a table, not "+d.kindOf(child))
			continue
		}
		if !d.goodName("variant", name) {
			continue
		}
		v := &Variant{Name: name, Header: d.at(child.at)}
		v.Fields = d.fieldsOf(child, schema.VariantFields, variantField, owner{"variant", name.Value}, nil)
		t.Variants = append(t.Variants, v)
	}
}

func variantField(name string) *schema.Field {
	if f := schema.TargetField(name); f != nil && !f.NoVariant {
		return f
	}
	return nil
}

// goodName reports names that are no good; see [BadName].
func (d *decoder) goodName(what string, name String) bool {
	why := BadName(name.Value)
	if why == "" {
		return true
	}
	diag := d.diags.Add(diagnostic.BadName, name.At, "the name of this "+what+" "+why)
	diag.Help = append(diag.Help, "it becomes a file below output/; choose another name")
	return false
}

// BadName says why s cannot be the name of a target or variant: it could not
// become a file below output/, or be typed as target@variant. It is empty for
// good names.
func BadName(s string) string {
	switch {
	case s == "":
		return "is empty"
	case s == "." || s == "..":
		return "is a directory"
	case len(s) > 200:
		return "is longer than 200 bytes"
	case strings.ContainsAny(s, "/\\"):
		return "contains a slash"
	case strings.Contains(s, "@"):
		return "contains `@`, which separates target and variant"
	case strings.HasPrefix(s, "-"):
		return "begins with `-`, like an option"
	case strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) >= 0:
		return "contains a control character"
	}
	return ""
}
