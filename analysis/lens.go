package analysis

import (
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Lens is a command to click above a target or variant.
type Lens struct {
	// Span is the header or key that the lens stands above.
	Span syntax.Span
	// Title is one word: Build, Watch, Test, Run, Start or Stop.
	Title string
	// Verb is the command of rigx that it runs; start and stop are those of
	// rigx capsule, of which one makes sense at a time.
	Verb string
	// Name is what the command is given: hello, or hello@release.
	Name string
}

// Lenses lists the commands for the targets of a file, in order.
func (s *Snapshot) Lenses(file *syntax.File) []Lens {
	var out []Lens
	for _, t := range s.Manifest.Targets {
		if t.Local.At.File != file {
			continue
		}
		title, verb := action(t)
		if verb == "" {
			continue
		}
		add := func(span syntax.Span, name string) {
			out = append(out, Lens{span, title, verb, name})
			if verb == "build" {
				out = append(out, Lens{span, "Watch", "watch", name})
			}
		}
		capsule := func(span syntax.Span, name string) {
			if t.Kind == schema.Capsule {
				out = append(out, Lens{span, "Start", "start", name}, Lens{span, "Stop", "stop", name})
			}
		}
		add(t.Header.Span, t.Name)
		if len(t.Variants) == 0 {
			capsule(t.Header.Span, t.Name)
		}
		for _, v := range t.Variants {
			u := manifest.Unit{Target: t, Variant: v}
			add(v.Header.Span, u.Name())
			capsule(v.Header.Span, u.Name())
		}
	}
	return out
}

// action is what one does with a target of that kind.
func action(t *manifest.Target) (title, verb string) {
	switch {
	case t.Kind == schema.NoKind:
		return "", ""
	case t.Kind == schema.Test:
		return "Test", "test"
	case schema.OnHost.Has(t.Kind):
		return "Run", "run"
	}
	return "Build", "build"
}
