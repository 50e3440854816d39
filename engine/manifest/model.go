package manifest

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Location is a place in a file.
type Location = diagnostic.Location

// String is text that knows where it was written.
type String struct {
	Value string
	At    Location
}

// Manifest is a project: the root rigx.toml with all it includes.
type Manifest struct {
	// Dir is the absolute directory of the root file.
	Dir string
	// Files in the order they were read, the root first. Files of local
	// dependencies are not among them: see [LocalDependency.Manifest].
	Files []*syntax.File

	Project   Project
	Nixpkgs   String // [nixpkgs].ref, or the default
	Vars      []*Variable
	Git       []*GitDependency
	Local     []*LocalDependency
	External  []*ExternalInput
	Remotes   []*Remote
	Modules   []*Module
	Targets   []*Target // in the order of the files, modules last
	diags     diagnostic.List
	targets   map[string]*Target
	attrs     map[string]Unit
	vars      map[string]*Variable
	gits      map[string]*GitDependency
	locals    map[string]*LocalDependency
	externals map[string]*ExternalInput
}

// Project is the [project] section.
type Project struct {
	Name, Version, Description, MinVersion String
	// Filtered is true when [project].sources is set: then Sources, Excludes
	// and RespectGitignore give the files that targets may see.
	Filtered          bool
	Sources, Excludes []String
	RespectGitignore  bool
	Install           *Install
	At                Location
}

// Install is the [project.install] section.
type Install struct {
	Bin                                      String
	BuildSystem, RuntimePath, PythonPackages []String
	At                                       Location
}

// Variable is one entry of [vars].
type Variable struct {
	Name   String
	Values []String
}

// GitDependency is one [dependencies.git.<name>].
type GitDependency struct {
	Name, URL, Rev, Attr String
	Flake, Submodules    bool
	Follows              []String
}

// LocalDependency is one [dependencies.local.<name>].
type LocalDependency struct {
	Name, Path String
	// Dir is Path relative to the root, cleaned, with forward slashes. It may
	// begin with "../": a sibling project is allowed.
	Dir   string
	Flake bool
	// Manifest of that project, or nil if it cannot be read.
	Manifest *Manifest
}

// ExternalInput is one [external_inputs.<name>].
type ExternalInput struct {
	Name         String
	Buckets      []Bucket
	RequireFiles []String
	Lazy         bool
}

// Bucket is one directory of an external input.
type Bucket struct {
	Name, Env, Hash String
}

// Bucket returns the bucket of that name, or nil.
func (e *ExternalInput) Bucket(name string) *Bucket {
	for i := range e.Buckets {
		if e.Buckets[i].Name.Value == name {
			return &e.Buckets[i]
		}
	}
	return nil
}

// Remote is one [remotes.<name>].
type Remote struct {
	Name, Store            String
	Builders, Substituters []String
}

// Module is a folder that [modules] merges in.
type Module struct {
	// Name is the prefix of its targets, "a.b" for a module in a module.
	Name string
	// Dir is its directory relative to the root, with forward slashes.
	Dir string
	// File is its rigx.toml.
	File *syntax.File
	At   Location
}

// Target is one [targets.<name>].
type Target struct {
	// Name as the command line knows it: with the module's prefix.
	Name string
	// Local is the name as written in its file.
	Local String
	// Header is the place of the whole [targets.<name>] header.
	Header Location
	// index is the place in [Manifest.Targets].
	index int
	// Module the target belongs to, nil for the root and its includes.
	Module *Module
	Kind   schema.Kind
	Fields
	Variants []*Variant
	// Edges are what the target depends on, each once, in the order
	// deps.internal, run, ${…}, deps.nixpkgs, deps.git, deps.external.
	Edges []Edge
	// variables that its lists use.
	variables []*Variable
}

// Variant is one [targets.<name>.variants.<variant>].
type Variant struct {
	Name   String
	Header Location
	Fields
}

// Dir is the directory, relative to the root, that the target's paths start
// from: "" or "module/".
func (t *Target) Dir() string {
	if t.Module == nil {
		return ""
	}
	return t.Module.Dir + "/"
}

// Variant returns the variant of that name, or nil.
func (t *Target) Variant(name string) *Variant {
	for _, v := range t.Variants {
		if v.Name.Value == name {
			return v
		}
	}
	return nil
}

// Sandboxed reports whether a test runs as a derivation.
func (t *Target) Sandboxed() bool { return t.Bool(schema.Sandbox, true) }

// Buildable reports whether the target is a derivation that others can use.
func (t *Target) Buildable() bool {
	switch {
	case t.Kind == schema.NoKind, schema.OnHost.Has(t.Kind):
		return false
	case t.Kind == schema.Test:
		return t.Sandboxed()
	}
	return true
}

