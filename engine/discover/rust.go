package discover

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// cargoManifest is what matters of a Cargo.toml.
type cargoManifest struct {
	Package struct {
		Name  string
		Build any
	}
	Workspace *struct {
		Dependencies map[string]any
	}
	Dependencies      map[string]any
	DevDependencies   map[string]any `toml:"dev-dependencies"`
	BuildDependencies map[string]any `toml:"build-dependencies"`
}

// others names a crate of others that is needed, "" if there is none.
func (m cargoManifest) others() string {
	tables := []map[string]any{m.Dependencies, m.DevDependencies, m.BuildDependencies}
	if m.Workspace != nil {
		tables = append(tables, m.Workspace.Dependencies)
	}
	for _, table := range tables {
		for _, name := range slices.Sorted(maps.Keys(table)) {
			details, isTable := table[name].(map[string]any)
			if !isTable || details["path"] == nil && details["workspace"] == nil {
				return name
			}
		}
	}
	return ""
}

// cargo has Cargo build its workspaces and packages.
func (f *finder) cargo() {
	for _, dir := range f.roots("Cargo.toml") {
		f.cargoRoot(dir)
	}
}

func (f *finder) cargoRoot(dir string) {
	var m cargoManifest
	if err := toml.Unmarshal([]byte(f.read(in(dir, "Cargo.toml"))), &m); err != nil {
		f.note("%s cannot be read: %v", in(dir, "Cargo.toml"), err)
		return
	}
	name, what := m.Package.Name, "a package of Cargo"
	if m.Workspace != nil {
		what = "a workspace of Cargo"
	}
	if name == "" && dir == "." {
		name = f.name
	} else if name == "" {
		name = path.Base(dir)
	}
	hasTests, hasPrograms := false, false
	f.claim(dir, func(file string) bool {
		if schema.LanguageOf(file) != "rust" || !f.ofPackage(file) {
			return path.Base(file) == "Cargo.toml"
		}
		text := f.read(file)
		hasTests = hasTests || strings.Contains(text, "#[test]")
		hasPrograms = hasPrograms || rustMain().MatchString(text) && roleOf(file) == forUse
		return true
	})
	sources := f.cargoSources(dir)
	cargo := "export HOME=$TMPDIR CARGO_HOME=$TMPDIR/cargo CARGO_TARGET_DIR=$PWD/target\n"
	flags := " --offline"
	if f.has(in(dir, "Cargo.lock")) {
		flags += " --locked"
	}
	if dir != "." {
		flags += " --manifest-path " + shellWord(in(dir, "Cargo.toml"))
	}
	if m.Workspace != nil {
		flags += " --workspace"
	}
	build := cargo + "cargo build --release" + flags + "\n"
	if hasPrograms {
		var fs fields
		fs.list(schema.Sources, sources)
		fs.list(schema.NativeBuildInputs, []string{"cargo", "rustc"})
		fs.text(schema.BuildScript, build)
		fs.text(schema.InstallScript, "mkdir -p $out/bin\nfind target/release -maxdepth 1 -type f -perm -u+x ! -name '*.so' -exec cp {} $out/bin/ \\;\n")
		f.add(Target{Name: name, Kind: schema.Custom, Fields: fs, Reason: in(dir, "Cargo.toml") + " is " + what})
	} else {
		f.note("%s has libraries alone; add a custom target for what is to be installed of them", in(dir, "Cargo.toml"))
	}
	if hasTests {
		var fs fields
		fs.list(schema.Sources, sources)
		fs.list(schema.DepsNixpkgs, []string{"cargo", "rustc"})
		fs.text(schema.ScriptField, cargo+"cargo test"+flags+"\n")
		f.add(Target{Name: plainName(name) + "_tests", Kind: schema.Test, Fields: fs, Reason: "there are tests in its sources"})
	}
	f.missingCrates(dir)
}

// missingCrates says what a sandbox could not download.
func (f *finder) missingCrates(dir string) {
	if f.tree.Exists(in(dir, ".cargo/config.toml")) {
		return // which says where crates are
	}
	for _, file := range f.files {
		var m cargoManifest
		if path.Base(file) != "Cargo.toml" || !below(file, dir) || toml.Unmarshal([]byte(f.read(file)), &m) != nil {
			continue
		}
		if crate := m.others(); crate != "" {
			f.note("%s needs %s, and builds have no network: run `cargo vendor` there, put what it prints into .cargo/config.toml, "+
				"and list \"%s\" and \"%s\" in sources", file, crate, in(dir, "vendor/**"), in(dir, ".cargo/config.toml"))
			return
		}
	}
}

// ofPackage reports whether a file in Rust is where Cargo looks.
func (f *finder) ofPackage(file string) bool {
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		above := path.Dir(dir)
		if f.has(in(dir, "Cargo.toml")) {
			return path.Base(file) == "build.rs" && path.Dir(file) == dir
		}
		if slices.Contains([]string{"src", "tests", "benches", "examples"}, path.Base(dir)) && f.has(in(above, "Cargo.toml")) {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// cargoSources are the files that Cargo looks at: it wants the tests and
// examples of a package even where it does not build them.
func (f *finder) cargoSources(dir string) []string {
	var out []string
	for _, name := range []string{"Cargo.toml", "Cargo.lock", "build.rs", "rust-toolchain.toml", ".cargo/config.toml"} {
		if f.tree.Exists(in(dir, name)) {
			out = append(out, in(dir, name))
		}
	}
	for _, sub := range []string{"src", "tests", "benches", "examples", "vendor"} {
		if f.tree.IsDir(in(dir, sub)) {
			out = append(out, in(dir, sub)+"/**")
		}
	}
	for _, file := range f.files {
		member := path.Dir(file)
		if path.Base(file) != "Cargo.toml" || member == dir || !below(file, dir) || roleOf(file) == vendored {
			continue
		}
		if !slices.ContainsFunc(out, func(p string) bool {
			return strings.HasPrefix(p, member+"/**") || below(member, strings.TrimSuffix(p, "/**"))
		}) {
			out = append(out, member+"/**")
		}
	}
	return out
}

var rustMain = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^\s*(pub\s+)?(async\s+)?fn\s+main\s*\(`)
})

// rust makes a program of each file with a main function that Cargo knows
// nothing of.
func (f *finder) rust() {
	f.singlePrograms("rust", func(file string) bool { return rustMain().MatchString(f.read(file)) }, func(entry string) fields {
		var fs fields
		fs.list(schema.Rustflags, []string{"--edition=2021"})
		return fs
	})
}

// singlePrograms makes a program of each entry in a language whose compiler finds
// the other files by itself: those below the directory of the entry.
func (f *finder) singlePrograms(language string, isEntry func(string) bool, more func(entry string) fields) {
	var entries, others []string
	for _, file := range f.inLanguage(language) {
		switch {
		case roleOf(file) != forUse:
		case isEntry(file):
			entries = append(entries, file)
		default:
			others = append(others, file)
		}
	}
	for _, entry := range entries {
		var own []string
		for _, file := range others {
			if below(file, path.Dir(entry)) {
				own = append(own, file)
			}
		}
		var fs fields
		fs.list(schema.Sources, f.with(entry, own))
		if more != nil {
			fs = append(fs, more(entry)...)
		}
		f.add(Target{Name: f.nameOf(entry), Kind: schema.Executable, Fields: fs, Reason: entry + " has a main function"})
	}
	if len(entries) == 0 && len(others) > 0 {
		f.note("%s has no main function", others[0])
	}
}
