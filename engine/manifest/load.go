package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// Version of rigx. It continues the numbers of the Python tool, so that
// rigx_min_version compares as users expect.
const Version = "0.10.0"

// FileName is the name of the file in every project and module.
const FileName = "rigx.toml"

// maxFiles bounds what one root may pull in: a hostile include of everything
// below / must end.
const maxFiles = 10_000

// maxBytes bounds how much text they have together.
const maxBytes = 256 << 20

// maxIncludeDirs bounds how many directories one pattern of include or extends
// may lead through, for the same reason.
const maxIncludeDirs = 10_000

// Options of loading.
type Options struct {
	// Version of the running rigx, compared with rigx_min_version; [Version]
	// when empty.
	Version string
	// Parsed gives a file that was read and parsed before, such as one that is
	// open in an editor; it is not read again. It may be nil or return nil.
	Parsed func(path string) *syntax.File
}

// Load reads the project in dir. The result is never nil; without a readable
// rigx.toml it has a diagnostic and nothing else.
func Load(ctx context.Context, fsys source.FS, dir string, opts Options) *Manifest {
	dir = filepath.Clean(dir)
	if opts.Version == "" {
		opts.Version = Version
	}
	l := &loader{ctx: ctx, fs: fsys, opts: opts, top: dir, projects: map[string]*Manifest{}}
	return l.project(dir)
}

// A loader follows files. One serves a root project and all its local
// dependencies, so that each is read once.
type loader struct {
	ctx      context.Context
	fs       source.FS
	opts     Options
	top      string // directory of the outermost project
	projects map[string]*Manifest
	chain    []string // directories of the projects being read
	bytes    int      // of all files that were read
}

// A layer is one file of a project with the module it belongs to.
type layer struct {
	file   *syntax.File
	root   *node
	module *Module
	// included is false for the root and for modules' own rigx.toml.
	included bool
	// extended files are only asked for their [vars].
	extended bool
}

// reading is the state of loading one project.
type reading struct {
	*loader
	m      *Manifest
	layers []layer
	seen   map[string]bool // absolute paths
	chain  []string        // files being read, for the message on cycles
	room   atomic.Int64    // see decoder
}

func (l *loader) project(dir string) *Manifest {
	if m := l.projects[dir]; m != nil {
		return m
	}
	m := &Manifest{
		Dir:       dir,
		targets:   map[string]*Target{},
		attrs:     map[string]Unit{},
		vars:      map[string]*Variable{},
		gits:      map[string]*GitDependency{},
		locals:    map[string]*LocalDependency{},
		externals: map[string]*ExternalInput{},
	}
	l.projects[dir] = m
	l.chain = append(l.chain, dir)
	defer func() { l.chain = l.chain[:len(l.chain)-1] }()

	r := &reading{loader: l, m: m, seen: map[string]bool{}}
	r.room.Store(maxExpanded)
	r.file(filepath.Join(dir, FileName), nil, false, Location{})
	for i := range r.layers {
		r.sections(&r.layers[i])
	}

	for i := range r.layers {
		r.targets(&r.layers[i])
	}
	for _, dep := range m.Local {
		r.local(dep)
	}
	r.checkProject()
	m.resolve()
	m.checkVariables()
	return m
}

// file reads one file and, in order, what it includes. at is the place that
// asked for it.
func (r *reading) file(name string, module *Module, included bool, at Location) {
	if slices.Contains(r.chain, name) {
		i := slices.Index(r.chain, name)
		chain := append(slices.Clone(r.chain[i:]), name)
		for j := range chain {
			chain[j] = r.display(chain[j])
		}
		r.m.diags.Add(diagnostic.IncludeCycle, at, "files include each other: "+strings.Join(chain, " → "))
		return
	}
	if r.seen[name] {
		return
	}
	r.seen[name] = true
	file := r.read(name, at)
	if file == nil {
		return
	}
	root := buildDocument(file, &r.m.diags)
	r.layers = append(r.layers, layer{file: file, root: root, module: module, included: included})

	r.chain = append(r.chain, name)
	defer func() { r.chain = r.chain[:len(r.chain)-1] }()
	r.includes(file, root, module)
	r.modules(file, root, module)
}

// read parses a file, or reports why it cannot. The first file of a project is
// always given a place in Files, so that diagnostics have one to point at.
func (r *reading) read(name string, at Location) *syntax.File {
	display := r.display(name)
	first := len(r.m.Files) == 0
	var text string
	var err error
	switch {
	case len(r.m.Files) >= maxFiles:
		err = errors.New("too many files are included")
	case r.bytes > maxBytes:
		err = errors.New("the files are too large together")
	default:
		if r.opts.Parsed != nil {
			if file := r.opts.Parsed(name); file != nil {
				return r.accept(file)
			}
		}
		text, err = r.fs.ReadFile(name)
	}
	if err != nil {
		if first {
			file := syntax.NewFile(name, display, "")
			r.m.Files = append(r.m.Files, file)
			at = Location{File: file}
		}
		code, message := diagnostic.Unreadable, "cannot read `"+display+"`: "+reason(err)
		if errors.Is(err, fs.ErrNotExist) {
			code, message = diagnostic.MissingFile, "`"+display+"` does not exist"
			if first {
				code, message = diagnostic.NoProject, "there is no `"+FileName+"` in "+r.m.Dir
			}
		}
		r.m.diags.Add(code, at, message)
		return nil
	}
	return r.accept(syntax.NewFile(name, display, text))
}

