package manifest

import (
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// EdgeKind says what a target depends on.
type EdgeKind uint8

const (
	// ToTarget: a target of this project.
	ToTarget EdgeKind = iota
	// ToLocal: `localdep.target` of another project.
	ToLocal
	// ToNixpkgs: an attribute of nixpkgs.
	ToNixpkgs
	// ToGit: a git dependency.
	ToGit
	// ToExternal: an external input.
	ToExternal
)

// Edge is one dependency of a target.
type Edge struct {
	Kind EdgeKind
	// Name as the graph shows it: the qualified name of a target, the name of
	// a dependency or package.
	Name string
	// Unit for ToTarget: the target, and the variant if one was named.
	Unit Unit
	// At is where the dependency is written.
	At Location
}

// Reference is what a name in deps.internal, run or ${…} means.
type Reference struct {
	Kind EdgeKind
	Unit Unit // ToTarget
	// Local and Attr for ToLocal: the dependency and the attribute in it.
	Local *LocalDependency
	Attr  string
	Git   *GitDependency // ToGit
	// External and Bucket for ToExternal.
	External *ExternalInput
	Bucket   *Bucket
	// Package for ToNixpkgs: the attribute path of ${pkgs.attr}.
	Package string
}

// Edge of the graph that the reference makes.
func (r Reference) edge(at Location) Edge {
	e := Edge{Kind: r.Kind, At: at, Unit: r.Unit}
	switch r.Kind {
	case ToTarget:
		e.Name = r.Unit.Target.Name
	case ToLocal:
		e.Name = r.Local.Name.Value + "." + r.Attr
	case ToGit:
		e.Name = r.Git.Name.Value
	case ToExternal:
		e.Name = r.External.Name.Value
	case ToNixpkgs:
		e.Name = r.Package
	}
	return e
}

// ResolveTarget finds what a name in deps.internal or run means, as seen from
// target t: the same module's target first, then the project's, then
// `target@variant` and the attribute of a variant, then another project's.
func (m *Manifest) ResolveTarget(t *Target, name string) (Reference, bool) {
	if t != nil && t.Module != nil {
		if other := m.targets[t.Module.Name+"."+name]; other != nil {
			return Reference{Unit: other.First()}, true
		}
	}
	if other := m.targets[name]; other != nil {
		return Reference{Unit: other.First()}, true
	}
	if target, variant, ok := cutLast(name, "@"); ok {
		ref, found := m.ResolveTarget(t, target)
		switch {
		case !found:
		case ref.Kind == ToTarget:
			if v := ref.Unit.Target.Variant(variant); v != nil {
				return Reference{Unit: Unit{ref.Unit.Target, v}}, true
			}
		case ref.Local.Manifest != nil:
			if there, ok := ref.Local.Manifest.ResolveTarget(nil, ref.Attr+"@"+variant); ok && there.Kind == ToTarget {
				ref.Attr = there.Unit.Attr()
				return ref, true
			}
		}
		return Reference{}, false
	}
	if t != nil && t.Module != nil {
		if u, ok := m.attrs[t.Module.Name+"."+name]; ok {
			return Reference{Unit: u}, true
		}
	}
	if u, ok := m.attrs[name]; ok {
		return Reference{Unit: u}, true
	}
	if dep, attr, ok := m.LocalTarget(name); ok && dep.has(attr) {
		return Reference{Kind: ToLocal, Local: dep, Attr: attr}, true
	}
	return Reference{}, false
}

// has reports whether the other project has that target. One that cannot be
// read is given the benefit of the doubt: its own error is reported already.
func (dep *LocalDependency) has(attr string) bool {
	if dep.Manifest == nil {
		return true
	}
	if _, ok := dep.Manifest.Attr(attr); ok {
		return true
	}
	_, ok := dep.Manifest.ResolveTarget(nil, attr)
	return ok
}

// Resolve finds what the name in ${name} means, as seen from target t.
func (m *Manifest) Resolve(t *Target, name string) (Reference, bool) {
	if ref, ok := m.ResolveTarget(t, name); ok {
		return ref, true
	}
	if git := m.gits[name]; git != nil {
		return Reference{Kind: ToGit, Git: git}, true
	}
	if pkg, ok := strings.CutPrefix(name, "pkgs."); ok && pkg != "" {
		return Reference{Kind: ToNixpkgs, Package: pkg}, true
	}
	for i := 0; i < len(name); i++ {
		if name[i] != '.' {
			continue
		}
		if in := m.externals[name[:i]]; in != nil {
			if b := in.Bucket(name[i+1:]); b != nil {
				return Reference{Kind: ToExternal, External: in, Bucket: b}, true
			}
		}
	}
	return Reference{}, false
}

// resolve names the attributes of all units, and then finds the edges of all
// targets and judges them.
func (m *Manifest) resolve() {
	for _, t := range m.Targets {
		for _, v := range t.Variants {
			m.addAttr(Unit{t, v})
		}
	}
	// Each chunk has its part of the comparisons, but enough for two wrong names.
	compare := max(maxCompared*chunk/max(len(m.Targets), chunk), 2*len(m.Targets))
	inChunks(len(m.Targets), &m.diags, func(from, to int, found *diagnostic.List) {
		r, c := resolver{m: m, diags: found, compare: compare}, checker{found}
		for _, t := range m.Targets[from:to] {
			r.target(t)
			c.target(t)
		}
	})
	m.findCycles()
}

func (m *Manifest) addAttr(u Unit) {
	attr := u.Attr()
	var other Location
	if t := m.targets[attr]; t != nil {
		other = t.Local.At
	} else if old, ok := m.attrs[attr]; ok {
		other = old.Variant.Name.At
	} else {
		m.attrs[attr] = u
		return
	}
	d := m.diags.Add(diagnostic.Collision, u.Variant.Name.At, "the variant `"+u.Name()+"` and another target would both be called `"+attr+"`")
	d.Related = []diagnostic.Related{{At: other, Message: "the other one"}}
}

// A resolver collects the edges of one target after the other.
type resolver struct {
	m     *Manifest
	diags *diagnostic.List
	t     *Target
	names []string          // of all targets, made when first needed
	near  map[string]string // what closestTarget found
	// compare is how many names closestTarget may still look at. A file in which
	// every name is wrong must not cost the square of its size.
	compare int
	// edges of t by identity, once there are many.
	edges map[edgeKey]bool
}

// maxCompared bounds the search for similar names in a file, about 50 ms.
const maxCompared = 1_000_000

type edgeKey struct {
	kind EdgeKind
	name string
	unit Unit
}

// closestTarget is the target whose name is most like name, or "".
func (r *resolver) closestTarget(name string) string {
	key := name
	if r.t.Module != nil {
		key = r.t.Module.Name + "\n" + name
	}
	near, known := r.near[key]
	if !known && r.compare > 0 {
		names := r.targetNames()
		r.compare -= len(names)
		near = diagnostic.Closest(name, names)
		if r.near == nil {
			r.near = map[string]string{}
		}
		r.near[key] = near
	}
	return near
}

func (r *resolver) target(t *Target) {
	r.t, r.edges = t, nil
	t.Edges = make([]Edge, 0, len(t.List(schema.DepsInternal))+len(t.List(schema.DepsNixpkgs))+2)
	r.dependencies(t)
	r.references(&t.Fields)
	for _, v := range t.Variants {
		r.references(&v.Fields)
	}
	r.listed(schema.DepsNixpkgs, ToNixpkgs, func(String) bool { return true })
	r.listed(schema.DepsGit, ToGit, r.git)
	r.listed(schema.DepsExternal, ToExternal, r.external)
}

// dependencies resolves deps.internal and run.
func (r *resolver) dependencies(t *Target) {
	var seen distinct
	for _, s := range t.List(schema.DepsInternal) {
		if !seen.add(s.Value) {
			r.twice(schema.DepsInternal, s)
			continue
		}
		ref, ok := r.m.ResolveTarget(t, s.Value)
		if !ok {
			r.unknownTarget(schema.DepsInternal, s)
			continue
		}
		r.use(ref, s.At)
	}
	r.nodes(t)
	r.testbed(t)
	v := t.Get(schema.RunField)
	if v == nil {
		return
	}
	s := v.Strings[0]
	if ref, ok := r.m.ResolveTarget(t, s.Value); ok {
		if ref.Kind == ToTarget && !programs.Has(ref.Unit.Target.Kind) && ref.Unit.Target.Buildable() {
			d := r.diags.Add(diagnostic.NotAProgram, s.Inner(), "`"+s.Value+"` is a "+ref.Unit.Target.Kind.String()+" target, which is no program to run")
			d.Related = []diagnostic.Related{{At: ref.Unit.Target.Local.At, Message: "declared here"}}
		}
		r.use(ref, s.At)
	} else if len(t.List(schema.DepsNixpkgs)) > 0 || s.Value == "" {
		return // it comes from there, or is reported as empty
	} else if near := r.closestTarget(s.Value); near != "" {
		d := r.diags.Add(diagnostic.LooksLikeTarget, s.Inner(), "`"+s.Value+"` is not a target, so it is looked up on PATH")
		offer(d, near)
	}
}

// programs are the kinds that may have a bin/<name>.
const programs = schema.KindSet(1<<schema.Executable | 1<<schema.PythonScript | 1<<schema.Custom)

// use adds the edge of a reference, unless nothing can be used there.
func (r *resolver) use(ref Reference, at Location) {
	if ref.Kind == ToTarget && !ref.Unit.Target.Buildable() && ref.Unit.Target.Kind != schema.NoKind {
		other := ref.Unit.Target
		what := "a " + other.Kind.String() + " target"
		if other.Kind == schema.Test {
			what = "a test with `sandbox = false`"
		}
		// A host script may name another: it is told to run, not to be used.
		d := r.diags.Add(diagnostic.NotBuildable, at, "`"+other.Name+"` is "+what+" and produces nothing to depend on")
		d.Related = []diagnostic.Related{{At: other.Local.At, Message: "declared here"}}
		return
	}
	r.add(ref.edge(at))
}

func (r *resolver) add(e Edge) {
	key := edgeKey{e.Kind, e.Name, e.Unit}
	if r.edges == nil {
		for i := range r.t.Edges {
			if r.t.Edges[i].key() == key {
				return
			}
		}
		if len(r.t.Edges) == indexFrom {
			r.edges = map[edgeKey]bool{}
			for i := range r.t.Edges {
				r.edges[r.t.Edges[i].key()] = true
			}
		}
	}
	if r.edges != nil {
		if r.edges[key] {
			return
		}
		r.edges[key] = true
	}
	r.t.Edges = append(r.t.Edges, e)
}

func (e *Edge) key() edgeKey { return edgeKey{e.Kind, e.Name, e.Unit} }

func (r *resolver) targetNames() []string {
	if r.names == nil {
		r.names = r.m.TargetNames()
	}
	if r.t.Module == nil {
		return r.names
	}
	// Inside a module the short names of its own targets count as well.
	names := r.names
	prefix := r.t.Module.Name + "."
	for _, name := range r.names {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			names = append(names[:len(names):len(names)], short)
		}
	}
	return names
}

