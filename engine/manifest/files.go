package manifest

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/source"
)

// Files says which files the targets of a project consist of. See
// [Manifest.ResolveFiles].
type Files struct {
	// units are the files of each target's units, by the target's index: one
	// for each variant, in order, or one alone.
	units [][]*UnitFiles
	diags []*diagnostic.Diagnostic
	// Baseline is the content of [project].sources, nil if that is not set.
	Baseline []string
}

// Of returns the files of a unit, or nil for a target that has none to speak
// of: scripts, testbeds, host tests.
func (f *Files) Of(u Unit) *UnitFiles {
	units := f.units[u.Target.index]
	if units == nil {
		return nil
	}
	return units[max(0, slices.Index(u.Target.Variants, u.Variant))]
}

// Diagnostics returns what resolving found, in the order of the targets.
func (f *Files) Diagnostics() []*diagnostic.Diagnostic { return f.diags }

// UnitFiles are the files of one unit. All paths are relative to the root,
// with forward slashes, globs expanded; those that begin with ${…} are left
// as written.
type UnitFiles struct {
	Sources, Inputs, Includes, PublicHeaders, NixosModules []string
	// VenvFiles are what uv needs, relative to the root: pyproject.toml,
	// uv.lock, python_venv_extra.
	VenvFiles []string
	// Language of a compiled kind, "" if it is not clear (which is reported).
	Language string
	// Src is what the derivation's src holds.
	Src SourceSet
}

// SourceSet is the content of a derivation's src.
type SourceSet struct {
	// Whole is the tree of the project, less [source.DefaultIgnored].
	Whole bool
	// Files, sorted, when it is not the whole tree.
	Files []string
}

// ResolveFiles expands globs, checks that files are there, and computes the
// source set of every unit. Targets are looked at in order; the file system is
// read through tree, which lists each directory once.
func (m *Manifest) ResolveFiles(ctx context.Context, tree *source.Tree) *Files {
	out := &Files{units: make([][]*UnitFiles, len(m.Targets))}
	var diags diagnostic.List
	base := fileResolver{m: m, tree: tree, out: out, diags: &diags}
	base.baseline(ctx)
	inChunks(len(m.Targets), &diags, func(from, to int, found *diagnostic.List) {
		r := base
		r.diags = found
		r.below, r.folders, r.behind = map[string][]string{}, map[string]bool{}, map[string]bool{}
		for _, t := range m.Targets[from:to] {
			if t.Buildable() && ctx.Err() == nil {
				r.target(t)
			}
		}
	})
	out.diags = diags.All()
	return out
}

// A fileResolver resolves the files of some targets.
type fileResolver struct {
	m    *Manifest
	tree *source.Tree
	out  *Files

	diags *diagnostic.List
	below map[string][]string // files below a directory
	// folders are the directories that stand among files, behind those that are, or
	// are not, behind a symbolic link.
	folders, behind map[string]bool
}

func (r *fileResolver) baseline(ctx context.Context) {
	p := &r.m.Project
	if !p.Filtered {
		return
	}
	for _, list := range [][]String{p.Sources, p.Excludes} {
		for _, s := range list {
			if err := source.CheckPattern(s.Value); err != nil {
				r.badGlob(s, 0, err)
				return
			}
		}
	}
	files, err := r.tree.Baseline(ctx, source.Selection{
		Include: values(p.Sources), Exclude: values(p.Excludes), RespectGitignore: p.RespectGitignore,
	})
	if err != nil {
		code := diagnostic.Unreadable
		if errors.Is(err, source.ErrNoGit) {
			code = diagnostic.GitignoreUnavailable
		}
		r.diags.Add(code, p.At, err.Error())
	}
	r.out.Baseline = files
	if files == nil {
		r.out.Baseline = []string{}
	}
}

func values(list []String) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Value
	}
	return out
}

