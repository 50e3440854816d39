package manifest

import (
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
	d := &decoder{file: l.file, diags: &r.m.diags, expand: r.m.expander()}
	if !n.isTable() {
		diag := d.diags.Add(diagnostic.Misplaced, d.at(n.at), "`targets` must hold tables, not be "+d.kindOf(n))
		diag.Help = append(diag.Help, "write [targets.<name>]")
		return
	}
	for i := range n.members {
		r.target(d, l, n.members[i].name, n.members[i].node)
	}
}

func (r *reading) target(d *decoder, l *layer, name string, n *node) {
	local := String{name, d.at(n.key)}
	if !n.isTable() {
		if n.value != nil && n.value.Kind == syntax.Missing {
			return
		}
		diag := d.diags.Add(diagnostic.WrongType, local.At, "the target `"+name+"` must be a table, not "+d.kindOf(n))
		diag.Help = append(diag.Help, "write [targets."+syntax.QuoteKey(name)+"]")
		return
	}
	if !r.m.goodName("target", local) {
		return
	}
	t := &Target{Name: name, Local: local, Header: d.at(n.at), Module: l.module}
	if l.module != nil {
		t.Name = l.module.Name + "." + name
	}
	if old := r.m.targets[t.Name]; old != nil {
		diag := r.m.diags.Add(diagnostic.Redefined, local.At, "the target `"+t.Name+"` is defined twice")
		diag.Related = []diagnostic.Related{{At: old.Local.At, Message: "first defined here"}}
		return
	}
	where := "target `" + name + "`"
	isVariants := func(key string) bool { return key == "variants" }
	t.Fields = d.fieldsOf(n, schema.TargetFields, schema.TargetField, where, isVariants)
	if kind := t.Text(schema.KindField); kind != "" {
		t.Kind = schema.ParseKind(kind)
	}
	if variants := n.get("variants"); variants != nil {
		r.variants(d, t, variants)
	}
	r.m.targets[t.Name] = t
	r.m.Targets = append(r.m.Targets, t)
}

// fieldsOf decodes the fields of a target or variant.
func (d *decoder) fieldsOf(n *node, table []*schema.Field, lookup func(string) *schema.Field, where string, skip func(string) bool) Fields {
	d.faulty = nil
	values := d.fields(n, table, lookup, where, skip)
	return Fields{values: values, faulty: d.faulty}
}

func (r *reading) variants(d *decoder, t *Target, n *node) {
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
		if !r.m.goodName("variant", name) {
			continue
		}
		v := &Variant{Name: name, Header: d.at(child.at)}
		v.Fields = d.fieldsOf(child, schema.VariantFields, variantField, "variant `"+name.Value+"`", nil)
		t.Variants = append(t.Variants, v)
	}
}

func variantField(name string) *schema.Field {
	if f := schema.TargetField(name); f != nil && !f.NoVariant {
		return f
	}
	return nil
}

// goodName reports names that could not become a file below output/ or be
// typed as target@variant.
func (m *Manifest) goodName(what string, name String) bool {
	why := ""
	switch s := name.Value; {
	case s == "":
		why = "is empty"
	case s == "." || s == "..":
		why = "is a directory"
	case len(s) > 200:
		why = "is longer than 200 bytes"
	case strings.ContainsAny(s, "/\\"):
		why = "contains a slash"
	case strings.Contains(s, "@"):
		why = "contains `@`, which separates target and variant"
	case strings.HasPrefix(s, "-"):
		why = "begins with `-`, like an option"
	case strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) >= 0:
		why = "contains a control character"
	}
	if why == "" {
		return true
	}
	d := m.diags.Add(diagnostic.BadName, name.At, "the name of this "+what+" "+why)
	d.Help = append(d.Help, "it becomes a file below output/; choose another name")
	return false
}