func (r *resolver) unknownTarget(field *schema.Field, s String) {
	if target, variant, ok := cutLast(s.Value, "@"); ok {
		if ref, found := r.m.ResolveTarget(r.t, target); found && ref.Kind == ToTarget {
			r.unknownVariant(ref.Unit.Target, variant, s.At)
			return
		}
	}
	d := r.diags.Add(diagnostic.UnknownTarget, s.Inner(), "unknown target `"+s.Value+"` in "+field.Name)
	if dep, attr, ok := r.m.LocalTarget(s.Value); ok && dep.Manifest != nil {
		d.Message = "the project `" + dep.Name.Value + "` has no target `" + attr + "`"
		if near := diagnostic.Closest(attr, dep.Manifest.TargetNames()); near != "" {
			offer(d, dep.Name.Value+"."+near)
		}
		return
	}
	if r.m.GitDep(s.Value) != nil {
		d.Help = append(d.Help, "`"+s.Value+"` is a git dependency: list it in deps.git")
		return
	}
	offer(d, r.closestTarget(s.Value))
}

func (r *resolver) unknownVariant(t *Target, variant string, at Location) {
	names := make([]string, len(t.Variants))
	for i, v := range t.Variants {
		names[i] = v.Name.Value
	}
	d := r.diags.Add(diagnostic.UnknownVariant, at, "the target `"+t.Name+"` has no variant `"+variant+"`")
	if near := diagnostic.Closest(variant, names); near != "" {
		d.Label = "did you mean `" + near + "`?"
	} else if len(names) > 0 {
		d.Help = append(d.Help, "it has: "+strings.Join(names, ", "))
	}
}