// Unit is one derivation: a target, with one of its variants if it has any.
type Unit struct {
	Target  *Target
	Variant *Variant // nil when the target has none
}

// Attr is the attribute of the unit in the flake's packages: "hello",
// "hello-release", "frontend.app".
func (u Unit) Attr() string {
	if u.Variant == nil {
		return u.Target.Name
	}
	return u.Target.Name + "-" + u.Variant.Name.Value
}

// Name is the unit as typed on the command line: "hello@release".
func (u Unit) Name() string {
	if u.Variant == nil {
		return u.Target.Name
	}
	return u.Target.Name + "@" + u.Variant.Name.Value
}

// Units lists what building the target means: one for each variant in the
// order written, or the target alone.
func (t *Target) Units() []Unit {
	if len(t.Variants) == 0 {
		return []Unit{{Target: t}}
	}
	units := make([]Unit, len(t.Variants))
	for i, v := range t.Variants {
		units[i] = Unit{t, v}
	}
	return units
}

// First is the unit that the plain name stands for: the alphabetically first
// variant, if there are any.
func (t *Target) First() Unit {
	if len(t.Variants) == 0 {
		return Unit{Target: t}
	}
	first := t.Variants[0]
	for _, v := range t.Variants[1:] {
		if v.Name.Value < first.Name.Value {
			first = v
		}
	}
	return Unit{t, first}
}

// Target returns the target of that qualified name, or nil.
func (m *Manifest) Target(name string) *Target { return m.targets[name] }

// TargetIn returns the target that a file calls by that name, or nil.
func (m *Manifest) TargetIn(file *syntax.File, name string) *Target {
	if t := m.targets[name]; t != nil && t.Local.At.File == file {
		return t
	}
	for _, module := range m.Modules {
		if t := m.targets[module.Name+"."+name]; t != nil && t.Local.At.File == file {
			return t
		}
	}
	return nil
}

// Attr returns the unit whose flake attribute is attr.
func (m *Manifest) Attr(attr string) (Unit, bool) {
	if u, ok := m.attrs[attr]; ok {
		return u, true
	}
	if t := m.targets[attr]; t != nil {
		return t.First(), true
	}
	return Unit{}, false
}

// GitDep returns the git dependency of that name, or nil.
func (m *Manifest) GitDep(name string) *GitDependency { return m.gits[name] }

// LocalDep returns the local dependency of that name, or nil.
func (m *Manifest) LocalDep(name string) *LocalDependency { return m.locals[name] }

// ExternalIn returns the external input of that name, or nil.
func (m *Manifest) ExternalIn(name string) *ExternalInput { return m.externals[name] }

// Var returns the variable of that name, or nil.
func (m *Manifest) Var(name string) *Variable { return m.vars[name] }

// LocalTarget finds `localdep.target` across the boundary: the dependency, and
// the target in it if its manifest could be read.
func (m *Manifest) LocalTarget(name string) (*LocalDependency, string, bool) {
	for i := 0; i < len(name); i++ {
		if name[i] != '.' {
			continue
		}
		if dep := m.locals[name[:i]]; dep != nil {
			return dep, name[i+1:], true
		}
	}
	return nil, "", false
}

// Diagnostics returns all findings, of local dependencies too, by file and
// place.
func (m *Manifest) Diagnostics() []*diagnostic.Diagnostic {
	var all []*diagnostic.Diagnostic
	for _, sub := range m.Projects() {
		all = append(all, sub.diags.All()...)
	}
	return diagnostic.Sorted(all, m.AllFiles())
}

// AllFiles lists the files of the project and of all its local dependencies.
func (m *Manifest) AllFiles() []*syntax.File {
	var files []*syntax.File
	for _, sub := range m.Projects() {
		files = append(files, sub.Files...)
	}
	return files
}

// Projects lists the project and all it depends on, itself first.
func (m *Manifest) Projects() []*Manifest {
	var out []*Manifest
	seen := map[*Manifest]bool{}
	var visit func(*Manifest)
	visit = func(sub *Manifest) {
		if sub == nil || seen[sub] {
			return
		}
		seen[sub] = true
		out = append(out, sub)
		for _, dep := range sub.Local {
			visit(dep.Manifest)
		}
	}
	visit(m)
	return out
}

// Root is the root file.
func (m *Manifest) Root() *syntax.File { return m.Files[0] }

// TargetNames lists all targets in order.
func (m *Manifest) TargetNames() []string {
	names := make([]string, len(m.Targets))
	for i, t := range m.Targets {
		names[i] = t.Name
	}
	return names
}

// OutputName is the name of a unit's link below output/ and of its derivation:
// the attribute itself. Names are checked so that it is one path component.
func (u Unit) OutputName() string { return strings.ReplaceAll(u.Attr(), "/", "_") }