// target resolves the target's own lists once, and each variant's on top.
func (r *fileResolver) target(t *Target) {
	base := &UnitFiles{}
	r.lists(t, &t.Fields, base)
	if len(t.Variants) == 0 {
		r.finish(Unit{Target: t}, base)
		return
	}
	for _, v := range t.Variants {
		files := *base
		r.lists(t, &v.Fields, &files)
		r.finish(Unit{t, v}, &files)
	}
}

// lists appends what one set of fields names.
func (r *fileResolver) lists(t *Target, f *Fields, into *UnitFiles) {
	dir := t.Dir()
	into.Sources = r.paths(dir, f.List(schema.Sources), into.Sources, "sources")
	into.Inputs = r.paths(dir, f.List(schema.Inputs), into.Inputs, "inputs")
	into.NixosModules = r.paths(dir, f.List(schema.NixosModules), into.NixosModules, "nixos_modules")
	into.Includes = r.dirs(dir, f.List(schema.Includes), into.Includes)
	into.PublicHeaders = r.dirs(dir, f.List(schema.PublicHeaders), into.PublicHeaders)
	if t.Kind == schema.PythonScript && f == &t.Fields {
		r.venv(t, into)
	}
}

func (r *fileResolver) venv(t *Target, into *UnitFiles) {
	project := t.Text(schema.PythonProject)
	if project == "" {
		project = "."
	}
	at := t.Local.At
	if v := t.Get(schema.PythonProject); v != nil {
		at = v.At
	}
	dir, ok := r.clean(t.Dir(), String{project, at})
	if !ok {
		return
	}
	for _, name := range []string{"pyproject.toml", "uv.lock"} {
		file := path.Join(dir, name)
		if !r.tree.Exists(file) {
			d := r.diags.Add(diagnostic.MissingFile, at, "`"+file+"` does not exist")
			if name == "uv.lock" {
				d.Help = append(d.Help, "run `rigx pkg uv -- lock` in "+dir)
			}
			continue
		}
		into.VenvFiles = append(into.VenvFiles, file)
	}
	for _, s := range t.List(schema.PythonVenvExtra) {
		for _, found := range r.paths(dir+"/", []String{s}, nil, "python_venv_extra") {
			if r.tree.IsDir(found) {
				into.VenvFiles = append(into.VenvFiles, r.tree.Files(found)...)
			} else {
				into.VenvFiles = append(into.VenvFiles, found)
			}
		}
	}
}

// clean joins a path to the directory it starts from, or reports that it
// leaves the project.
func (r *fileResolver) clean(dir string, s String) (string, bool) {
	rel, err := source.Clean(dir + s.Value)
	if err == nil && strings.HasPrefix(s.Value, "/") {
		err = source.ErrAbsolute
	}
	if err == nil {
		return rel, true
	}
	why := "leaves the project"
	switch {
	case errors.Is(err, source.ErrAbsolute):
		why = "is absolute; it must be relative to the project"
	case errors.Is(err, source.ErrEmpty):
		why = "is empty"
	}
	r.diags.Add(diagnostic.OutsideProject, s.At, "the path `"+s.Value+"` "+why)
	return "", false
}

// paths expands a list of files and globs in order, each file once.
func (r *fileResolver) paths(dir string, list []String, into []string, field string) []string {
	switch {
	case len(list) == 0:
		return into
	case len(list) == 1 && len(into) == 0 && source.HasMeta(list[0].Value) && !Interpolates(list[0].Value):
		return r.expand(dir, list[0], field) // which names no file twice
	}
	known := distinct{few: make([]string, 0, min(len(into)+len(list), indexFrom))}
	for _, f := range into {
		known.add(f)
	}
	into = slices.Grow(into[:len(into):len(into)], len(list))
	add := func(f string) bool {
		isNew := known.add(f)
		if isNew {
			into = append(into, f)
		}
		return isNew
	}
	for _, s := range list {
		switch {
		case Interpolates(s.Value):
			add(s.Value)
		case source.HasMeta(s.Value):
			for _, f := range r.expand(dir, s, field) {
				add(f)
			}
		default:
			rel, ok := r.clean(dir, s)
			if !ok {
				continue
			}
			isDir, exists := r.tree.Look(rel)
			if isDir {
				r.folders[rel] = true
			}
			switch {
			case !exists:
				r.missing(rel, s)
			case !add(rel):
				r.diags.Add(diagnostic.ListedTwice, s.At, "`"+s.Value+"` is listed twice in "+field)
			case isDir:
				r.checkLinks(s, r.filesBelow(rel))
			default:
				r.checkLinks(s, []string{rel})
			}
		}
	}
	return into
}

