package manifest

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// defaultRef is the nixpkgs of projects that name none.
const defaultRef = "nixos-24.11"

// sections decodes all of a layer but its targets, which wait until the
// variables of every layer are known.
func (r *reading) sections(l *layer) {
	d := &decoder{file: l.file, diags: &r.m.diags}
	for _, mem := range l.root.members {
		n := mem.node
		switch mem.name {
		case "include", "targets":
		case "project", "nixpkgs":
			if r.identity(d, l, mem.name, n) {
				if mem.name == "project" {
					r.projectSection(d, n)
				} else if f := r.plain(d, schema.NixpkgsSection, n); f != nil {
					if ref := f.string("ref"); ref.Value != "" {
						r.m.Nixpkgs = ref
					}
				}
			}
		case "vars":
			r.varsSection(d, l, n)
		case "dependencies":
			r.dependencies(d, l, n)
		case "modules":
			r.plain(d, schema.Modules, n)
		case "external_inputs":
			r.entries(d, schema.ExternalInput, n, r.externalInput)
		case "remotes":
			r.entries(d, schema.Remote, n, r.remote)
		default:
			r.unknownSection(d, mem.name, n)
		}
	}
	if r.m.Nixpkgs.Value == "" {
		r.m.Nixpkgs.Value = defaultRef
	}
}

func (r *reading) unknownSection(d *decoder, name string, n *node) {
	if n.value != nil && n.value.Kind == syntax.Missing {
		return
	}
	what := "unknown table `[" + name + "]`"
	if !n.isTable() && n.origin != array {
		what = "unknown key `" + name + "` at the top of the file"
	}
	diag := d.diags.Add(diagnostic.UnknownSection, d.at(n.key), what)
	if near := diagnostic.Closest(name, schema.TopLevel); near != "" {
		suggestKey(diag, name, near)
	} else if f := schema.TargetField(name); f != nil && !n.isTable() {
		diag.Help = append(diag.Help, "`"+name+"` belongs into a [targets.<name>] table")
	}
}

// identity refuses [project] and [nixpkgs] anywhere but in the root file.
func (r *reading) identity(d *decoder, l *layer, name string, n *node) bool {
	if !l.included && l.module == nil {
		return true
	}
	what := "an included file"
	if l.module != nil {
		what = "a module"
	}
	diag := d.diags.Add(diagnostic.Misplaced, d.at(n.at), what+" must not have `["+name+"]`")
	diag.Help = append(diag.Help, "only the root "+FileName+" has it; move it there or remove it")
	return false
}

// section is a decoded table with access by name.
type section struct {
	values []Value
	at     Location
}

func (s *section) get(name string) *Value {
	for i := range s.values {
		if s.values[i].Field.Name == name {
			return &s.values[i]
		}
	}
	return nil
}

func (s *section) string(name string) String {
	if v := s.get(name); v != nil {
		return v.Strings[0]
	}
	return String{}
}

func (s *section) list(name string) []String {
	if v := s.get(name); v != nil {
		return v.Strings
	}
	return nil
}

func (s *section) bool(name string, otherwise bool) bool {
	if v := s.get(name); v != nil {
		return v.Bool
	}
	return otherwise
}

// plain decodes a section by its table of fields; nil if it is no table.
func (r *reading) plain(d *decoder, sec *schema.Section, n *node) *section {
	return r.decode(d, sec, "["+sec.Name+"]", n)
}

func (r *reading) decode(d *decoder, sec *schema.Section, where string, n *node) *section {
	if !n.isTable() {
		d.diags.Add(diagnostic.WrongType, d.at(n.at), where+" must be a table, not "+d.kindOf(n))
		return nil
	}
	nested := func(name string) bool { return schema.SectionNamed(sec.Name+"."+name) != nil }
	s := &section{at: d.at(n.at)}
	s.values = d.fields(n, sec.Fields, sec.Field, owner{what: where}, nested)
	for _, f := range sec.Fields {
		if f.Required && n.get(f.Name) == nil {
			diag := d.diags.Add(diagnostic.MissingField, s.at, where+" needs `"+f.Name+"`")
			diag.Help = append(diag.Help, "add "+f.Name+" = "+f.Example)
		}
	}
	return s
}

// entries decodes [section.<name>] tables.
func (r *reading) entries(d *decoder, sec *schema.Section, n *node, add func(String, *section)) {
	if !n.isTable() {
		d.diags.Add(diagnostic.WrongType, d.at(n.at), "["+sec.Name+"] must hold tables, not be "+d.kindOf(n))
		return
	}
	for _, mem := range n.members {
		name := String{mem.name, d.at(mem.node.key)}
		if mem.name == "" {
			d.diags.Add(diagnostic.BadName, name.At, "a name must not be empty")
			continue
		}
		if s := r.decode(d, sec, "["+sec.Name+"."+syntax.QuoteKey(mem.name)+"]", mem.node); s != nil {
			add(name, s)
		}
	}
}

