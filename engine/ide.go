package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// IDEOptions of [Workspace.WriteIDE].
type IDEOptions struct {
	BuildOptions
	// Variant is preferred where a file is compiled for several.
	Variant string
	// Refresh brings up to date what was written before, and writes no file that
	// is not there.
	Refresh bool
	// Force replaces files that rigx did not write.
	Force bool
}

// IDEFile is a file that tells a language server how a project is built.
type IDEFile struct {
	// Name relative to the project.
	Name string
	// Changed is false if it was there already, just so.
	Changed bool
}

// ideMarker is in each of the files, so that rigx knows its own again.
const ideMarker = ".rigx/ide"

// ideWriters make the text of one file each, "" if the project has no use for
// it.
var ideWriters = []struct {
	name      string
	languages []string // whose targets' environments it is made from
	write     func(ctx context.Context, w *Workspace, units []ideUnit) (string, error)
}{
	{"compile_commands.json", []string{"c", "cxx"}, compileCommands},
	{"rust-project.json", []string{"rust"}, rustProject},
	{"go.work", nil, goWork},
	{"pyrightconfig.json", []string{"python"}, pyrightConfig},
	{"nim.cfg", []string{"nim"}, nimConfig},
}

// ideUnit is a unit with what its build sees.
type ideUnit struct {
	manifest.Unit
	language string
	env      *Environment
}

// WriteIDE writes the files from which clangd, rust-analyzer, gopls, pyright
// and nimsuggest learn with which flags, headers and packages the targets are built. What the
// targets depend on, generated headers among it, is built if need be. A target
// whose dependencies fail is left out and its error returned; the files hold
// the others.
func (w *Workspace) WriteIDE(ctx context.Context, opts IDEOptions) (written []IDEFile, failed []error, err error) {
	if err := w.Valid(ctx); err != nil {
		return nil, nil, err
	}
	var languages []string
	writers := slices.Clone(ideWriters)
	for i := 0; i < len(writers); i++ {
		old, err := os.ReadFile(filepath.Join(w.Dir(), writers[i].name))
		ours := err == nil && bytes.Contains(old, []byte(ideMarker))
		if opts.Refresh && !ours {
			writers = slices.Delete(writers, i, i+1)
			i--
			continue
		}
		languages = append(languages, writers[i].languages...)
	}
	units, failed, err := w.ideUnits(ctx, languages, opts)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range writers {
		text, err := f.write(ctx, w, units)
		if err != nil {
			return written, failed, fmt.Errorf("%s: %w", f.name, err)
		}
		if text == "" {
			continue
		}
		file := filepath.Join(w.Dir(), f.name)
		old, err := os.ReadFile(file)
		if err == nil && !opts.Force && string(old) != text && !bytes.Contains(old, []byte(ideMarker)) {
			failed = append(failed, &Error{
				Code: diagnostic.Unwritable, Message: f.name + " is there and was not written by `rigx ide`",
				Help: []string{"remove it, or replace it with --force"},
			})
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return written, failed, unwritable(file, err)
		}
		changed, err := writeIfChanged(file, text)
		if err != nil {
			return written, failed, unwritable(file, err)
		}
		written = append(written, IDEFile{f.name, changed})
	}
	return written, failed, nil
}

// ideUnits lists the units in some languages with their environments, those of
// the preferred variant first.
func (w *Workspace) ideUnits(ctx context.Context, languages []string, opts IDEOptions) (units []ideUnit, failed []error, err error) {
	var wants []*wantedEnvironment
	for _, t := range w.Manifest.Targets {
		for _, u := range t.Units() {
			files := w.Files.Of(u)
			if files == nil || !t.Buildable() {
				continue
			}
			language := files.Language
			if t.Kind == schema.PythonScript {
				language = "python"
			}
			if !slices.Contains(languages, language) {
				continue
			}
			want := &wantedEnvironment{name: u.Name()}
			want.ofUnit(w, u)
			wants = append(wants, want)
			units = append(units, ideUnit{Unit: u, language: language})
		}
	}
	if opts.Variant != "" && !slices.ContainsFunc(units, func(u ideUnit) bool { return u.is(opts.Variant) }) {
		return nil, nil, failure(diagnostic.UnknownVariant, "no target in a language that `rigx ide` knows has a variant `%s`", opts.Variant)
	}
	if err := w.environments(ctx, wants, opts.BuildOptions); err != nil {
		return nil, nil, err
	}
	for i, want := range wants {
		units[i].env = want.env
		if want.err != nil {
			failed = append(failed, want.err)
		}
	}
	units = slices.DeleteFunc(units, func(u ideUnit) bool { return u.env == nil })
	slices.SortStableFunc(units, func(a, b ideUnit) int {
		switch prefersA, prefersB := a.is(opts.Variant), b.is(opts.Variant); {
		case prefersA && !prefersB:
			return -1
		case prefersB && !prefersA:
			return 1
		}
		return 0
	})
	return units, failed, nil
}

func (u ideUnit) is(variant string) bool {
	return variant != "" && u.Variant != nil && u.Variant.Name.Value == variant
}

// program is the path of a program of the build, "" if it has none of that name.
func (e *Environment) program(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	for _, dir := range filepath.SplitList(e.build["PATH"]) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

func ideJSON(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.String(), err
}
