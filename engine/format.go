package engine

import (
	"path/filepath"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/format"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Formatted is a file of the project with its canonical text.
type Formatted struct {
	File *syntax.File
	Text string
}

// Changed reports whether the file is not canonical yet.
func (f Formatted) Changed() bool { return f.Text != f.File.Tree.Text }

// Write replaces the file.
func (f Formatted) Write() error {
	if err := writeAtomic(f.File.Path, f.Text); err != nil {
		return unwritable(f.File.Path, err)
	}
	return nil
}

// Format gives the canonical text of all files of the project that lie in its
// directory: rigx.toml first, then what it includes, and its modules. It fails
// with an [InvalidError] if any has an error of syntax; other errors do not
// matter.
func (w *Workspace) Format() ([]Formatted, error) {
	var out []Formatted
	for _, file := range w.Manifest.Files {
		if rel, err := filepath.Rel(w.Dir(), file.Path); err != nil || !filepath.IsLocal(rel) {
			continue
		}
		if len(file.Tree.Errors) > 0 {
			return nil, w.syntaxErrors()
		}
		out = append(out, Formatted{file, format.Tree(file.Tree)})
	}
	if len(out) == 0 || out[0].File.Tree.Text == "" && len(w.Manifest.Diagnostics()) > 0 {
		return nil, &InvalidError{Diagnostics: w.Manifest.Diagnostics(), Manifest: w.Manifest}
	}
	return out, nil
}

// syntaxErrors is what keeps files from being formatted.
func (w *Workspace) syntaxErrors() *InvalidError {
	e := &InvalidError{Manifest: w.Manifest}
	for _, d := range w.Manifest.Diagnostics() {
		if d.Code == diagnostic.Syntax {
			e.Diagnostics = append(e.Diagnostics, d)
		}
	}
	return e
}
