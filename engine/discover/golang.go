package discover

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/source"
)

type goPatterns struct{ mainPackage, mainFunc, imports, oneImport, embed, module, require, replace, ignored *regexp.Regexp }

var goText = sync.OnceValue(func() goPatterns {
	return goPatterns{
		mainPackage: regexp.MustCompile(`(?m)^package\s+main\b`),
		mainFunc:    regexp.MustCompile(`(?m)^func\s+main\s*\(\s*\)`),
		imports:     regexp.MustCompile(`(?ms)^import\s*\((.*?)^\)|^import\s+([^\n(]*)`),
		oneImport:   regexp.MustCompile("[\"`]([^\"`]+)[\"`]"),
		embed:       regexp.MustCompile(`(?m)^//go:embed[ \t]+(.*)$`),
		module:      regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`),
		require:     regexp.MustCompile(`(?m)^(?:require\s+|\t)"?([^\s"()]+\.[^\s"()]*/[^\s"()]*|[^\s"()]+\.[^\s"()]+)"?\s+v\S+`),
		replace:     regexp.MustCompile(`(?m)^(?:replace\s+|\t)(\S+)(?:\s+v\S+)?\s+=>\s+(\.\.?\S*)`),
		ignored:     regexp.MustCompile(`(?m)^//go:build\s+ignore\b`),
	}
})

// goProject is what the Go modules of a project import from each other.
type goProject struct {
	f *finder
	// modules maps import paths to directories.
	modules map[string]string
	dirs    map[string][]string // sources of a package, tests left out
	known   map[string]goPackage
}

// goPackage is what a package consists of and imports from this project.
type goPackage struct {
	patterns, imports []string
	module            string
}

// golang makes a program of each main package, and a test of each module that
// has tests.
func (f *finder) golang() {
	sources := f.inLanguage("go")
	if len(sources) == 0 {
		return
	}
	f.claim(".", func(file string) bool { return schema.LanguageOf(file) == "go" })
	p := goProject{f, map[string]string{}, map[string][]string{}, map[string]goPackage{}}
	tested := map[string]bool{}
	for _, file := range sources {
		if roleOf(file) == vendored {
			continue
		}
		if strings.HasSuffix(file, "_test.go") {
			tested[f.moduleOf(path.Dir(file))] = true
		} else if !goText().ignored.MatchString(f.read(file)) {
			p.dirs[path.Dir(file)] = append(p.dirs[path.Dir(file)], file)
		}
	}
	var roots []string
	for _, file := range f.files {
		if path.Base(file) == "go.mod" && roleOf(file) != vendored {
			p.module(path.Dir(file))
			roots = append(roots, path.Dir(file))
		}
	}
	var mains []string
	for dir, files := range p.dirs {
		isMain := func(file string) bool {
			return goText().mainPackage.MatchString(f.read(file)) && goText().mainFunc.MatchString(f.read(file))
		}
		if slices.ContainsFunc(files, isMain) && roleOf(files[0]) == forUse {
			mains = append(mains, dir)
		}
	}
	slices.Sort(mains)
	for _, dir := range mains {
		p.program(dir)
	}
	for _, root := range roots {
		if tested[root] && roleOf(in(root, "go.mod")) == forUse {
			p.tests(root)
		}
	}
}

// moduleOf is the directory of the go.mod above, or "" without one.
func (f *finder) moduleOf(dir string) string {
	for ; ; dir = path.Dir(dir) {
		if f.has(in(dir, "go.mod")) {
			return dir
		}
		if dir == "." {
			return ""
		}
	}
}

func (p goProject) module(dir string) {
	text := p.f.read(in(dir, "go.mod"))
	if m := goText().module.FindStringSubmatch(text); m != nil {
		p.modules[m[1]] = dir
	}
	for _, m := range goText().replace.FindAllStringSubmatch(text, -1) {
		p.modules[m[1]] = path.Join(dir, m[2])
	}
}

// dirOf is the directory of an import, "" if it is not of this project.
func (p goProject) dirOf(imported string) string {
	for prefix := imported; ; {
		if dir, ok := p.modules[prefix]; ok {
			return path.Join(dir, strings.TrimPrefix(imported, prefix))
		}
		i := strings.LastIndexByte(prefix, '/')
		if i < 0 {
			return ""
		}
		prefix = prefix[:i]
	}
}

