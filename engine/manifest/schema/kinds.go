package schema

// Kind is what a target is.
type Kind uint8

// The kinds, in the order of the manual. NoKind stands for a missing or
// unknown one.
const (
	NoKind Kind = iota
	Executable
	StaticLibrary
	SharedLibrary
	PythonScript
	Run
	GeneratedSource
	Custom
	Test
	ScriptKind
	Testbed
	Capsule
)

// KindInfo describes a kind.
type KindInfo struct {
	Kind Kind
	Name string
	// Summary is one line; Doc is Markdown.
	Summary, Doc string
	// Snippet is the body of a new target of this kind.
	Snippet string
}

// KindTable has one row for each kind, in canonical order.
var KindTable = []KindInfo{
	{Executable, "executable", "a program in C, C++, Go, Rust, Zig or Nim", `
Compiles ` + "`sources`" + ` to ` + "`$out/bin/<name>`" + `. The language follows from the extension of the
sources. Libraries in ` + "`deps.internal`" + ` are linked in, transitively.`,
		"kind    = \"executable\"\nsources = [\"src/${1:main.cpp}\"]"},
	{StaticLibrary, "static_library", "an archive in C, C++ or Rust", `
Compiles ` + "`sources`" + ` to ` + "`$out/lib/lib<name>.a`" + ` and copies the content of ` + "`public_headers`" + ` to
` + "`$out/include`" + `. Targets that depend on it get both.`,
		"kind           = \"static_library\"\nsources        = [\"src/${1:lib.cpp}\"]\npublic_headers = [\"include\"]"},
	{SharedLibrary, "shared_library", "a shared object in C, C++ or Rust", `
Compiles ` + "`sources`" + ` to ` + "`$out/lib/lib<name>.so`" + `. Programs that depend on it are linked with
a run path, so they find it without LD_LIBRARY_PATH.`,
		"kind           = \"shared_library\"\nsources        = [\"src/${1:lib.cpp}\"]\npublic_headers = [\"include\"]"},
	{PythonScript, "python_script", "a Python program with a uv-managed environment", `
` + "`sources[0]`" + ` is the entry; the packages of ` + "`uv.lock`" + ` are installed by ` + "`uv sync`" + ` in a
fixed-output derivation. Gives ` + "`$out/bin/<name>`" + `.`,
		"kind           = \"python_script\"\nsources        = [\"src/${1:main.py}\"]\npython_version = \"3.12\"\npython_project = \".\""},
	{Run, "run", "runs a program at build time and keeps its output files", `
Runs another target, or a program from ` + "`deps.nixpkgs`" + `, with ` + "`args`" + ` and captures
` + "`outputs`" + `.`,
		"kind    = \"run\"\nrun     = \"${1:target}\"\noutputs = [\"${2:out.txt}\"]"},
	{GeneratedSource, "generated_source", "runs a tool that generates files for other targets", `
Runs ` + "`command`" + ` on ` + "`inputs`" + `; it writes ` + "`outputs`" + ` to ` + "`$out`" + `. Others use the files as
` + "`${name}/file`" + `, which also makes the dependency.`,
		"kind    = \"generated_source\"\ninputs  = [\"${1:schema.json}\"]\ncommand = \"${2:tool} $inputs -o $out/${3:gen.h}\"\noutputs = [\"${3:gen.h}\"]"},
	{Custom, "custom", "your own build and install scripts", `
The escape hatch: ` + "`build_script`" + ` and ` + "`install_script`" + ` run in the sandbox, in the unpacked
source, with all dependencies on PATH.`,
		"kind           = \"custom\"\ninstall_script = \"\"\"\nmkdir -p $out\n${0}\n\"\"\""},
	{Test, "test", "a test, run by `rigx test`", `
Runs ` + "`script`" + `; it passes when the script succeeds. In the sandbox (the default) the result
is cached until something it depends on changes; with ` + "`sandbox = false`" + ` it runs on the host
in the project's directory.`,
		"kind          = \"test\"\ndeps.internal = [\"${1:target}\"]\nscript        = \"\"\"\n${0}\n\"\"\""},
	{ScriptKind, "script", "a task on the host, run by `rigx run`", `
Runs ` + "`script`" + ` on the host with the tools of ` + "`deps.nixpkgs`" + ` on PATH: publish, deploy, release.
Arguments after ` + "`--`" + ` are ` + "`\"$@\"`" + `.`,
		"kind   = \"script\"\nscript = \"\"\"\n${0}\n\"\"\""},
	{Testbed, "testbed", "several capsules, wired together, with faults; run by `rigx run`", `
Either declared, by ` + "`nodes`, `links` and `faults`" + `, or a ` + "`script`" + ` that stands up capsules, or
both: then the script runs when all nodes are up. Without a script it stays up until
interrupted.`,
		"kind          = \"testbed\"\ndeps.nixpkgs  = [\"python3\"]\nscript        = \"\"\"\npython3 testbeds/${1:scenario}.py\n\"\"\""},
	{Capsule, "capsule", "a container or virtual machine that runs what was built", `
Packages ` + "`entrypoint`" + ` and what it needs; ` + "`output/<name>/bin/run-<name>`" + ` starts it.`,
		"kind          = \"capsule\"\nbackend       = \"lite\"\ndeps.internal = [\"${1:target}\"]\nentrypoint    = \"\\${${1:target}}/bin/${1:target}\""},
}

// String is the kind as written in rigx.toml, "" for NoKind.
func (k Kind) String() string {
	if k == NoKind || int(k) > len(KindTable) {
		return ""
	}
	return KindTable[k-1].Name
}

// Info returns the kind's row. It must not be called on NoKind.
func (k Kind) Info() KindInfo { return KindTable[k-1] }

// ParseKind returns the kind of that name, or NoKind.
func ParseKind(name string) Kind {
	for _, row := range KindTable {
		if row.Name == name {
			return row.Kind
		}
	}
	return NoKind
}

// KindNames lists all kinds in canonical order.
func KindNames() []string {
	out := make([]string, len(KindTable))
	for i, row := range KindTable {
		out[i] = row.Name
	}
	return out
}

// Compiled kinds go through a compiler that the sources' language chooses.
const Compiled = KindSet(1<<Executable | 1<<StaticLibrary | 1<<SharedLibrary)

// OnHost kinds run outside the sandbox and have no output of their own. Tests
// join them when `sandbox = false`.
const OnHost = KindSet(1<<ScriptKind | 1<<Testbed)

// Languages in the order of the manual.
var Languages = []string{"c", "cxx", "go", "rust", "zig", "nim"}

// LanguageOf returns the language of a source file by its extension, or ""
// for headers, data and the unknown.
func LanguageOf(path string) string {
	for i := len(path) - 1; i >= 0 && path[i] != '/'; i-- {
		if path[i] == '.' {
			return extensions[path[i:]]
		}
	}
	return ""
}

var extensions = map[string]string{
	".c": "c", ".cpp": "cxx", ".cxx": "cxx", ".cc": "cxx", ".C": "cxx",
	".go": "go", ".rs": "rust", ".zig": "zig", ".nim": "nim",
}
