package analysis

import (
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// A Link is a part of a file that leads somewhere.
type Link struct {
	Span syntax.Span
	// Path of a file that is there, absolute; or else URL of a page.
	Path, URL string
}

// Links lists the paths and addresses in a file, in order: sources, included
// files, modules, other projects, repositories. Patterns are not links.
func (s *Snapshot) Links(file *syntax.File) []Link {
	var found []Link
	s.eachPath(file, func(p writtenPath) {
		if source.HasMeta(p.value.Text) {
			return
		}
		target := filepath.Join(p.base, filepath.FromSlash(p.value.Text), p.leadsTo)
		if info, err := s.fs.Stat(target); err == nil && info.Mode().IsRegular() {
			found = append(found, Link{Span: inside(file, p.value), Path: target})
		}
	})
	for i := range file.Tree.Tables {
		eachString(&file.Tree.Tables[i], func(p Place, v *syntax.Value) {
			isURL := strings.HasPrefix(v.Text, "https://") || strings.HasPrefix(v.Text, "http://")
			if isURL && (p.Field.Name == "url" || p.Field.Name == "ref") {
				found = append(found, Link{Span: inside(file, v), URL: v.Text})
			}
		})
	}
	slices.SortStableFunc(found, func(a, b Link) int { return int(a.Span.Start) - int(b.Span.Start) })
	return found
}

// inside is a string without its quotes.
func inside(file *syntax.File, v *syntax.Value) syntax.Span {
	text := file.Tree.Text
	return syntax.Span{Start: syntax.SourceOffset(text, v.Span, 0), End: syntax.SourceOffset(text, v.Span, len(v.Text))}
}

// Definition finds what the thing under the cursor stands for: a place in a
// file of the project, or a file. span is what is under the cursor.
func (s *Snapshot) Definition(file *syntax.File, offset uint32) (span syntax.Span, at manifest.Location, path string) {
	if m, ok := s.MentionAt(file, offset); ok {
		return m.Span, m.Symbol.At, ""
	}
	links := s.Links(file)
	i := sort.Search(len(links), func(i int) bool { return links[i].Span.End >= offset })
	if i < len(links) && touches(links[i].Span, offset) {
		return links[i].Span, manifest.Location{}, links[i].Path
	}
	return syntax.Span{}, manifest.Location{}, ""
}