func (p goProject) program(dir string) {
	var fs fields
	module := p.f.moduleOf(dir)
	if module == "" {
		fs.list(schema.Sources, p.f.cover(p.dirs[dir]))
	} else {
		sources := p.needs(dir)
		if p.mixed(sources) {
			fs.text(schema.Language, "go") // cgo compiles the others, or they are embedded
		}
		fs.list(schema.Sources, sources)
		p.downloads(&fs, sources)
	}
	name := path.Base(dir)
	if dir == "." || dir == module {
		name = p.f.name
		if m := goText().module.FindStringSubmatch(p.f.read(in(dir, "go.mod"))); m != nil {
			name = path.Base(regexp.MustCompile(`/v\d+$`).ReplaceAllString(m[1], ""))
		}
	}
	where := dir
	if dir == "." {
		where = "the root"
	}
	p.f.add(Target{Name: name, Kind: schema.Executable, Fields: fs, Reason: where + " is a main package of Go"})
}

// look reads the sources of a package, once.
func (p goProject) look(dir string) goPackage {
	if known, ok := p.known[dir]; ok {
		return known
	}
	out := goPackage{patterns: []string{in(dir, "*.go")}, module: p.f.moduleOf(dir)} // files of tests do no harm
	for _, file := range p.dirs[dir] {
		text := p.f.read(file)
		for _, block := range goText().imports.FindAllStringSubmatch(text, -1) {
			for _, m := range goText().oneImport.FindAllStringSubmatch(block[1]+block[2], -1) {
				if d := p.dirOf(m[1]); d != "" {
					out.imports = append(out.imports, d)
				} else if m[1] == "C" {
					out.patterns = set(out.patterns, p.besideGo(dir)...)
				}
			}
		}
		for _, m := range goText().embed.FindAllStringSubmatch(text, -1) {
			for _, word := range strings.Fields(m[1]) {
				out.patterns = set(out.patterns, p.embedded(dir, strings.Trim(word, "\"`"))...)
			}
		}
	}
	out.patterns = set(out.patterns, p.f.cover(p.beside(dir, ".s"))...)
	p.known[dir] = out
	return out
}

// needs lists globs of a package and of all it imports from this project, the
// package itself first.
func (p goProject) needs(dir string) []string {
	var patterns, modules []string
	queue, seen := []string{dir}, map[string]bool{}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if seen[at] || len(p.dirs[at]) == 0 {
			continue
		}
		seen[at] = true
		found := p.look(at)
		patterns = append(patterns, found.patterns...)
		queue = append(queue, found.imports...)
		if found.module != "" {
			modules = set(modules, found.module)
		}
	}
	for _, m := range modules {
		for _, name := range []string{"go.mod", "go.sum"} {
			if p.f.has(in(m, name)) {
				patterns = append(patterns, in(m, name))
			}
		}
		if p.f.tree.Exists(in(m, "vendor/modules.txt")) {
			patterns = append(patterns, in(m, "vendor/**"))
		}
	}
	if p.f.has("go.work") {
		patterns = append(patterns, "go.work")
	}
	return unique(patterns)
}

// mixed reports whether globs match files in other languages as well.
func (p goProject) mixed(patterns []string) bool {
	other := func(file string) bool { return schema.LanguageOf(file) != "go" && schema.LanguageOf(file) != "" }
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if path.Ext(pattern) == ".go" || !source.HasMeta(pattern) {
			return other(pattern)
		}
		found, err := p.f.tree.Glob(pattern)
		return err == nil && slices.ContainsFunc(found, other)
	})
}

// besideGo are what cgo compiles.
func (p goProject) besideGo(dir string) []string {
	return p.f.cover(append(p.beside(dir, ".c"), append(p.beside(dir, ".h"), p.beside(dir, ".cc")...)...))
}

func (p goProject) beside(dir, ext string) []string {
	var out []string
	for _, file := range p.f.byDir[dir] {
		if path.Ext(file) == ext {
			out = append(out, file)
			p.f.claimed[file] = true
		}
	}
	return out
}