func (r *reading) projectSection(d *decoder, n *node) {
	s := r.plain(d, schema.Project, n)
	if s == nil {
		return
	}
	p := &r.m.Project
	p.At = s.at
	p.Name, p.Version, p.Description, p.MinVersion = s.string("name"), s.string("version"), s.string("description"), s.string("rigx_min_version")
	if p.Version.Value == "" {
		p.Version.Value = "0.0.0"
	}
	p.Filtered = s.get("sources") != nil
	p.Sources, p.Excludes = s.list("sources"), s.list("excludes")
	p.RespectGitignore = s.bool("respect_gitignore", true)
	if include := n.get("include"); include != nil {
		diag := d.diags.Add(diagnostic.Misplaced, d.at(include.key), "`include` stands inside [project], where it has no effect")
		diag.Help = append(diag.Help, "move it above the first [section] header")
	}
	if install := n.get("install"); install != nil {
		if i := r.plain(d, schema.Install, install); i != nil {
			p.Install = &Install{
				Bin: i.string("bin"), BuildSystem: i.list("build_system"),
				RuntimePath: i.list("runtime_path"), PythonPackages: i.list("python_packages"), At: i.at,
			}
		}
	}
}

// varsSection reads [vars] and the files that `extends` names.
func (r *reading) varsSection(d *decoder, l *layer, n *node) {
	if !n.isTable() {
		d.diags.Add(diagnostic.WrongType, d.at(n.at), "[vars] must be a table, not "+d.kindOf(n))
		return
	}
	extends := schema.Vars.Field("extends")
	field := *extends
	for _, mem := range n.members {
		if mem.name == extends.Name {
			if v, ok := d.value(extends, mem.node); ok {
				r.extends(l, v.Strings)
			}
			continue
		}
		field.Name = "vars." + mem.name
		field.Example = ""
		// A variable of the wrong type is still one that others may refer to.
		v, _ := d.value(&field, mem.node)
		r.addVariable(&Variable{Name: String{mem.name, v.Key}, Values: v.Strings})
	}
}

func (r *reading) addVariable(v *Variable) {
	name := v.Name.Value
	if old := r.m.vars[name]; old != nil {
		r.redefined("variable", v.Name, old.Name)
		return
	}
	r.m.vars[name] = v
	r.m.Vars = append(r.m.Vars, v)
}

func (r *reading) redefined(what string, name, old String) {
	if name.At.File == old.At.File && name.At.Span == old.At.Span {
		return
	}
	d := r.m.diags.Add(diagnostic.Redefined, name.At, "the "+what+" `"+name.Value+"` is defined twice")
	d.Related = []diagnostic.Related{{At: old.At, Message: "first defined here"}}
}

// extends takes in the [vars] of other files; whatever else those files hold
// is not this project's.
func (r *reading) extends(l *layer, files []String) {
	r.chain = append(r.chain, l.file.Path)
	defer func() { r.chain = r.chain[:len(r.chain)-1] }()
	for _, s := range files {
		for _, name := range r.expandPath(r.start(l), s) {
			if !r.seen[name] || contains(r.chain, name) {
				r.extendFile(name, s.At)
			}
		}
	}
}

// start is the directory that the paths of a layer start from: that of the
// project or module, also in files that it includes. An extended file may
// belong to another project, so its paths start from itself.
func (r *reading) start(l *layer) string {
	switch {
	case l.extended:
		return filepath.Dir(l.file.Path)
	case l.module != nil:
		return filepath.Join(r.m.Dir, filepath.FromSlash(l.module.Dir))
	}
	return r.m.Dir
}

func (r *reading) extendFile(name string, at Location) {
	if contains(r.chain, name) {
		r.file(name, nil, true, at) // reports the cycle
		return
	}
	r.seen[name] = true
	file := r.read(name, at)
	if file == nil {
		return
	}
	// Only [vars] of that file is ours to judge; its syntax must still hold.
	root := buildDocument(file, &r.m.diags)
	if n := root.get("vars"); n != nil {
		sub := layer{file: file, root: root, included: true, extended: true}
		r.varsSection(&decoder{file: file, diags: &r.m.diags}, &sub, n)
	}
}

