package format

import (
	"slices"

	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// unranked is for what the schema does not know or leaves to the user. It
// stays behind the rest, in the order written.
const unranked = 1 << 16

// ranks gives the canonical place of each field, by its name, for every
// section and for targets.
type ranks map[string]int

func ranksOf(fields []*schema.Field) ranks {
	out := make(ranks, len(fields))
	for i, f := range fields {
		out[f.Name] = i
	}
	return out
}

func (r ranks) of(name string) int {
	if i, ok := r[name]; ok {
		return i
	}
	return unranked
}

var (
	targetRanks  = ranksOf(schema.TargetFields)
	sectionRanks = func() map[string]ranks {
		out := make(map[string]ranks, len(schema.Sections))
		for _, s := range schema.Sections {
			out[s.Name] = ranksOf(s.Fields)
		}
		return out
	}()
	// recordRanks are for the tables of fields that hold several: links, nodes.
	recordRanks = func() map[string]ranks {
		out := map[string]ranks{}
		for _, f := range schema.TargetFields {
			if f.Fields != nil {
				out[f.Name] = ranksOf(f.Fields)
			}
		}
		return out
	}()
)

// fieldOrder finds the order of the fields below a header, and what stands
// before their names in that order: "deps." below [targets.x.deps].
func fieldOrder(path []syntax.Key) (order ranks, prefix string) {
	if len(path) == 0 {
		return nil, ""
	}
	if path[0].Name == "targets" {
		rest := path[min(2, len(path)):]
		if len(rest) >= 2 && rest[0].Name == "variants" {
			rest = rest[2:]
		}
		if len(rest) > 0 && recordRanks[rest[0].Name] != nil {
			return recordRanks[rest[0].Name], ""
		}
		if len(rest) > 0 {
			prefix = syntax.JoinKeys(rest) + "."
		}
		return targetRanks, prefix
	}
	for n := min(2, len(path)); n > 0; n-- {
		if order := sectionRanks[syntax.JoinKeys(path[:n])]; order != nil {
			return order, ""
		}
	}
	return nil, ""
}

// sectionRank is the place of a header in the file. Only the first part of its
// name counts, and for dependencies the second, so that what belongs together
// is never torn apart.
func sectionRank(path []syntax.Key) int {
	if len(path) == 0 {
		return -1
	}
	first := slices.Index(schema.TopLevel, path[0].Name)
	if first < 0 {
		return unranked
	}
	if path[0].Name == "dependencies" && len(path) > 1 && path[1].Name == "local" {
		return 2*first + 1
	}
	return 2 * first
}