// expand is what a glob stands for in a list of that name.
func (r *fileResolver) expand(dir string, s String, field string) []string {
	found := source.WithoutGenerated(dir+s.Value, r.glob(dir, s))
	if field == "sources" {
		found = r.selected(s, found)
	}
	r.checkLinks(s, found)
	return found
}

func (r *fileResolver) glob(dir string, s String) []string {
	pattern := dir + s.Value
	if strings.HasPrefix(s.Value, "/") || slices.Contains(strings.Split(s.Value, "/"), "..") {
		r.diags.Add(diagnostic.OutsideProject, s.At, "the pattern `"+s.Value+"` leaves the project")
		return nil
	}
	found, err := r.tree.Glob(pattern)
	if err != nil {
		r.badGlob(s, len(dir), err)
		return nil
	}
	if len(found) == 0 {
		r.diags.Add(diagnostic.EmptyGlob, s.At, "the pattern `"+s.Value+"` matches no file")
	}
	return found
}

func (r *fileResolver) missing(rel string, s String) {
	d := r.diags.Add(diagnostic.MissingFile, s.Inner(), "`"+s.Value+"` does not exist")
	dir := path.Dir(rel)
	if dir == "." {
		dir = ""
	}
	var names []string
	for _, f := range r.tree.List(dir) {
		names = append(names, path.Join(dir, f))
	}
	if near := diagnostic.Closest(rel, names); near != "" {
		didYouMean(d, s.Value, []string{strings.TrimPrefix(near, strings.TrimSuffix(rel, s.Value))})
	}
}

func (r *fileResolver) badGlob(s String, prefix int, err error) {
	d := badGlob(s, prefix, err)
	r.diags.Append([]*diagnostic.Diagnostic{d})
}

func (m *Manifest) badGlob(s String, prefix int, err error) {
	m.diags.Append([]*diagnostic.Diagnostic{badGlob(s, prefix, err)})
}

// badGlob points at the faulty byte of a pattern that was put behind a prefix
// of that length.
func badGlob(s String, prefix int, err error) *diagnostic.Diagnostic {
	at := s.At
	message := err.Error()
	var bad *source.PatternError
	if errors.As(err, &bad) {
		offset := bad.Offset - prefix
		if offset >= 0 && offset < len(s.Value) {
			at = s.Within(offset, offset+1)
		}
		message = "the pattern `" + s.Value + "` is malformed: " + bad.Reason
	}
	return &diagnostic.Diagnostic{Code: diagnostic.BadGlob, At: at, Message: message}
}

func (r *fileResolver) dirs(dir string, list []String, into []string) []string {
	into = into[:len(into):len(into)]
	for _, s := range list {
		if Interpolates(s.Value) {
			into = append(into, s.Value)
			continue
		}
		rel, ok := r.clean(dir, s)
		if !ok || slices.Contains(into, rel) {
			continue
		}
		if _, exists := r.tree.Look(rel); !exists {
			r.missing(rel, s)
			continue
		}
		into = append(into, rel)
		r.checkLinks(s, r.filesBelow(rel))
	}
	return into
}