func (p goProject) embedded(dir, pattern string) []string {
	pattern = path.Join(dir, strings.TrimPrefix(pattern, "all:"))
	if p.f.tree.IsDir(pattern) {
		return []string{pattern + "/**"}
	}
	found, err := p.f.tree.Glob(pattern)
	if err == nil && len(found) == 0 { // a glob of directories
		if found, err = p.f.tree.Glob(pattern + "/**"); err == nil && len(found) > 0 {
			return []string{pattern + "/**"}
		}
	}
	if err != nil || len(found) == 0 {
		return nil
	}
	return []string{pattern}
}

// goOffline keeps Go from looking for modules and toolchains elsewhere.
const goOffline = "export HOME=$TMPDIR GOPROXY=off GOTOOLCHAIN=local\n"

func (p goProject) tests(root string) {
	var fs fields
	var sources []string
	for _, file := range p.f.files { // not those in vendor
		if path.Ext(file) != ".go" || !below(file, root) || roleOf(file) == vendored {
			continue
		}
		top, _, inside := strings.Cut(strings.TrimPrefix(file, root+"/"), "/")
		if inside {
			sources = set(sources, in(root, top)+"/**/*.go")
		} else {
			sources = set(sources, in(root, "*.go"))
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if p.f.has(in(root, name)) {
			sources = append(sources, in(root, name))
		}
	}
	if found, err := p.f.tree.Glob(in(root, "**/testdata/**")); err == nil && len(found) > 0 {
		sources = append(sources, in(root, "**/testdata/**"))
	}
	if p.f.tree.Exists(in(root, "vendor/modules.txt")) {
		sources = append(sources, in(root, "vendor/**"))
	}
	for _, dir := range slices.Sorted(maps.Keys(p.dirs)) {
		if !below(dir+"/x", root) || slices.Contains(strings.Split(dir, "/"), "testdata") {
			continue
		}
		for _, pattern := range p.look(dir).patterns {
			if path.Ext(pattern) != ".go" && !strings.Contains(pattern, "/testdata/") {
				sources = append(sources, pattern)
			}
		}
	}
	sources = unique(sources)
	name := "go_tests"
	script := goOffline
	if root != "." {
		name = plainName(path.Base(root)) + "_tests"
		script += "cd " + shellWord(root) + "\n"
	}
	fs.list(schema.Sources, sources)
	if p.downloads(&fs, sources) {
		script = strings.TrimPrefix(script, goOffline) // where modules are is in the environment
	}
	fs.list(schema.DepsNixpkgs, []string{"go"})
	fs.text(schema.ScriptField, script+"go test ./...\n")
	p.f.add(Target{Name: name, Kind: schema.Test, Fields: fs, Reason: in(root, "go.mod") + " has tests beside its packages"})
}

// hashUnknown makes Nix say what the hash is.
const hashUnknown = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// downloads gives a target the hash of the modules that it needs from elsewhere,
// to be filled in by the first build, and reports whether it did.
func (p goProject) downloads(fs *fields, sources []string) bool {
	var modules []string
	for _, s := range sources {
		if path.Base(s) == "go.mod" {
			modules = append(modules, path.Dir(s))
		}
	}
	for _, m := range modules {
		required := p.required(m)
		switch {
		case required == "":
		case len(modules) == 1 && p.f.has(in(m, "go.sum")):
			fs.text(schema.GoModulesHash, hashUnknown)
			p.f.noteOnce("%s requires modules such as %s: `rigx build --update-hashes` downloads them, once, and writes their hash", in(m, "go.mod"), required)
			return true
		default:
			p.f.noteOnce("%s requires %s, and builds have no network: run `go mod vendor` there, add vendor/ to git, then list \"%s\" in sources",
				in(m, "go.mod"), required, in(m, "vendor/**"))
		}
	}
	return false
}

// required is a module that is neither of this project nor vendored, "" if there
// is none.
func (p goProject) required(module string) string {
	if p.f.tree.Exists(in(module, "vendor/modules.txt")) {
		return ""
	}
	for _, m := range goText().require.FindAllStringSubmatch(p.f.read(in(module, "go.mod")), -1) {
		if p.modules[m[1]] == "" {
			return m[1]
		}
	}
	return ""
}