// accept adds a file to the project.
func (r *reading) accept(file *syntax.File) *syntax.File {
	r.bytes += len(file.Tree.Text)
	r.m.Files = append(r.m.Files, file)
	if !utf8.ValidString(file.Tree.Text) {
		i := 0
		for i < len(file.Tree.Text) {
			c, n := utf8.DecodeRuneInString(file.Tree.Text[i:])
			if c == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		r.m.diags.Add(diagnostic.Encoding, Location{File: file, Span: syntax.Span{Start: uint32(i), End: uint32(i + 1)}}, "this byte is not UTF-8")
	}
	return file
}

func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// display is the name of a file in messages: relative to the outermost project
// where it lies inside, or one step outside.
func (r *reading) display(name string) string {
	if rel, err := filepath.Rel(r.top, name); err == nil && !strings.HasPrefix(rel, "../../") {
		return filepath.ToSlash(rel)
	}
	return name
}

func (r *reading) includes(file *syntax.File, root *node, module *Module) {
	n := root.get("include")
	if n == nil {
		return
	}
	d := &decoder{file: file, diags: &r.m.diags}
	v, ok := d.value(schema.Include, n)
	if !ok {
		return
	}
	for _, s := range v.Strings {
		for _, name := range r.expandPath(filepath.Dir(file.Path), s) {
			r.file(name, module, true, s.At)
		}
	}
}

// expandPath resolves one include or extends entry against the directory of
// the file that has it. A pattern may match nothing; a plain path may not be
// missing, which reading it reports.
func (r *reading) expandPath(dir string, s String) []string {
	slashed := filepath.ToSlash(s.Value)
	if !source.HasMeta(slashed) {
		if filepath.IsAbs(s.Value) {
			return []string{filepath.Clean(s.Value)}
		}
		return []string{filepath.Join(dir, filepath.FromSlash(slashed))}
	}
	fixed := ""
	for {
		head, rest, ok := strings.Cut(slashed, "/")
		if !ok || source.HasMeta(head) {
			break
		}
		fixed += head + "/"
		slashed = rest
	}
	base := filepath.FromSlash(fixed)
	if !filepath.IsAbs(base) {
		base = filepath.Join(dir, base)
	}
	matches, err := source.NewTree(r.fs, base).GlobWithin(slashed, maxIncludeDirs)
	if errors.Is(err, source.ErrTooMany) {
		err = fmt.Errorf("the pattern `%s` leads through more than %d directories", s.Value, maxIncludeDirs)
	}
	if err != nil {
		r.m.badGlob(s, len(fixed), err)
	}
	for i := range matches {
		matches[i] = filepath.Join(base, filepath.FromSlash(matches[i]))
	}
	return matches
}

func (r *reading) modules(file *syntax.File, root *node, parent *Module) {
	n := root.get("modules")
	if !n.isTable() {
		return // its type is reported with the other sections
	}
	d := &decoder{file: file, diags: new(diagnostic.List)} // reported with the other sections
	include := n.get("include")
	if include == nil {
		return
	}
	v, ok := d.value(schema.Modules.Field("include"), include)
	if !ok {
		return
	}
	base := ""
	if parent != nil {
		base = parent.Dir
	}
	for _, s := range v.Strings {
		r.module(s, base, parent)
	}
}

func (r *reading) module(s String, base string, parent *Module) {
	dir, err := source.Clean(path.Join(base, filepath.ToSlash(s.Value)))
	if err != nil || strings.HasPrefix(s.Value, "/") || dir == "." {
		r.m.diags.Add(diagnostic.OutsideProject, s.At, "the module `"+s.Value+"` is not a folder below the project")
		return
	}
	name := path.Base(dir)
	if parent != nil {
		name = parent.Name + "." + name
	}
	for _, other := range r.m.Modules {
		if other.Name != name {
			continue
		}
		if other.Dir == dir {
			r.m.diags.Add(diagnostic.ListedTwice, s.At, "the module `"+s.Value+"` is listed twice")
			return
		}
		d := r.m.diags.Add(diagnostic.Collision, s.At, "two modules are called `"+name+"`: "+other.Dir+" and "+dir)
		d.Related = []diagnostic.Related{{At: other.At, Message: "the other one"}}
		return
	}
	file := filepath.Join(r.m.Dir, filepath.FromSlash(dir), FileName)
	if _, err := r.fs.Stat(file); err != nil && !slices.Contains(r.chain, file) {
		r.m.diags.Add(diagnostic.MissingModule, s.At, "there is no `"+dir+"/"+FileName+"`")
		return
	}
	module := &Module{Name: name, Dir: dir, At: s.At}
	r.m.Modules = append(r.m.Modules, module)
	before := len(r.layers)
	r.file(file, module, false, s.At)
	if len(r.layers) > before {
		module.File = r.layers[before].file
	}
}

// local loads the project behind a local dependency.
func (r *reading) local(dep *LocalDependency) {
	if dep.Path.Value == "" {
		return
	}
	if filepath.IsAbs(dep.Path.Value) {
		r.m.diags.Add(diagnostic.OutsideProject, dep.Path.At, "the path of a local dependency is relative to this file")
		return
	}
	dir := filepath.Join(r.m.Dir, filepath.FromSlash(dep.Dir))
	if i := slices.Index(r.loader.chain, dir); i >= 0 {
		chain := append(slices.Clone(r.loader.chain[i:]), dir)
		for j := range chain {
			chain[j] = filepath.Base(chain[j])
		}
		r.m.diags.Add(diagnostic.IncludeCycle, dep.Path.At, "projects depend on each other: "+strings.Join(chain, " → "))
		return
	}
	if _, err := r.fs.Stat(filepath.Join(dir, FileName)); err != nil {
		r.m.diags.Add(diagnostic.MissingLocal, dep.Path.At, "there is no `"+path.Join(dep.Dir, FileName)+"`")
		return
	}
	dep.Manifest = r.project(dir)
}