// checkLinks warns of the first of the files that s stands for to be behind a link that
// leads out of the project: it is there, but not for a builder.
func (r *fileResolver) checkLinks(s String, files []string) {
	if !r.tree.HasLinks() {
		return
	}
	for _, file := range files {
		if !r.linked(file) {
			continue
		}
		links, _, reached := r.tree.Follow(file)
		if reached || len(links) == 0 {
			continue
		}
		last := links[len(links)-1]
		if to := r.tree.Outside(last); to != "" {
			d := r.diags.Add(diagnostic.LeadsOutside, s.At, "`"+last+"` leads to `"+to+"`, where no builder finds it")
			d.Help = append(d.Help, "copy it into the project, link to it by a relative path if it is there, or declare it in [external_inputs]")
			return
		}
	}
}

// finish infers the language and computes the source set.
func (r *fileResolver) finish(u Unit, files *UnitFiles) {
	units := &r.out.units[u.Target.index]
	*units = append(*units, files)
	r.language(u, files)
	files.Src = r.sourceSet(u, files)
}

func (r *fileResolver) language(u Unit, files *UnitFiles) {
	t := u.Target
	if !schema.Compiled.Has(t.Kind) {
		return
	}
	files.Language = t.Text(schema.Language)
	if u.Variant != nil && u.Variant.Get(schema.Language) != nil {
		files.Language = u.Variant.Text(schema.Language)
	}
	first := u.Variant == nil || u.Variant == t.Variants[0] // report once
	if files.Language == "" {
		var mixed string
		for _, f := range files.Sources {
			lang := schema.LanguageOf(f)
			switch {
			case lang == "" || lang == files.Language:
			case files.Language == "":
				files.Language = lang
			default:
				mixed = lang
			}
		}
		v := t.Get(schema.Sources)
		if v != nil && first && (mixed != "" || files.Language == "" && len(files.Sources) > 0) {
			message := "no source of `" + t.Local.Value + "` tells its language"
			if mixed != "" {
				message = "the sources of `" + t.Local.Value + "` are of several languages: " + files.Language + " and " + mixed
			}
			d := r.diags.Add(diagnostic.MixedLanguages, v.At, message)
			d.Help = append(d.Help, "add language = \"…\", one of: "+strings.Join(schema.Languages, ", "))
			files.Language = ""
		}
	}
	if !first || files.Language == "" {
		return
	}
	if t.Kind != schema.Executable && !slices.Contains([]string{"c", "cxx", "rust"}, files.Language) {
		d := r.diags.Add(diagnostic.NotForKind, t.Get(schema.KindField).At, "a "+t.Kind.String()+" cannot be written in "+files.Language)
		d.Help = append(d.Help, "libraries are in c, cxx or rust; use kind = \"custom\" for others")
	}
	for i := range t.values {
		v := &t.values[i]
		if langs := v.Field.Languages; langs != nil && !slices.Contains(langs, files.Language) && v.Field.Kinds.Has(t.Kind) && schema.Compiled.Has(t.Kind) {
			r.diags.Add(diagnostic.IgnoredField, v.Key, "`"+v.Field.Name+"` has no effect on a target in "+files.Language)
		}
	}
}

func (r *fileResolver) sourceSet(u Unit, files *UnitFiles) SourceSet {
	size := len(files.Sources) + len(files.Inputs) + len(files.NixosModules) + len(files.Includes) + len(files.PublicHeaders)
	if size == 0 {
		if r.out.Baseline != nil {
			return SourceSet{Files: r.out.Baseline}
		}
		return SourceSet{Whole: true}
	}
	if r.out.Baseline != nil {
		r.checkBaseline(u)
	}
	set := make([]string, 0, size)
	for _, list := range [...][]string{files.Sources, files.Inputs, files.NixosModules} {
		for _, f := range list {
			switch {
			case Interpolates(f):
			case len(r.folders) > 0 && r.folders[f]:
				set = append(set, r.filesBelow(f)...)
			default:
				set = append(set, f)
			}
		}
	}
	for _, list := range [...][]string{files.Includes, files.PublicHeaders} {
		for _, d := range list {
			if !Interpolates(d) {
				set = append(set, r.filesBelow(d)...)
			}
		}
	}
	slices.Sort(set)
	return SourceSet{Files: r.followLinks(slices.Compact(set))}
}

