// Package discover finds out what a directory of sources holds: which programs,
// libraries and tests it has, what they are made from, and which build system is
// there already. It reads files and changes nothing.
//
//	found := discover.Project(tree, files, "hello")
//	for _, t := range found.Targets { … }
//
// There is a file for each language and build system. All share what is here:
// the files by their roles, names that are not taken, and what is claimed.
// Sources that a build system deals with (Cargo, CMake, …) are claimed by it, so
// that nothing is made of them a second time.
package discover

import (
	"path"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/source"
)

// Found is what a directory holds.
type Found struct {
	Targets []Target
	// Notes say what is there but was not made a target, and what to do.
	Notes []string
}

// Target is one that a rigx.toml for the directory should have.
type Target struct {
	Name string
	Kind schema.Kind
	// Fields other than kind.
	Fields []Field
	// Reason says why it is there, in a few words.
	Reason string
}

// Field is a field and its value: a string, a []string or a bool.
type Field struct {
	Field *schema.Field
	Value any
}

// maxFiles is how many files are looked at.
const maxFiles = 20_000

// Project looks at the files of a tree, paths relative to its root. The name is
// that of the project.
func Project(tree *source.Tree, read func(path string) string, files []string, name string) Found {
	f := &finder{
		tree: tree, name: name, texts: map[string]string{}, readFile: read,
		names: map[string]bool{}, claimed: map[string]bool{}, onDisk: map[string][]string{}, byDir: map[string][]string{},
	}
	for _, file := range tree.Files("") {
		f.onDisk[path.Ext(file)] = append(f.onDisk[path.Ext(file)], file)
	}
	var odd []string
	f.files, odd = relevant(files)
	if len(odd) > 0 {
		f.note("%s and what is named like it is left out: such names mean something else in rigx.toml", odd[0])
	}
	if len(f.files) > maxFiles {
		f.note("only the first %d files were looked at", maxFiles)
		f.files = f.files[:maxFiles]
	}
	for _, file := range f.files {
		f.byDir[path.Dir(file)] = append(f.byDir[path.Dir(file)], file)
	}
	for _, look := range []func(*finder){
		(*finder).cargo, (*finder).buildSystems, (*finder).zigBuild, (*finder).golang, (*finder).nim, (*finder).python,
		(*finder).cFamily, (*finder).rust, (*finder).zig, (*finder).makefile, (*finder).shell, (*finder).others,
	} {
		look(f)
	}
	return f.found
}

// finder is one look at a project.
type finder struct {
	tree     *source.Tree
	readFile func(string) string
	name     string
	files    []string
	byDir    map[string][]string
	// onDisk are all files of the tree by extension, which is what a glob would
	// match.
	onDisk  map[string][]string
	texts   map[string]string
	names   map[string]bool
	claimed map[string]bool
	found   Found
}

// read returns the text of a file, "" if it cannot be read.
func (f *finder) read(file string) string {
	text, ok := f.texts[file]
	if !ok {
		text = f.readFile(file)
		f.texts[file] = text
	}
	return text
}

func (f *finder) has(file string) bool {
	_, ok := slices.BinarySearch(f.files, file)
	return ok
}

// free lists the files that nobody has claimed and that fit.
func (f *finder) free(fits func(string) bool) []string {
	var out []string
	for _, file := range f.files {
		if !f.claimed[file] && fits(file) {
			out = append(out, file)
		}
	}
	return out
}

// inLanguage lists the sources in a language that nobody has claimed.
func (f *finder) inLanguage(language string) []string {
	return f.free(func(file string) bool { return schema.LanguageOf(file) == language })
}

// claim takes the files below a directory that fit.
func (f *finder) claim(dir string, fits func(string) bool) {
	for _, file := range f.files {
		if below(file, dir) && fits(file) {
			f.claimed[file] = true
		}
	}
}

func (f *finder) add(t Target) string {
	t.Name = f.unused(t.Name)
	for i, field := range t.Fields {
		if field.Field == schema.Sources {
			t.Fields[i].Value = withoutRepeats(field.Value.([]string))
		}
	}
	f.found.Targets = append(f.found.Targets, t)
	return t.Name
}

func (f *finder) note(format string, args ...any) {
	f.found.Notes = append(f.found.Notes, sprintf(format, args...))
}

// noteOnce is note, unless that has been said.
func (f *finder) noteOnce(format string, args ...any) {
	if text := sprintf(format, args...); !slices.Contains(f.found.Notes, text) {
		f.note("%s", text)
	}
}

// unused makes a name that no target has yet, from a path or a name.
func (f *finder) unused(name string) string {
	name = plainName(name)
	out := name
	for n := 2; f.names[out]; n++ {
		out = sprintf("%s-%d", name, n)
	}
	f.names[out] = true
	return out
}

// plainName is a name that needs no quotes in rigx.toml.
func plainName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' {
			return c
		}
		return '_'
	}, name)
	if strings.Trim(name, "_") == "" {
		return "app"
	}
	return name
}

// nameOf is what the program that begins in a file is called: after the file, or
// after its directory if the file is called as such files are everywhere.
func (f *finder) nameOf(file string) string {
	stem := stemOf(file)
	if stem != "main" && stem != "__main__" && stem != "app" {
		return stem
	}
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if base := path.Base(dir); !slices.Contains([]string{"src", "source", "sources", "cmd", "bin", "app", "apps"}, base) {
			return base
		}
	}
	return f.name
}

func stemOf(file string) string {
	base := path.Base(file)
	return strings.TrimSuffix(base, path.Ext(base))
}

func below(file, dir string) bool {
	return dir == "." || strings.HasPrefix(file, dir+"/")
}

// in is a path inside a directory, "." being the root.
func in(dir, name string) string { return path.Join(dir, name) }

// fields collects fields, leaving out those that are empty.
type fields []Field

func (fs *fields) list(field *schema.Field, values []string) {
	if len(values) > 0 {
		*fs = append(*fs, Field{field, values})
	}
}

func (fs *fields) text(field *schema.Field, value string) {
	if value != "" {
		*fs = append(*fs, Field{field, value})
	}
}

// set appends what is not there yet.
func set(to []string, items ...string) []string {
	for _, s := range items {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return to
}

// withoutRepeats drops files that a glob before them matches, and patterns that
// were there before.
func withoutRepeats(sources []string) []string {
	var globs []string
	return slices.DeleteFunc(unique(sources), func(s string) bool {
		if source.HasMeta(s) {
			globs = append(globs, s)
			return false
		}
		return slices.ContainsFunc(globs, func(glob string) bool { return source.Match(glob, s) })
	})
}

// unique drops what was there before, in long lists too.
func unique(items []string) []string {
	seen := make(map[string]bool, len(items))
	return slices.DeleteFunc(items, func(s string) bool {
		was := seen[s]
		seen[s] = true
		return was
	})
}
