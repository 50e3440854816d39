package manifest

import (
	"path/filepath"

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
		if file := rootFile(fsys, filepath.Join(at, FileName), parsed); file != nil {
			if hasProject(file.Tree) {
				return at, file
			}
			if nearest == "" {
				nearest = at
			}
		}
		if at == filepath.Dir(at) {
			return nearest, nil
		}
	}
}

func rootFile(fsys source.FS, path string, parsed func(path string) *syntax.File) *syntax.File {
	if parsed != nil {
		if file := parsed(path); file != nil {
			return file
		}
	}
	text, err := fsys.ReadFile(path)
	if err != nil {
		return nil
	}
	return syntax.NewFile(path, FileName, text)
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
