package discover

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// buildSystem is one that configures, builds and installs by itself. Its targets
// run it, since its files say more than their sources do.
type buildSystem struct {
	// file at the root of what it builds.
	file string
	// packages of nixpkgs that it needs.
	packages []string
	// build has @DIR@ where the directory of the file belongs.
	build string
	// install, and installs: what its file has if that can be done. Otherwise
	// the programs below `out` are installed.
	install  string
	installs *regexp.Regexp
	out      string
	// test, and tests: what its file has if there are some.
	test  string
	tests *regexp.Regexp
}

// knownBuildSystems, the first that is found being used.
func knownBuildSystems() []buildSystem {
	return []buildSystem{
		{
			file: "CMakeLists.txt", packages: []string{"cmake"}, out: "build",
			build: "touch .before\ncmake -S @DIR@ -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$out\n" +
				"cmake --build build --parallel $NIX_BUILD_CORES\n",
			install: "cmake --install build\n", installs: regexp.MustCompile(`(?mi)^\s*install\s*\(`),
			test: "ctest --test-dir build --output-on-failure\n", tests: regexp.MustCompile(`(?mi)^\s*(enable_testing|include\s*\(\s*CTest)`),
		},
		{
			file: "meson.build", packages: []string{"meson", "ninja", "pkg-config"}, out: "build",
			build:   "touch .before\nmeson setup build @DIR@ --prefix=$out --buildtype=release\nninja -C build\n",
			install: "ninja -C build install\n", installs: regexp.MustCompile(`install\s*:\s*true|install_\w+\s*\(`),
			test: "ninja -C build test\n", tests: regexp.MustCompile(`(?m)^\s*test\s*\(`),
		},
		{
			file: "configure", build: "(cd @DIR@ && ./configure --prefix=$out)\nmake -C @DIR@\n",
			install: "make -C @DIR@ install\n", installs: regexp.MustCompile(``),
		},
		{
			file: "configure.ac", packages: []string{"autoconf", "automake", "libtool"},
			build:   "(cd @DIR@ && autoreconf -fi && ./configure --prefix=$out)\nmake -C @DIR@\n",
			install: "make -C @DIR@ install\n", installs: regexp.MustCompile(``),
		},
	}
}

func (f *finder) buildSystems() {
	for _, system := range knownBuildSystems() {
		for _, dir := range f.roots(system.file) {
			f.buildSystem(system, dir)
		}
	}
}

// roots are the directories with a file of that name, but not those inside
// others, nor those that belong to something else.
func (f *finder) roots(name string) []string {
	var out []string
	for _, file := range f.files {
		dir := path.Dir(file)
		if path.Base(file) != name || f.claimed[file] || roleOf(file) != forUse ||
			slices.ContainsFunc(out, func(root string) bool { return root == "." || dir == root || below(dir, root) }) {
			continue
		}
		out = append(out, dir)
	}
	// The root comes after its directories in the order of names.
	if slices.Contains(out, ".") {
		return []string{"."}
	}
	return out
}

func (f *finder) buildSystem(system buildSystem, dir string) {
	everyFile := f.everything(dir)
	all := ""
	for _, file := range f.files {
		if path.Base(file) == system.file && (file == in(dir, system.file) || below(file, dir)) {
			all += f.read(file) + "\n"
		}
	}
	place := strings.NewReplacer("@DIR@", shellWord(dir)).Replace
	build, install := place(system.build), place(system.install)
	reason := in(dir, system.file) + " says how it is built"
	if !system.installs.MatchString(all) {
		install = programsAfter(system.out, ".before")
		reason += "; it installs nothing, so its programs are copied"
	}
	deps := f.packagesOf(dir)
	name := path.Base(dir)
	if dir == "." {
		name = f.name
	}
	var fs fields
	fs.list(schema.Sources, everyFile)
	fs.list(schema.DepsNixpkgs, deps)
	fs.list(schema.NativeBuildInputs, system.packages)
	fs.text(schema.BuildScript, build)
	fs.text(schema.InstallScript, install)
	f.add(Target{Name: name, Kind: schema.Custom, Fields: fs, Reason: reason})
	if system.tests != nil && system.tests.MatchString(all) {
		var test fields
		test.list(schema.Sources, everyFile)
		test.list(schema.DepsNixpkgs, append(deps, system.packages...))
		test.text(schema.ScriptField, build+system.test)
		f.add(Target{Name: "check_" + plainName(name), Kind: schema.Test, Fields: test, Reason: in(dir, system.file) + " declares tests"})
	}
	f.claim(dir, func(file string) bool {
		language := schema.LanguageOf(file)
		return language == "c" || language == "cxx" || slices.Contains(makefileNames, path.Base(file)) ||
			slices.ContainsFunc(knownBuildSystems(), func(other buildSystem) bool { return path.Base(file) == other.file })
	})
}

// packagesOf are the packages that sources in C and C++ below a directory
// include headers of.
func (f *finder) packagesOf(dir string) []string {
	var files []string
	for _, file := range f.files {
		if language := schema.LanguageOf(file); below(file, dir) && (language == "c" || language == "cxx") && roleOf(file) != forExamples {
			files = append(files, file)
		}
	}
	pkgs, _ := packages(f.headers().of(files))
	return pkgs
}
