package engine

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/source"
)

// Selected is one thing to build: a unit of this project, or a target of a
// local dependency.
type Selected struct {
	// Attr in the flake's packages, and the name of the link below output/.
	Attr string
	// Unit is the zero value for targets of a local dependency.
	Unit manifest.Unit
}

// Select turns names from the command line into what to build: `hello` (with
// all its variants), `hello@release`, `frontend.app`, or a glob over the names
// of targets. No names mean everything that `rigx build` builds.
func (w *Workspace) Select(names []string) ([]Selected, error) {
	if len(names) == 0 {
		return w.everything(), nil
	}
	s := selection{w: w, taken: map[string]bool{}}
	for _, name := range names {
		if err := s.name(name); err != nil {
			return nil, err
		}
	}
	return s.out, nil
}

func (w *Workspace) everything() []Selected {
	s := selection{w: w, taken: map[string]bool{}}
	for _, t := range w.Manifest.Targets {
		if t.Buildable() && t.Kind != schema.Test {
			s.target(t)
		}
	}
	return s.out
}

type selection struct {
	w     *Workspace
	out   []Selected
	taken map[string]bool
}

func (s *selection) add(sel Selected) {
	if !s.taken[sel.Attr] {
		s.taken[sel.Attr] = true
		s.out = append(s.out, sel)
	}
}

func (s *selection) target(t *manifest.Target) {
	for _, u := range t.Units() {
		s.add(Selected{u.Attr(), u})
	}
}

func (s *selection) name(name string) error {
	m := s.w.Manifest
	name, err := s.w.ownName(name)
	if err != nil {
		return err
	}
	base, variant, hasVariant := strings.Cut(name, "@")
	switch t := m.Target(base); {
	case t != nil && !t.Buildable(), t != nil && t.Kind == schema.Test:
		return notBuilt(t)
	case t != nil && hasVariant:
		v := t.Variant(variant)
		if v == nil {
			return unknownVariant(t, variant)
		}
		u := manifest.Unit{Target: t, Variant: v}
		s.add(Selected{u.Attr(), u})
		return nil
	case t != nil:
		s.target(t)
		return nil
	}
	if dep, attr, ok := m.LocalTarget(base); ok && dep.Manifest != nil {
		return s.local(dep, attr, variant)
	}
	if u, ok := m.Attr(name); ok {
		s.add(Selected{u.Attr(), u})
		return nil
	}
	if source.HasMeta(base) {
		return s.glob(base, variant)
	}
	return unknownTarget(name, m)
}

// local selects a target of another project, whose attributes this project's
// flake hands on as dep.attr.
func (s *selection) local(dep *manifest.LocalDependency, attr, variant string) error {
	sub := &Workspace{Manifest: dep.Manifest}
	if variant != "" {
		attr += "@" + variant
	}
	found, err := sub.Select([]string{attr})
	if err != nil {
		return err
	}
	for _, f := range found {
		s.add(Selected{Attr: dep.Name.Value + "." + f.Attr})
	}
	return nil
}

func (s *selection) glob(pattern, variant string) error {
	matched := false
	for _, t := range s.w.Manifest.Targets {
		if !t.Buildable() || t.Kind == schema.Test || !source.Match(pattern, t.Name) {
			continue
		}
		if variant == "" {
			s.target(t)
			matched = true
			continue
		}
		for _, v := range t.Variants {
			if source.Match(variant, v.Name.Value) {
				u := manifest.Unit{Target: t, Variant: v}
				s.add(Selected{u.Attr(), u})
				matched = true
			}
		}
	}
	if !matched {
		return &Error{Code: diagnostic.UnknownTarget, Message: "no target matches `" + pattern + "`", Help: []string{"`rigx list` shows the targets"}}
	}
	return nil
}

func notBuilt(t *manifest.Target) error {
	verb := "run"
	if t.Kind == schema.Test {
		verb = "test"
	}
	return &Error{
		Code:    diagnostic.NotBuildable,
		Message: "`" + t.Name + "` is a " + t.Kind.String() + " target, which is not built",
		Help:    []string{"use `rigx " + verb + " " + t.Name + "`"},
	}
}

func unknownVariant(t *manifest.Target, variant string) error {
	e := failure(diagnostic.UnknownVariant, "the target `%s` has no variant `%s`", t.Name, variant)
	var names []string
	for _, v := range t.Variants {
		names = append(names, v.Name.Value)
	}
	if len(names) == 0 {
		e.Help = []string{"it has no variants"}
	} else {
		e.Help = []string{"it has: " + strings.Join(names, ", ")}
	}
	return e
}

func unknownTarget(name string, m *manifest.Manifest) error {
	e := failure(diagnostic.UnknownTarget, "unknown target `%s`", name)
	if near := diagnostic.Closest(name, m.TargetNames()); near != "" {
		e.Help = []string{"did you mean `" + near + "`?"}
	} else {
		e.Help = []string{"`rigx list` shows the targets"}
	}
	return e
}
