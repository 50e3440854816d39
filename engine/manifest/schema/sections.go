package schema

import "strings"

// The sections of rigx.toml other than [targets], in canonical order.
var (
	Project = &Section{Name: "project", Doc: "The identity of the project. Only the root rigx.toml has it.", Fields: []*Field{
		{Name: "name", Type: String, Required: true, Doc: "The name of the project and of the generated flake.", Example: `"myproject"`},
		{Name: "version", Type: String, Default: `"0.0.0"`, Doc: "The version of the derivations.", Example: `"0.1.0"`},
		{Name: "description", Type: String, Doc: "Shown by `nix flake metadata`.", Example: `"A short summary"`},
		{Name: "rigx_min_version", Type: String, Doc: "Older releases of rigx refuse to load the project. Format X.Y.Z.", Example: `"0.5.0"`},
		{Name: "sources", Type: Strings, Content: Paths, Doc: "Globs of all files that any target may see. Narrows what is copied into the store and so what rebuilds.", Example: `["**/*.cpp", "**/*.h"]`},
		{Name: "excludes", Type: Strings, Content: Paths, Doc: "Globs taken out of `sources` again.", Example: `["**/*_generated.h"]`},
		{Name: "respect_gitignore", Type: Bool, Default: "true", Doc: "In a git checkout, leave what git ignores out of `sources`."},
	}}
	Install = &Section{Name: "project.install", Since: "0.9.0", Doc: "Makes the whole project an installable Python application: `packages.default` and `apps.default`, built with `buildPythonApplication`.", Fields: []*Field{
		{Name: "bin", Type: String, Required: true, Doc: "The program's name.", Example: `"mytool"`},
		{Name: "build_system", Type: Strings, Content: Nixpkgs, Default: `["setuptools"]`, Doc: "Python packages that build the project.", Example: `["setuptools"]`},
		{Name: "runtime_path", Type: Strings, Content: Nixpkgs, Doc: "Nixpkgs attributes that are on PATH when the program runs.", Example: `["git"]`},
		{Name: "python_packages", Type: Strings, Content: Nixpkgs, Doc: "Python packages that the program imports.", Example: `["requests"]`},
	}}
	NixpkgsSection = &Section{Name: "nixpkgs", Doc: "Which nixpkgs all packages come from.", Fields: []*Field{
		{Name: "ref", Type: String, Default: `"nixos-24.11"`, Doc: "A branch, tag or commit of nixpkgs; a flake URL; a path; or `host` for the programs installed on this machine.", Example: `"nixos-24.11"`},
	}}
	Vars = &Section{Name: "vars", Doc: "Lists of strings to use as `\"$vars.name\"` inside any list of a target.", Fields: []*Field{
		{Name: "extends", Type: Strings, Content: Paths, Doc: "Other TOML files whose `[vars]` are taken in, relative to the project or module.", Example: `["../shared.toml"]`},
	}}
	GitDependency = &Section{Name: "dependencies.git", Entries: true, Doc: "A flake (or plain source tree) from a git repository, used through `deps.git`.", Fields: []*Field{
		{Name: "url", Type: String, Required: true, Doc: "Where the repository is.", Example: `"https://github.com/someone/mylib"`},
		{Name: "rev", Type: String, Doc: "A branch, tag, or full commit.", Example: `"v1.0.0"`},
		{Name: "flake", Type: Bool, Default: "true", Doc: "`false`: a plain source tree, used as `${name}`."},
		{Name: "attr", Type: String, Default: `"default"`, Doc: "The attribute of its packages to use.", Example: `"default"`},
		{Name: "submodules", Type: Bool, Default: "false", Since: "0.10.0", Doc: "Fetch git submodules too."},
		{Name: "follows", Type: Strings, Since: "0.10.0", Doc: "Inputs of that flake which are to be this project's, such as `nixpkgs`.", Example: `["nixpkgs"]`},
	}}
	LocalDependency = &Section{Name: "dependencies.local", Entries: true, Doc: "Another rigx project next to this one; its targets are used as `name.target`.", Fields: []*Field{
		{Name: "path", Type: String, Required: true, Content: Dirs, Doc: "Its directory, relative to this rigx.toml.", Example: `"./frontend"`},
		{Name: "flake", Type: Bool, Default: "true", Doc: "Mirrors git dependencies."},
	}}
	Modules = &Section{Name: "modules", Doc: "Sub-folders with a rigx.toml of their own that are merged into this project. Their targets are called `folder.target`.", Fields: []*Field{
		{Name: "include", Type: Strings, Content: Dirs, Required: true, Doc: "The folders.", Example: `["frontend", "service"]`},
	}}
	ExternalInput = &Section{Name: "external_inputs", Entries: true, Doc: "Directories of this machine that the build may use: vendor SDKs, firmware.", Fields: []*Field{
		{Name: "buckets", Type: StringTable, Required: true, Doc: "Maps a name of your choice to the environment variable that holds the directory. Used as `${input.bucket}`.", Example: `{ include = "SDK_INCLUDE" }`},
		{Name: "require_files", Type: Strings, Doc: "Files that must be there, as `file@bucket`.", Example: `["zenoh.h@include"]`},
		{Name: "sha256", Type: Hash, Doc: "The content hash, by bucket; a single string where there is one bucket.", Example: `{ include = "sha256-…" }`},
		{Name: "lazy", Type: Bool, Default: "false", Doc: "Check only when a target that uses it is built."},
	}}
	Remote = &Section{Name: "remotes", Entries: true, Since: "0.10.0", Doc: "A remote store or builders, used by `--remote NAME` and never otherwise.", Fields: []*Field{
		{Name: "store", Type: String, Doc: "The store that builds and keeps the results.", Example: `"ssh-ng://build@rio.example"`},
		{Name: "builders", Type: Strings, Doc: "Machines that Nix may hand derivations to.", Example: `["ssh://arm.example aarch64-linux"]`},
		{Name: "substituters", Type: Strings, Doc: "Binary caches to ask.", Example: `["https://cache.example"]`},
	}}
)

// Sections in canonical order; [targets.<name>] follow them.
var Sections = []*Section{
	Project, Install, NixpkgsSection, Vars, GitDependency, LocalDependency, Modules, ExternalInput, Remote,
}

// Include is the one top-level key.
var Include = &Field{Name: "include", Type: Strings, Content: Paths,
	Doc: "Other TOML files that are read as if they stood here: paths or globs relative to this file. Must come before the first `[section]`.", Example: `["targets/*.toml"]`}

// TopLevel lists the first part of every section name.
var TopLevel = []string{"include", "project", "nixpkgs", "vars", "dependencies", "modules", "external_inputs", "remotes", "targets"}

// SectionNamed returns the section of that dotted name, or nil.
func SectionNamed(name string) *Section {
	for _, s := range Sections {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Lookup finds what `rigx explain` and hover describe: a field of targets
// ("deps.internal"), or of a section ("project.version"), with what it belongs to
// ("faults.drop_rate") or without.
func Lookup(name string) []*Field {
	var out []*Field
	if f := TargetField(name); f != nil {
		out = append(out, f)
	}
	for _, f := range TargetFields {
		if m := f.Member(strings.TrimPrefix(name, f.Name+".")); m != nil {
			out = append(out, m)
		}
	}
	if name == Include.Name {
		out = append(out, Include)
	}
	for _, s := range Sections {
		for _, f := range s.Fields {
			if name == f.Name || name == s.Name+"."+f.Name {
				out = append(out, f)
			}
		}
	}
	return out
}
