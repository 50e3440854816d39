package analysis

import (
	"path/filepath"
	"sort"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
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
	m := s.owner(file)
	if m == nil {
		return nil
	}
	l := linker{s: s, m: m, file: file}
	l.start = filepath.Join(m.Dir, filepath.FromSlash(l.moduleDir()))
	for i := range file.Tree.Tables {
		eachString(&file.Tree.Tables[i], l.text)
	}
	return l.found
}

type linker struct {
	s     *Snapshot
	m     *manifest.Manifest
	file  *syntax.File
	start string // directory that the paths of targets start from
	found []Link
}

func (l *linker) text(p Place, v *syntax.Value) {
	text := v.Text
	if strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") {
		if p.Field.Name == "url" || p.Field.Name == "ref" {
			l.found = append(l.found, Link{Span: inside(l.file, v), URL: text})
		}
		return
	}
	if text == "" || source.HasMeta(text) || manifest.Interpolates(text) || strings.HasPrefix(text, "$") {
		return
	}
	below := filepath.Dir(l.file.Path)
	if p.Target != "" || p.Section == schema.Vars || p.Section == schema.LocalDependency {
		below = l.start
	}
	target := filepath.Join(below, filepath.FromSlash(text))
	switch {
	case p.Field == schema.PythonProject:
		target = filepath.Join(target, "pyproject.toml")
	case p.Section == schema.Modules, p.Section == schema.LocalDependency && p.Field.Name == "path":
		target = filepath.Join(target, manifest.FileName)
	case p.Field.Content != schema.Paths:
		return
	}
	if info, err := l.s.fs.Stat(target); err == nil && info.Mode().IsRegular() {
		l.found = append(l.found, Link{Span: inside(l.file, v), Path: target})
	}
}

// moduleDir is where the paths of the file's targets start from.
func (l *linker) moduleDir() string {
	for _, t := range l.m.Targets {
		if t.Local.At.File == l.file {
			return t.Dir()
		}
	}
	return ""
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
