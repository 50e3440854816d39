package discover

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

var cMain = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ \t]*(extern "C" )?(int|void|auto)\s+main\s*\(`)
})

// cProgram is a file with a main function, and what belongs to it alone.
type cProgram struct {
	main string
	own  []string
	// test programs are run by a test.
	test bool
}

// cProject is the sources in C and C++ of a project, sorted into what they
// become.
type cProject struct {
	f       *finder
	headers headers
	makes   makeVariables

	programs []cProgram
	shared   []string            // the library that programs share
	vendored map[string][]string // sources by the vendored library
	roots    []string            // of vendored, sorted

	// libraries by the directory of their headers, for vendored ones.
	provides map[string]string
	own      []string // names of the project's own libraries
}

// cFamily makes a program of each file with a main function, a library of what
// several share, and a library of each vendored one.
func (f *finder) cFamily() {
	sources := append(f.inLanguage("c"), f.inLanguage("cxx")...)
	slices.Sort(sources)
	if len(sources) == 0 {
		return
	}
	p := &cProject{f: f, headers: f.headers(), vendored: map[string][]string{}, provides: map[string]string{}}
	p.makes = f.makeVariables()
	p.sort(sources)
	if f.hasMakefile() {
		if f.makefileDecides() {
			f.note("the Makefile finds out what to build, so it is used as it is")
			return
		}
		if lost := p.headers.of(p.all()).lost; len(lost) > 0 {
			// Something writes it during the build, and the Makefile knows what.
			f.note("%s is included but is not there before a build, so the Makefile is used as it is", lost[0])
			return
		}
	}
	f.claim(".", func(file string) bool { return slices.Contains(sources, file) })
	for _, root := range p.roots {
		p.vendoredLibrary(root)
	}
	p.commonLibrary()
	for _, program := range p.programs {
		p.program(program)
	}
	if lost := p.headers.of(p.all()).lost; len(lost) > 0 {
		f.note("nothing in the project is included as %s; a generated_source target can write what a tool generates", someOf(lost))
	}
	if f.hasMakefile() {
		f.note("the Makefile is not needed any more; flags and libraries in its variables were taken over")
	}
}

func (p *cProject) all() []string {
	all := slices.Clone(p.shared)
	for _, program := range p.programs {
		all = append(append(all, program.main), program.own...)
	}
	return all
}

// sort decides what each source belongs to.
func (p *cProject) sort(sources []string) {
	var others, testOthers, examples []string
	for _, file := range sources {
		r := roleOf(file)
		isMain := cMain().MatchString(p.f.read(file))
		switch {
		case r == forExamples:
			examples = append(examples, file)
		case r == vendored && !isMain && !slices.Contains([]string{"test", "tests", "examples", "example"}, path.Base(path.Dir(file))):
			root := vendorRoot(file)
			if p.vendored[root] == nil {
				p.roots = append(p.roots, root)
			}
			p.vendored[root] = append(p.vendored[root], file)
		case r == vendored:
		case isMain:
			p.programs = append(p.programs, cProgram{main: file, test: r == forTests})
		case r == forTests:
			testOthers = append(testOthers, file)
		default:
			others = append(others, file)
		}
	}
	if len(examples) > 0 {
		p.f.note("%s left out, being examples or benchmarks", someOf(examples))
	}
	p.assignTests(testOthers)
	slices.SortStableFunc(p.programs, func(a, b cProgram) int {
		switch {
		case a.test == b.test:
			return 0
		case b.test:
			return -1
		}
		return 1
	})
	for _, file := range others {
		if i := p.owner(file); i >= 0 {
			p.programs[i].own = append(p.programs[i].own, file)
		} else {
			p.shared = append(p.shared, file)
		}
	}
}

// assignTests gives the files of tests without a main function to the test
// programs. Test frameworks bring a main function of their own.
func (p *cProject) assignTests(files []string) {
	if len(files) == 0 {
		return
	}
	any := false
	for i := range p.programs {
		if p.programs[i].test {
			p.programs[i].own = append(p.programs[i].own, files...)
			any = true
		}
	}
	if any {
		return
	}
	if slices.ContainsFunc(p.headers.of(files).system, func(h string) bool {
		return strings.HasPrefix(h, "gtest/") || strings.HasPrefix(h, "gmock/") || strings.HasPrefix(h, "catch2/")
	}) {
		p.programs = append(p.programs, cProgram{main: files[0], own: files[1:], test: true})
		return
	}
	p.f.note("%s has no main function and no test framework", files[0])
}

// owner is the program that a file belongs to, or -1: the only program if there
// are no tests that would need the file too, or the only one in its directory
// where programs have directories of their own.
func (p *cProject) owner(file string) int {
	if len(p.programs) == 1 {
		if p.programs[0].test {
			return -1
		}
		return 0
	}
	owner := -1
	for i, program := range p.programs {
		dir := path.Dir(program.main)
		switch {
		case dir == "." || !below(file, dir) || program.test:
		case owner >= 0:
			return -1
		default:
			owner = i
		}
	}
	if owner < 0 {
		return -1
	}
	// What is beside the one program is the library of the tests and of what lies
	// elsewhere, unless several programs live like this.
	dirs := map[string]int{}
	for _, program := range p.programs {
		if !program.test {
			dirs[path.Dir(program.main)]++
		}
	}
	if len(dirs) < 2 || dirs[path.Dir(p.programs[owner].main)] > 1 {
		return -1
	}
	return owner
}

func (p *cProject) vendoredLibrary(root string) {
	files := p.vendored[root]
	users := p.headers.of(p.all())
	var dirs []string
	for _, dir := range users.dirs {
		if below(dir, root) || dir == root {
			dirs = append(dirs, dir)
		}
	}
	for _, header := range users.beside {
		if below(header, root) {
			dirs = set(dirs, path.Dir(header))
		}
	}
	if len(dirs) == 0 {
		p.f.note("%s is left out, as nothing includes its headers", root)
		return
	}
	name := p.static(path.Base(root), files, dirs, nil, sprintf("%s is a vendored library", root))
	for _, dir := range dirs {
		p.provides[dir] = name
	}
}

func (p *cProject) commonLibrary() {
	if len(p.shared) == 0 {
		return
	}
	name := p.f.name
	alone := len(p.programs) == 0 || !slices.ContainsFunc(p.programs, func(c cProgram) bool { return !c.test })
	if !alone {
		name += "_core"
	}
	var public []string
	for _, dir := range p.headers.of(p.shared).dirs {
		if p.provides[dir] == "" && (path.Base(dir) == "include" || path.Base(dir) == "inc") {
			public = append(public, dir)
		}
	}
	if len(public) == 0 && p.f.tree.IsDir("include") {
		public = []string{"include"}
	}
	p.own = append(p.own, p.static(name, p.shared, public, p.vendoredOf(p.shared),
		sprintf("%s without a main function", count(len(p.shared), "source file"))))
}

// static adds a static library; what is in C stands in a library of its own
// beside what is in C++.
func (p *cProject) static(name string, files, public, deps []string, reason string) string {
	c, cxx := byLanguage(files)
	if len(c) > 0 && len(cxx) > 0 {
		deps = append(slices.Clone(deps), p.static(name+"_c", c, public, deps, reason))
		files = cxx
	}
	inc := p.headers.of(files)
	var fs fields
	fs.list(schema.Sources, p.f.cover(append(slices.Clone(files), headersOutside(inc.beside, public)...)))
	fs.list(schema.Includes, p.includeDirs(inc))
	fs.list(schema.PublicHeaders, public)
	p.flags(&fs, files, inc)
	fs.list(schema.DepsInternal, deps)
	pkgs, _ := packages(inc)
	fs.list(schema.DepsNixpkgs, pkgs)
	return p.f.add(Target{Name: name, Kind: schema.StaticLibrary, Fields: fs, Reason: reason})
}

func headersOutside(headers, dirs []string) []string {
	return slices.DeleteFunc(slices.Clone(headers), func(h string) bool {
		return slices.ContainsFunc(dirs, func(dir string) bool { return below(h, dir) })
	})
}

// includeDirs are the directories to put on the include path: not those that a
// vendored library brings along. The root would make everything a source, so it
// is a flag instead.
func (p *cProject) includeDirs(inc includes) []string {
	var out []string
	for _, dir := range inc.dirs {
		if dir != "." && p.provides[dir] == "" {
			out = append(out, dir)
		}
	}
	return out
}

// flags takes over those of a Makefile.
func (p *cProject) flags(fs *fields, files []string, inc includes) {
	field, flags := schema.Cflags, p.makes.cflags
	if schema.LanguageOf(files[0]) == "cxx" {
		field, flags = schema.Cxxflags, p.makes.cxxflags
	}
	if slices.Contains(inc.dirs, ".") {
		flags = append([]string{"-I."}, flags...)
	}
	fs.list(field, flags)
}

// vendoredOf are the vendored libraries that files use.
func (p *cProject) vendoredOf(files []string) []string {
	inc := p.headers.of(files)
	var out []string
	for _, dir := range inc.dirs {
		if name := p.provides[dir]; name != "" {
			out = set(out, name)
		}
	}
	for _, header := range inc.beside {
		if name := p.provides[path.Dir(header)]; name != "" {
			out = set(out, name)
		}
	}
	return out
}

// program adds an executable and, if it is a test, what runs it.
func (p *cProject) program(c cProgram) {
	files := append([]string{c.main}, c.own...)
	name := p.f.nameOf(c.main)
	reason := c.main + " has a main function"
	if c.test && !cMain().MatchString(p.f.read(c.main)) {
		name, reason = "tests", path.Dir(c.main)+" has tests of a framework"
	}
	inc := p.headers.of(files)
	own, other := byLanguage(files)
	if schema.LanguageOf(c.main) == "cxx" {
		own, other = other, own
	}
	deps := slices.Clone(p.own)
	deps = set(deps, p.vendoredOf(files)...)
	if len(other) > 0 {
		deps = append([]string{p.static(name+"_parts", other, nil, p.vendoredOf(other), "what "+name+" has in another language")}, deps...)
	}
	pkgs, ldflags := packages(p.headers.of(append(slices.Clone(files), p.shared...)))
	ldflags = set(ldflags, p.makes.libraries...)
	for _, flag := range p.makes.libraries {
		if pkg := packageOfFlag(flag); pkg != "" {
			pkgs = set(pkgs, pkg)
		}
	}
	if schema.LanguageOf(c.main) == "c" && (len(other) > 0 || slices.ContainsFunc(p.shared, func(s string) bool { return schema.LanguageOf(s) == "cxx" })) {
		ldflags = append(ldflags, "-lstdc++")
	}
	if c.test && !cMain().MatchString(p.f.read(c.main)) {
		ldflags = withFrameworkMain(ldflags)
	}
	var fs fields
	fs.list(schema.Sources, p.f.cover(append(own, inc.beside...)))
	fs.list(schema.Includes, p.includeDirs(inc))
	p.flags(&fs, []string{c.main}, inc)
	fs.list(schema.Ldflags, ldflags)
	fs.list(schema.DepsInternal, deps)
	fs.list(schema.DepsNixpkgs, pkgs)
	name = p.f.add(Target{Name: name, Kind: schema.Executable, Fields: fs, Reason: reason})
	if c.test {
		var run fields
		run.list(schema.DepsInternal, []string{name})
		run.text(schema.ScriptField, name+"\n")
		p.f.add(Target{Name: "check_" + strings.TrimPrefix(name, "test_"), Kind: schema.Test, Fields: run, Reason: "runs " + name})
	}
}

// withFrameworkMain links the main function of a test framework, which stands
// before the framework itself.
func withFrameworkMain(ldflags []string) []string {
	for i, flag := range ldflags {
		switch flag {
		case "-lgmock":
			return slices.Insert(ldflags, i, "-lgmock_main")
		case "-lgtest":
			return slices.Insert(ldflags, i, "-lgtest_main")
		case "-lCatch2":
			return slices.Insert(ldflags, i, "-lCatch2Main")
		}
	}
	return ldflags
}

// packages are what the headers of the system need.
func packages(inc includes) (pkgs, ldflags []string) {
	for _, header := range inc.system {
		lib, _ := systemLibrary(header)
		if lib.pkg != "" {
			pkgs = set(pkgs, lib.pkg)
		}
		ldflags = set(ldflags, lib.flags...)
	}
	return pkgs, ldflags
}

func byLanguage(files []string) (c, cxx []string) {
	for _, file := range files {
		if schema.LanguageOf(file) == "c" {
			c = append(c, file)
		} else {
			cxx = append(cxx, file)
		}
	}
	return c, cxx
}

// someOf names the first of several.
func someOf(items []string) string {
	const few = 3
	if len(items) > few {
		return sprintf("%s and %d more", strings.Join(items[:few], ", "), len(items)-few)
	}
	return strings.Join(items, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return sprintf("%d %ss", n, what)
}
