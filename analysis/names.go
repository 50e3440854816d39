package analysis

import (
	"slices"
	"sort"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// NameKind says what a name in rigx.toml stands for.
type NameKind uint8

// The kinds of names that users choose.
const (
	TargetName NameKind = iota
	VariantName
	VariableName
	GitName
	LocalName
	ExternalName
	BucketName
	NodeName
)

var nameKinds = [...]string{"target", "variant", "variable", "git dependency", "local dependency", "external input", "bucket", "node"}

func (k NameKind) String() string { return nameKinds[k] }

// A Symbol is a thing that has a name of the user's choosing. Symbols of one
// snapshot are equal if they are the same thing.
type Symbol struct {
	Kind NameKind
	// Text is the name as written where it is defined.
	Text string
	// At is where it is defined: the key with its name.
	At manifest.Location
	// Target of a target, a variant or a node.
	Target *manifest.Target
}

func targetSymbol(t *manifest.Target) Symbol {
	return Symbol{TargetName, t.Local.Value, t.Local.At, t}
}

func variantSymbol(u manifest.Unit) Symbol {
	return Symbol{VariantName, u.Variant.Name.Value, u.Variant.Name.At, u.Target}
}

func nodeSymbol(t *manifest.Target, name manifest.String) Symbol {
	return Symbol{NodeName, name.Value, name.At, t}
}

func named(kind NameKind, name manifest.String) Symbol {
	return Symbol{Kind: kind, Text: name.Value, At: name.At}
}

// A Mention is a place where a name is written.
type Mention struct {
	Symbol Symbol
	File   *syntax.File
	Span   syntax.Span
	// InString is set for a name in a value, and not set for a key.
	InString bool
	// Braced names stand in ${…}.
	Braced bool
}

// Defines reports whether the name is given here.
func (m Mention) Defines() bool { return m.File == m.Symbol.At.File && m.Span == m.Symbol.At.Span }

// Mentions lists the names in a file of the project or of one that it depends
// on, in order.
func (s *Snapshot) Mentions(file *syntax.File) []Mention {
	return s.mentionsIn(file, file.Tree.Tables)
}

func (s *Snapshot) mentionsIn(file *syntax.File, tables []syntax.Table) []Mention {
	w := mentioner{m: s.owner(file), file: file}
	if w.m == nil {
		return nil
	}
	for i := range tables {
		t := &tables[i]
		w.path(t.Path, 0)
		w.entries(t.Path, t.Entries)
		eachString(t, w.text)
	}
	sort.SliceStable(w.found, func(i, j int) bool { return w.found[i].Span.Start < w.found[j].Span.Start })
	return w.found
}

// owner is the project that a file belongs to.
func (s *Snapshot) owner(file *syntax.File) *manifest.Manifest {
	for _, m := range s.Manifest.Projects() {
		for _, f := range m.Files {
			if f == file {
				return m
			}
		}
	}
	return nil
}

// MentionAt returns the name under the cursor.
func (s *Snapshot) MentionAt(file *syntax.File, offset uint32) (Mention, bool) {
	c := At(file, offset)
	i := slices.IndexFunc(file.Tree.Tables, func(t syntax.Table) bool { return t.Span == c.Table.Span })
	all := s.mentionsIn(file, file.Tree.Tables[i:i+1])
	i = sort.Search(len(all), func(i int) bool { return all[i].Span.End >= offset })
	// Of two that touch the cursor the one to the right is meant.
	for i+1 < len(all) && touches(all[i+1].Span, offset) {
		i++
	}
	if i < len(all) && touches(all[i].Span, offset) {
		return all[i], true
	}
	return Mention{}, false
}

// References lists all places where a symbol is named, file by file.
func (s *Snapshot) References(sym Symbol) []Mention {
	var out []Mention
	for _, file := range s.Manifest.AllFiles() {
		for _, m := range s.Mentions(file) {
			if m.Symbol == sym {
				out = append(out, m)
			}
		}
	}
	return out
}

// A mentioner collects the names of one file.
type mentioner struct {
	m     *manifest.Manifest
	file  *syntax.File
	found []Mention
}

// entries finds the names among keys.
func (w *mentioner) entries(above []syntax.Key, entries []syntax.Entry) {
	for i := range entries {
		e := &entries[i]
		path := join(above, e.Path)
		w.path(path, len(above))
		w.entries(path, e.Value.Entries)
	}
}

func (w *mentioner) key(sym Symbol, key syntax.Key) {
	w.found = append(w.found, Mention{Symbol: sym, File: w.file, Span: key.Span})
}

// path finds the names among the keys of a path, from one of them on.
func (w *mentioner) path(path []syntax.Key, from int) {
	if len(path) < 2 {
		return
	}
	at := func(i int) bool { return i >= from && i < len(path) }
	switch path[0].Name {
	case "targets":
		t := w.m.TargetIn(w.file, path[1].Name)
		if t == nil {
			return
		}
		if at(1) {
			w.key(targetSymbol(t), path[1])
		}
		if at(3) && path[2].Name == "variants" {
			if v := t.Variant(path[3].Name); v != nil {
				w.key(variantSymbol(manifest.Unit{Target: t, Variant: v}), path[3])
			}
		}
		if at(3) && path[2].Name == schema.Nodes.Name {
			if name, ok := node(t, path[3].Name); ok {
				w.key(nodeSymbol(t, name), path[3])
			}
		}
	case "vars":
		if v := w.m.Var(path[1].Name); v != nil && at(1) {
			w.key(named(VariableName, v.Name), path[1])
		}
	case "dependencies":
		if !at(2) {
			return
		}
		if g := w.m.GitDep(path[2].Name); g != nil && path[1].Name == "git" {
			w.key(named(GitName, g.Name), path[2])
		}
		if l := w.m.LocalDep(path[2].Name); l != nil && path[1].Name == "local" {
			w.key(named(LocalName, l.Name), path[2])
		}
	case "external_inputs":
		in := w.m.ExternalIn(path[1].Name)
		if in == nil {
			return
		}
		if at(1) {
			w.key(named(ExternalName, in.Name), path[1])
		}
		if at(3) && (path[2].Name == "buckets" || path[2].Name == "sha256") {
			if b := in.Bucket(path[3].Name); b != nil {
				w.key(named(BucketName, b.Name), path[3])
			}
		}
	}
}

// node returns the node of a testbed as it is defined.
func node(t *manifest.Target, name string) (manifest.String, bool) {
	if t != nil {
		for _, n := range t.Records(schema.Nodes) {
			if n.Name.Value == name {
				return n.Name, true
			}
		}
	}
	return manifest.String{}, false
}

// text finds the names in a string, by what the field holds.
func (w *mentioner) text(p Place, v *syntax.Value) {
	text, target := v.Text, w.m.TargetIn(w.file, p.Target)
	if p.Target == "" {
		if p.Section == schema.ExternalInput && p.Field.Name == "require_files" {
			if _, bucket, ok := strings.Cut(text, "@"); ok {
				if in := w.m.ExternalIn(p.Entry); in != nil && in.Bucket(bucket) != nil {
					w.part(named(BucketName, in.Bucket(bucket).Name), v, len(text)-len(bucket), len(text), false)
				}
			}
		}
		return
	}
	if name, ok := manifest.VariableReference(text); ok {
		if found := w.m.Var(name); found != nil {
			w.part(named(VariableName, found.Name), v, len(text)-len(name), len(text), false)
		}
		return
	}
	switch p.Field.Content {
	case schema.NodeNames:
		if name, ok := node(target, text); ok {
			w.part(nodeSymbol(target, name), v, 0, len(text), false)
		}
	case schema.Targets:
		if ref, ok := w.m.ResolveTarget(target, text); ok {
			w.reference(ref, text, v, 0, false)
		}
	case schema.GitDeps:
		if g := w.m.GitDep(text); g != nil {
			w.part(named(GitName, g.Name), v, 0, len(text), false)
		}
	case schema.Externals:
		if in := w.m.ExternalIn(text); in != nil {
			w.part(named(ExternalName, in.Name), v, 0, len(text), false)
		}
	}
	if p.Field.Interpolated && manifest.Interpolates(text) {
		parts, _ := manifest.ParseTemplate(text)
		for _, part := range parts {
			if part.Ref == "" {
				continue
			}
			if ref, ok := w.m.Resolve(target, part.Ref); ok {
				w.reference(ref, part.Ref, v, part.Start, true)
			}
		}
	}
}

// part adds a mention of the bytes from…to of a decoded string.
func (w *mentioner) part(sym Symbol, v *syntax.Value, from, to int, braced bool) {
	text := w.file.Tree.Text
	w.found = append(w.found, Mention{
		Symbol: sym, File: w.file, InString: true, Braced: braced,
		Span: syntax.Span{Start: syntax.SourceOffset(text, v.Span, from), End: syntax.SourceOffset(text, v.Span, to)},
	})
}

// reference adds the names that a reference is made of: hello@release is a
// target and a variant, front.app a dependency and a target of another project.
func (w *mentioner) reference(ref manifest.Reference, name string, v *syntax.Value, at int, braced bool) {
	switch ref.Kind {
	case manifest.ToTarget:
		w.unit(ref.Unit, name, v, at, braced)
	case manifest.ToLocal:
		dep := ref.Local.Name.Value
		w.part(named(LocalName, ref.Local.Name), v, at, at+len(dep), braced)
		if there := ref.Local.Manifest; there != nil {
			rest := name[len(dep)+1:]
			if inner, ok := there.ResolveTarget(nil, rest); ok {
				w.reference(inner, rest, v, at+len(dep)+1, braced)
			}
		}
	case manifest.ToGit:
		w.part(named(GitName, ref.Git.Name), v, at, at+len(name), braced)
	case manifest.ToExternal:
		in := ref.External.Name.Value
		w.part(named(ExternalName, ref.External.Name), v, at, at+len(in), braced)
		w.part(named(BucketName, ref.Bucket.Name), v, at+len(in)+1, at+len(name), braced)
	}
}

func (w *mentioner) unit(u manifest.Unit, name string, v *syntax.Value, at int, braced bool) {
	t := u.Target
	base := name
	if u.Variant != nil && name != t.Name && name != t.Local.Value {
		// hello@release, or the attribute hello-release
		variant := u.Variant.Name.Value
		if cut := len(name) - len(variant) - 1; cut > 0 && name[cut+1:] == variant && (name[cut] == '@' || name[cut] == '-') {
			base = name[:cut]
			defer w.part(variantSymbol(u), v, at+cut+1, at+len(name), braced)
		}
	}
	if strings.HasSuffix(base, t.Local.Value) {
		w.part(targetSymbol(t), v, at+len(base)-len(t.Local.Value), at+len(base), braced)
	}
}