func (r *reading) dependencies(d *decoder, l *layer, n *node) {
	if !n.isTable() {
		d.diags.Add(diagnostic.WrongType, d.at(n.at), "[dependencies] must be a table, not "+d.kindOf(n))
		return
	}
	for _, mem := range n.members {
		switch mem.name {
		case "git":
			r.entries(d, schema.GitDependency, mem.node, r.gitDependency)
		case "local":
			r.entries(d, schema.LocalDependency, mem.node, func(name String, s *section) { r.localDependency(l, name, s) })
		default:
			diag := d.diags.Add(diagnostic.UnknownSection, d.at(mem.node.key), "unknown table `[dependencies."+mem.name+"]`")
			if near := diagnostic.Closest(mem.name, []string{"git", "local"}); near != "" {
				suggestKey(diag, mem.name, near)
			} else {
				diag.Help = append(diag.Help, "dependencies are [dependencies.git.<name>] or [dependencies.local.<name>]")
			}
		}
	}
}

func (r *reading) gitDependency(name String, s *section) {
	dep := &GitDependency{
		Name: name, URL: s.string("url"), Rev: s.string("rev"), Attr: s.string("attr"),
		Flake: s.bool("flake", true), Submodules: s.bool("submodules", false), Follows: s.list("follows"),
	}
	if dep.Attr.Value == "" {
		dep.Attr.Value = "default"
	}
	if old := r.m.gits[name.Value]; old != nil {
		r.redefined("git dependency", name, old.Name)
		return
	}
	r.m.gits[name.Value] = dep
	r.m.Git = append(r.m.Git, dep)
}

func (r *reading) localDependency(l *layer, name String, s *section) {
	dep := &LocalDependency{Name: name, Path: s.string("path"), Flake: s.bool("flake", true)}
	base := ""
	if l.module != nil {
		base = l.module.Dir
	}
	dep.Dir = path.Join(base, filepath.ToSlash(dep.Path.Value))
	if old := r.m.locals[name.Value]; old != nil {
		r.redefined("local dependency", name, old.Name)
		return
	}
	r.m.locals[name.Value] = dep
	r.m.Local = append(r.m.Local, dep)
}

func (r *reading) externalInput(name String, s *section) {
	in := &ExternalInput{Name: name, RequireFiles: s.list("require_files"), Lazy: s.bool("lazy", false)}
	if v := s.get("buckets"); v != nil {
		for _, p := range v.Pairs {
			in.Buckets = append(in.Buckets, Bucket{Name: p.Key, Env: p.Value})
		}
		if len(v.Pairs) == 0 {
			r.m.diags.Add(diagnostic.BadValue, v.At, "`buckets` is empty")
		}
	}
	if v := s.get("sha256"); v != nil {
		r.hashes(in, v)
	}
	for _, f := range in.RequireFiles {
		file, bucket, ok := cutLast(f.Value, "@")
		switch {
		case !ok || file == "":
			r.m.diags.Add(diagnostic.BadValue, f.At, "`"+f.Value+"` is not of the form `file@bucket`")
		case in.Bucket(bucket) == nil:
			r.m.unknownBucket(in, bucket, f.At)
		}
	}
	if old := r.m.externals[name.Value]; old != nil {
		r.redefined("external input", name, old.Name)
		return
	}
	r.m.externals[name.Value] = in
	r.m.External = append(r.m.External, in)
}

func (r *reading) hashes(in *ExternalInput, v *Value) {
	for _, p := range v.Pairs {
		switch bucket := in.Bucket(p.Key.Value); {
		case p.Key.Value == "" && len(in.Buckets) == 1:
			in.Buckets[0].Hash = p.Value
		case p.Key.Value == "":
			r.m.diags.Add(diagnostic.BadValue, p.Value.At, "one `sha256` cannot serve several buckets").Help =
				[]string{"write sha256 = { bucket = \"sha256-…\", … }"}
		case bucket == nil:
			r.m.unknownBucket(in, p.Key.Value, p.Key.At)
		default:
			bucket.Hash = p.Value
		}
	}
}

func (m *Manifest) unknownBucket(in *ExternalInput, bucket string, at Location) {
	names := make([]string, len(in.Buckets))
	for i, b := range in.Buckets {
		names[i] = b.Name.Value
	}
	d := m.diags.Add(diagnostic.UnknownExternal, at, "the external input `"+in.Name.Value+"` has no bucket `"+bucket+"`")
	if !didYouMean(d, bucket, names) && len(names) > 0 {
		d.Help = append(d.Help, "it has: "+strings.Join(names, ", "))
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (r *reading) remote(name String, s *section) {
	r.m.Remotes = append(r.m.Remotes, &Remote{
		Name: name, Store: s.string("store"), Builders: s.list("builders"), Substituters: s.list("substituters"),
	})
}
