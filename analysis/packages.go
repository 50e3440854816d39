package analysis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Packages are the names in the nixpkgs that a project uses. Whoever loads a
// snapshot may know them; without them no name is doubted.
type Packages struct {
	names []string // sorted
	host  bool
}

// NewPackages takes the names over. host says that they are programs of this
// machine.
func NewPackages(names []string, host bool) *Packages {
	slices.Sort(names)
	return &Packages{names, host}
}

// Has reports whether there may be a package of that attribute path. What is in
// a set of packages is not known.
func (p *Packages) Has(attr string) bool {
	first, _, _ := strings.Cut(attr, ".")
	_, ok := slices.BinarySearch(p.names, first)
	return ok
}

// matching lists names that begin with a text, and then others that contain it,
// at most limit.
func (p *Packages) matching(typed string, limit int) []string {
	var out, others []string
	from, _ := slices.BinarySearch(p.names, typed)
	for _, name := range p.names[from:] {
		if !strings.HasPrefix(name, typed) || len(out) == limit {
			break
		}
		out = append(out, name)
	}
	if typed == "" {
		return out
	}
	for _, name := range p.names {
		if len(out)+len(others) >= limit {
			break
		}
		if strings.Contains(name, typed) && !strings.HasPrefix(name, typed) {
			others = append(others, name)
		}
	}
	return append(out, others...)
}

// checkPackages reports packages that nixpkgs does not have.
func (s *Snapshot) checkPackages(t *manifest.Target, found *diagnostic.List) {
	if s.packages == nil {
		return
	}
	check := func(name string, at manifest.Location) {
		if name == "" || s.packages.Has(name) || strings.HasPrefix(name, "$") {
			return
		}
		d := found.Add(diagnostic.NoPackage, at, "nixpkgs has no `"+name+"`")
		if s.packages.host {
			d.Code = diagnostic.HostMissing
			d.Message = "this machine has no `" + name + "`"
		}
		first, rest, _ := strings.Cut(name, ".")
		near := diagnostic.Closest(first, s.packages.names)
		if near == "" {
			return
		}
		if rest != "" {
			near += "." + rest
		}
		d.Label = fmt.Sprintf("did you mean `%s`?", near)
		d.Suggestion = near
	}
	for i := range t.Edges {
		if e := &t.Edges[i]; e.Kind == manifest.ToNixpkgs && e.At.File == t.Local.At.File {
			check(e.Name, nameIn(e.At))
		}
	}
	for _, v := range t.List(schema.NativeBuildInputs) {
		if v.At.File == t.Local.At.File {
			check(v.Value, v.Inner())
		}
	}
}

// nameIn is the place of the name itself: inside the quotes of a string, behind
// the pkgs. of a reference.
func nameIn(at manifest.Location) manifest.Location {
	text := manifest.TextAt(at)
	switch {
	case len(text) > 1 && (text[0] == '"' || text[0] == '\''):
		at.Span = syntax.Span{Start: at.Span.Start + 1, End: at.Span.End - 1}
	case strings.HasPrefix(text, "pkgs."):
		at.Span.Start += uint32(len("pkgs."))
	}
	return at
}

// maxPackages is how many packages are offered at once.
const maxPackages = 300

// packageNames offers the packages that go on with what was typed, those that
// the project uses first.
func (w *completer) packageNames(typed string, span syntax.Span) {
	used := w.usedPackages()
	for _, pkg := range used {
		w.add(Completion{Kind: DependencyCompletion, Label: pkg, Detail: "used in this project", Package: pkg, Span: span, Text: pkg})
	}
	if w.s.packages == nil {
		return
	}
	names := w.s.packages.matching(typed, maxPackages)
	w.more = w.more || len(names) == maxPackages
	for _, pkg := range names {
		if !slices.Contains(used, pkg) {
			w.add(Completion{Kind: DependencyCompletion, Label: pkg, Detail: "nixpkgs", Package: pkg, Span: span, Text: pkg})
		}
	}
}