// followLinks has the files behind symbolic links follow them: a builder finds in
// its src what it finds here. What is outside the project stays there.
func (r *fileResolver) followLinks(set []string) []string {
	if !r.tree.HasLinks() || !slices.ContainsFunc(set, r.linked) {
		return set
	}
	seen := map[string]bool{}
	var out []string
	for len(set) > 0 {
		file := set[0]
		set = set[1:]
		if seen[file] {
			continue
		}
		seen[file] = true
		if !r.linked(file) {
			out = append(out, file)
			continue
		}
		links, to, reached := r.tree.Follow(file)
		out = append(out, links...)
		switch isDir, _ := r.tree.Look(to); {
		case !reached:
			out = append(out, file)
		case !isDir:
			out = append(out, to)
		case to != "" && !strings.HasPrefix(file, to+"/"): // no circle
			set = append(set, r.filesBelow(to)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// linked reports whether a path is a symbolic link, or behind one.
func (r *fileResolver) linked(file string) bool {
	if r.tree.IsLink(file) {
		return true
	}
	i := strings.LastIndexByte(file, '/')
	if i < 0 {
		return false
	}
	dir := file[:i]
	is, known := r.behind[dir]
	if !known {
		is = r.linked(dir)
		r.behind[dir] = is
	}
	return is
}

// filesBelow lists a directory, through the baseline where there is one.
func (r *fileResolver) filesBelow(dir string) []string {
	if files, ok := r.below[dir]; ok {
		return files
	}
	var files []string
	if dir == "." {
		dir = ""
	}
	if r.out.Baseline == nil {
		files = r.tree.Files(dir)
	} else {
		files = within(r.out.Baseline, dir)
	}
	r.below[dir] = files
	return files
}

// within is the part of a sorted list of files that lies below a directory.
func within(files []string, dir string) []string {
	if dir == "" {
		return files
	}
	from, _ := slices.BinarySearch(files, dir+"/")
	to, _ := slices.BinarySearch(files, dir+"0") // the byte behind the slash
	return files[from:to:to]
}

func (r *fileResolver) inBaseline(file string) bool {
	_, ok := slices.BinarySearch(r.out.Baseline, file)
	return ok
}

// checkBaseline reports sources that [project].sources leaves out.
func (r *fileResolver) checkBaseline(u Unit) {
	if u.Variant != nil && u.Variant != u.Target.Variants[0] {
		return
	}
	for _, s := range u.Target.List(schema.Sources) {
		if Interpolates(s.Value) || source.HasMeta(s.Value) {
			continue // for globs see selected
		}
		rel, err := source.Clean(u.Target.Dir() + s.Value)
		if err == nil && r.tree.Exists(rel) && !r.tree.IsDir(rel) && !r.inBaseline(rel) {
			r.notInBaseline(s, "`"+s.Value+"` is not among [project].sources")
		}
	}
}

func (r *fileResolver) notInBaseline(s String, message string) {
	d := r.diags.Add(diagnostic.NotInBaseline, s.At, message)
	d.Related = []diagnostic.Related{{At: r.m.Project.At, Message: "[project] is here"}}
	d.Help = append(d.Help, "add a pattern for it to [project].sources, or check `excludes` and .gitignore")
}

// selected is the part of what a glob among the sources matches that [project].sources
// does not leave out. What is behind a link is never among those.
func (r *fileResolver) selected(s String, found []string) []string {
	if r.out.Baseline == nil || len(found) == 0 {
		return found
	}
	kept := slices.DeleteFunc(slices.Clone(found), func(file string) bool { return !r.inBaseline(file) && !r.linked(file) })
	if len(kept) == 0 {
		r.notInBaseline(s, "`"+s.Value+"` matches `"+found[0]+"`, which is not among [project].sources, and nothing else")
	}
	return kept
}

// TextAt is the source text of a place, as written.
func TextAt(at Location) string {
	return at.File.Tree.Text[at.Span.Start:at.Span.End]
}