func (r *resolver) listed(field *schema.Field, kind EdgeKind, known func(String) bool) {
	var seen distinct
	for _, s := range r.t.List(field) {
		if !seen.add(s.Value) {
			r.twice(field, s)
		} else if known(s) {
			r.add(Edge{Kind: kind, Name: s.Value, At: s.At})
		}
	}
}

// distinct holds the strings of a list that were seen so far.
type distinct struct {
	few  []string
	many map[string]bool
}

// add reports whether s is new.
func (d *distinct) add(s string) bool {
	switch {
	case d.many != nil:
		if d.many[s] {
			return false
		}
		d.many[s] = true
		return true
	case slices.Contains(d.few, s):
		return false
	}
	d.few = append(d.few, s)
	if len(d.few) == indexFrom {
		d.many = make(map[string]bool, 2*indexFrom)
		for _, s := range d.few {
			d.many[s] = true
		}
	}
	return true
}

func (r *resolver) twice(field *schema.Field, s String) {
	r.diags.Add(diagnostic.ListedTwice, s.At, "`"+s.Value+"` is listed twice in "+field.Name)
}

func (r *resolver) git(s String) bool {
	if r.m.gits[s.Value] != nil {
		return true
	}
	names := make([]string, len(r.m.Git))
	for i, g := range r.m.Git {
		names[i] = g.Name.Value
	}
	d := r.diags.Add(diagnostic.UnknownGit, s.Inner(), "unknown git dependency `"+s.Value+"`")
	suggest(d, s.Value, names, "[dependencies.git."+syntax.QuoteKey(s.Value)+"]")
	return false
}

