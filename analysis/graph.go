package analysis

import (
	"github.com/rigx-build/rigx/engine/manifest"
)

// A Call is an edge of the dependency graph, as an editor's call hierarchy
// shows it.
type Call struct {
	// Target at the other end.
	Target *manifest.Target
	// At are the places that make the edge, in the file of the target that
	// depends on the other.
	At []manifest.Location
}

// DependsOn lists the targets of the project that a target uses.
func (s *Snapshot) DependsOn(t *manifest.Target) []Call {
	var out []Call
	for _, e := range t.Edges {
		if e.Kind == manifest.ToTarget {
			out = add(out, e.Unit.Target, e.At)
		}
	}
	return out
}

// UsedBy lists the targets of the project that use a target.
func (s *Snapshot) UsedBy(t *manifest.Target) []Call {
	var out []Call
	for _, other := range s.Manifest.Targets {
		for _, e := range other.Edges {
			if e.Kind == manifest.ToTarget && e.Unit.Target == t {
				out = add(out, other, e.At)
			}
		}
	}
	return out
}

func add(calls []Call, t *manifest.Target, at manifest.Location) []Call {
	if n := len(calls); n > 0 && calls[n-1].Target == t {
		calls[n-1].At = append(calls[n-1].At, at)
		return calls
	}
	return append(calls, Call{t, []manifest.Location{at}})
}
