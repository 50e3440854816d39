package analysis

import (
	"path/filepath"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// writtenPath is a path or pattern in a file of the project.
type writtenPath struct {
	value *syntax.Value
	// base is the absolute directory that it starts from.
	base string
	// leadsTo is the file that stands for it if it is a directory: the
	// rigx.toml of a module. It is empty for most.
	leadsTo string
}

// eachPath visits the strings of a file that are paths or patterns.
func (s *Snapshot) eachPath(file *syntax.File, visit func(writtenPath)) {
	m := s.owner(file)
	if m == nil {
		return
	}
	start := filepath.Join(m.Dir, filepath.FromSlash(moduleDir(m, file)))
	text := func(p Place, v *syntax.Value) {
		w := writtenPath{value: v, base: filepath.Dir(file.Path)}
		if p.Target != "" || p.Section == schema.Vars || p.Section == schema.LocalDependency {
			w.base = start
		}
		switch {
		case v.Text == "" || manifest.Interpolates(v.Text) || strings.HasPrefix(v.Text, "$"):
			return
		case p.Field == schema.PythonProject:
			w.leadsTo = "pyproject.toml"
		case p.Section == schema.Modules, p.Section == schema.LocalDependency && p.Field.Name == "path":
			w.leadsTo = manifest.FileName
		case p.Field.Content != schema.Paths && p.Field.Content != schema.Dirs:
			return
		}
		visit(w)
	}
	for i := range file.Tree.Tables {
		eachString(&file.Tree.Tables[i], text)
	}
}

// moduleDir is where the paths of a file's targets start from.
func moduleDir(m *manifest.Manifest, file *syntax.File) string {
	for _, t := range m.Targets {
		if t.Local.At.File == file {
			return t.Dir()
		}
	}
	return ""
}

// A FileMove says that a file or directory gets another absolute path.
type FileMove struct{ From, To string }

// MoveFiles returns the edits that keep the paths in all files of the project, and the
// names of modules, true when files move. Of a pattern, the directories before its first
// * count.
func (s *Snapshot) MoveFiles(moves []FileMove) []manifest.Edit {
	var edits []manifest.Edit
	for _, file := range s.Manifest.AllFiles() {
		s.eachPath(file, func(p writtenPath) {
			if _, along := movedTo(moves, p.base); along {
				return // what it leads to mostly moves with it
			}
			fixed, rest := fixedPart(p.value.Text)
			old := filepath.Join(p.base, filepath.FromSlash(fixed))
			moved, ok := movedTo(moves, old)
			if !ok {
				return
			}
			rel, err := filepath.Rel(p.base, moved)
			if err != nil {
				return
			}
			text := filepath.ToSlash(rel) + rest
			if strings.HasSuffix(fixed, "/") && rest == "" {
				text += "/"
			}
			if quoted := syntax.Quote(text); quoted == `"`+text+`"` {
				edits = append(edits, manifest.Edit{File: file, Span: inside(file, p.value), Text: text})
			} else {
				edits = append(edits, manifest.Edit{File: file, Span: p.value.Span, Text: quoted})
			}
		})
	}
	return append(edits, s.moveModules(moves)...)
}

// moveModules renames modules, which are called as their folders are, where their targets
// are named.
func (s *Snapshot) moveModules(moves []FileMove) []manifest.Edit {
	renamed := map[string]string{} // modules by their full names, and the last part of the new ones
	for _, module := range s.Manifest.Modules {
		old := filepath.Join(s.Manifest.Dir, filepath.FromSlash(module.Dir))
		if to, ok := movedTo(moves, old); ok && filepath.Base(to) != filepath.Base(old) {
			renamed[module.Name] = filepath.Base(to)
		}
	}
	if len(renamed) == 0 {
		return nil
	}
	var edits []manifest.Edit
	for _, file := range s.Manifest.Files {
		for _, m := range s.Mentions(file) {
			if m.Symbol.Kind != TargetName || !m.InString || m.Symbol.Target == nil || m.Symbol.Target.Module == nil {
				continue
			}
			// From the inside outwards: within a module, its own name is not said.
			full, end := m.Symbol.Target.Module.Name, int(m.Span.Start)
			for full != "" {
				part := full[strings.LastIndexByte(full, '.')+1:]
				if !strings.HasSuffix(file.Tree.Text[:end], part+".") {
					break
				}
				end -= len(part) + 1
				if to, ok := renamed[full]; ok {
					span := syntax.Span{Start: uint32(end), End: uint32(end + len(part))}
					edits = append(edits, manifest.Edit{File: file, Span: span, Text: to})
				}
				full = strings.TrimSuffix(strings.TrimSuffix(full, part), ".")
			}
		}
	}
	return edits
}

// fixedPart divides a pattern before the first part that is one; a plain path
// is fixed as a whole.
func fixedPart(pattern string) (fixed, rest string) {
	if !source.HasMeta(pattern) {
		return pattern, ""
	}
	for {
		head, tail, ok := strings.Cut(pattern[len(fixed):], "/")
		if !ok || source.HasMeta(head) {
			fixed = strings.TrimSuffix(fixed, "/")
			return fixed, pattern[len(fixed):]
		}
		fixed = pattern[:len(pattern)-len(tail)]
	}
}

// movedTo is where a path is after the moves, if one of them is about it or a
// directory above it.
func movedTo(moves []FileMove, path string) (string, bool) {
	for _, m := range moves {
		if path == m.From {
			return m.To, true
		}
		if rest, ok := strings.CutPrefix(path, m.From+string(filepath.Separator)); ok {
			return filepath.Join(m.To, rest), true
		}
	}
	return "", false
}
