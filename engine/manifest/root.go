package manifest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// FindRoot returns the nearest directory, from dir upwards, that holds the
// rigx.toml of a project, or "" if there is none. A rigx.toml without
// [project] below another one is a module of it, so the search goes on as long
// as there is none.
//
// parsed gives files that are known already, as in [Options]; it may be nil.
// The root's file comes back if it was parsed.
func FindRoot(fsys source.FS, dir string, parsed func(path string) *syntax.File) (root string, file *syntax.File) {
	nearest := ""
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		file, err := rootFile(fsys, filepath.Join(at, FileName), parsed)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return at, nil // whoever loads it learns why it cannot be read
		case err == nil && hasProject(file.Tree):
			return at, file
		case err == nil && nearest == "":
			nearest = at
		}
		if at == filepath.Dir(at) {
			return nearest, nil
		}
	}
}

func rootFile(fsys source.FS, path string, parsed func(path string) *syntax.File) (*syntax.File, error) {
	if parsed != nil {
		if file := parsed(path); file != nil {
			return file, nil
		}
	}
	text, err := fsys.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return syntax.NewFile(path, FileName, text), nil
}

// Stray returns the nearest directory, from dir upwards, whose rigx.toml is no part of a
// project that was found above it, and "" if there is none: a misspelt [project] makes a
// file look like a module, but nobody lists it.
func (m *Manifest) Stray(fsys source.FS, dir string) string {
	for at := filepath.Clean(dir); at != m.Dir && at != filepath.Dir(at); at = filepath.Dir(at) {
		path := filepath.Join(at, FileName)
		if _, err := fsys.Stat(path); err == nil && !slices.ContainsFunc(m.AllFiles(), func(f *syntax.File) bool { return f.Path == path }) {
			return at
		}
	}
	return ""
}

// hasProject reports whether a rigx.toml has a [project] table.
func hasProject(tree *syntax.Tree) bool {
	for _, t := range tree.Tables {
		if len(t.Path) > 0 && t.Path[0].Name == "project" {
			return true
		}
		if len(t.Path) == 0 {
			for _, e := range t.Entries {
				if len(e.Path) > 0 && e.Path[0].Name == "project" {
					return true
				}
			}
		}
	}
	return false
}