func (r *resolver) external(s String) bool {
	if r.m.externals[s.Value] != nil {
		return true
	}
	names := make([]string, len(r.m.External))
	for i, e := range r.m.External {
		names[i] = e.Name.Value
	}
	d := r.diags.Add(diagnostic.UnknownExternal, s.Inner(), "unknown external input `"+s.Value+"`")
	suggest(d, s.Value, names, "[external_inputs."+syntax.QuoteKey(s.Value)+"]")
	return false
}

// suggest offers the nearest name, or else the section to add.
func suggest(d *diagnostic.Diagnostic, name string, names []string, section string) {
	if !didYouMean(d, name, names) {
		d.Help = append(d.Help, "add "+section)
	}
}

// didYouMean offers the candidate most like name. The diagnostic is to stand
// at the text inside a string's quotes, which the candidate may replace.
func didYouMean(d *diagnostic.Diagnostic, name string, candidates []string) bool {
	return offer(d, diagnostic.Closest(name, candidates))
}

// offer suggests a name, unless it is empty.
func offer(d *diagnostic.Diagnostic, near string) bool {
	if near == "" {
		return false
	}
	d.Label = "did you mean `" + near + "`?"
	if !strings.ContainsFunc(near, func(c rune) bool { return c < ' ' || c == '"' || c == '\'' || c == '\\' }) {
		d.Suggestion = near
	}
	return true
}

// references adds an edge for every ${…} in the interpolated fields.
func (r *resolver) references(f *Fields) {
	for i := range f.values {
		v := &f.values[i]
		for j := range v.Records {
			r.references(&v.Records[j].Fields)
		}
		if !v.Field.Interpolated {
			continue
		}
		for j := range v.Strings {
			r.template(v.Strings[j])
		}
		for j := range v.Pairs {
			r.template(v.Pairs[j].Value)
		}
	}
}

func (r *resolver) template(s String) {
	if !Interpolates(s.Value) {
		return
	}
	parts, errs := ParseTemplate(s.Value)
	host := !r.t.Buildable() // there, other ${…} are the shell's
	for _, e := range errs {
		if !host {
			d := r.diags.Add(diagnostic.BadInterpolation, s.Within(e.Start, e.End), e.Message)
			d.Help = append(d.Help, "for a literal `${` write `''${`")
		}
	}
	for _, p := range parts {
		if p.Ref == "" {
			continue
		}
		at := s.Within(p.Start, p.End)
		if ref, ok := r.m.Resolve(r.t, p.Ref); ok {
			r.use(ref, at)
		} else if !host {
			r.unknownReference(p.Ref, at)
		}
	}
}

func (r *resolver) unknownReference(name string, at Location) {
	d := r.diags.Add(diagnostic.UnknownReference, at, "`${"+name+"}` refers to nothing")
	var others []string
	for _, in := range r.m.External {
		for _, b := range in.Buckets {
			others = append(others, in.Name.Value+"."+b.Name.Value)
		}
	}
	for _, git := range r.m.Git {
		others = append(others, git.Name.Value)
	}
	if offer(d, r.closestTarget(name)) || didYouMean(d, name, others) {
		return
	}
	d.Help = append(d.Help, "for a variable of the shell write `$"+name+"` or `''${"+name+"}`")
}

// Inner is the place of the text without its quotes.
func (s String) Inner() Location { return s.Within(0, len(s.Value)) }

// Within is the place of the bytes from start to end of the decoded string.
func (s String) Within(start, end int) Location {
	text := s.At.File.Tree.Text
	return Location{File: s.At.File, Span: syntax.Span{
		Start: syntax.SourceOffset(text, s.At.Span, start),
		End:   syntax.SourceOffset(text, s.At.Span, end),
	}}
}
