package schema

import "strings"

const (
	all = KindSet(1<<(Capsule+1) - 1<<Executable)
	// built kinds are derivations.
	built     = all &^ (1<<ScriptKind | 1<<Testbed)
	onlyCFlag = "C, C++"
)

var cFamily = []string{"c", "cxx"}

// The fields of targets. Decoded targets are asked for their values by these
// pointers.
var (
	KindField = &Field{Name: "kind", Type: String, Kinds: all, RequiredBy: all, NoVariant: true, Values: KindNames(),
		Doc: "What the target is.", Example: `"executable"`}
	Description = &Field{Name: "description", Type: String, Kinds: all, NoVariant: true, Since: "0.10.0",
		Doc: "One line about the target, shown by `rigx list` and in editors.", Example: `"the command line"`}
	Sources = &Field{Name: "sources", Type: Strings, Content: Paths, Interpolated: true, Merge: Append,
		Kinds:      Compiled | kinds(PythonScript, Custom, Run, Test, GeneratedSource),
		RequiredBy: Compiled | kinds(PythonScript),
		Doc:        "Source files, relative to the root: paths, or globs with `*`, `?`, `**` and `[…]`. A glob that matches nothing is an error.\n\nThe extension chooses the language. For Rust, Zig, Nim and Python the first source is the entry. With a `go.mod` among them, Go builds the package of the first source, and the others are those that it imports.", Example: `["src/main.cpp", "src/lib/**/*.cpp"]`}
	Inputs = &Field{Name: "inputs", Type: Strings, Content: Paths, Interpolated: true, Kinds: kinds(GeneratedSource),
		Doc: "Files that `command` reads, given to it as `$inputs`. Globs as in `sources`.", Example: `["schema/api.json"]`}
	Includes = &Field{Name: "includes", Type: Strings, Content: Dirs, Interpolated: true, Merge: Append,
		Kinds: Compiled | kinds(Custom, Run, Test, GeneratedSource, PythonScript),
		Doc:   "Directories on the include path. Their files become part of the target's source.", Example: `["include"]`}
	PublicHeaders = &Field{Name: "public_headers", Type: Strings, Content: Dirs, Merge: Append, Kinds: Compiled,
		Doc: "Directories whose content is installed to `$out/include`, for targets that depend on this library.", Example: `["include"]`}
	Language = &Field{Name: "language", Type: String, Kinds: Compiled, Values: Languages,
		Doc: "Overrides the language that the sources' extensions give.", Example: `"cxx"`}
	Compiler = &Field{Name: "compiler", Type: String, Kinds: Compiled,
		Doc: "Chooses the toolchain: for C and C++ a stdenv (`clang` means `clangStdenv`, `gcc13` means `gcc13Stdenv`), for Go, Rust, Zig and Nim an attribute of nixpkgs (`go_1_21`).", Example: `"clang"`}
	Target = &Field{Name: "target", Type: String, Kinds: Compiled | kinds(Capsule),
		Doc: "Builds for another platform: `aarch64-linux`, `armv7-linux`, `x86_64-linux-musl`, `x86_64-windows`; anything else is passed to the toolchain as it is.", Example: `"aarch64-linux"`}
	Cflags = &Field{Name: "cflags", Type: Strings, Content: Flags, Interpolated: true, Merge: Append, Kinds: Compiled, Languages: []string{"c"},
		Doc: "Flags of the C compiler.", Example: `["-O2", "-Wall"]`}
	Cxxflags = &Field{Name: "cxxflags", Type: Strings, Content: Flags, Interpolated: true, Merge: Append, Kinds: Compiled, Languages: []string{"cxx"},
		Doc: "Flags of the C++ compiler.", Example: `["-std=c++17", "-O2"]`}
	Goflags = &Field{Name: "goflags", Type: Strings, Content: Flags, Interpolated: true, Merge: Append, Kinds: Compiled, Languages: []string{"go"},
		Doc: "Flags of `go build`.", Example: `["-trimpath"]`}
	GoModulesHash = &Field{Name: "go_modules_hash", Type: String, Kinds: Compiled | kinds(Test, Custom), Languages: []string{"go"}, Since: "0.10.0",
		Doc: "The hash of the modules that `go.mod` and `go.sum` among the sources name. With it they are downloaded, once, and Go finds them. Write `\"sha256-" + strings.Repeat("A", 43) + "=\"` and let `rigx build --update-hashes` put the right one there. Without it modules must be in `vendor`.", Example: `"sha256-…"`}
	Rustflags = &Field{Name: "rustflags", Type: Strings, Content: Flags, Interpolated: true, Merge: Append, Kinds: Compiled, Languages: []string{"rust"},
		Doc: "Flags of `rustc`.", Example: `["-Copt-level=2"]`}
	Zigflags = &Field{Name: "zigflags", Type: Strings, Content: Flags, Interpolated: true, Merge: Append, Kinds: Compiled, Languages: []string{"zig"},
		Doc: "Flags of `zig build-exe`.", Example: `["-O", "ReleaseFast"]`}
	NimFlags = &Field{Name: "nim_flags", Type: Strings, Content: Flags, Interpolated: true, Merge: Append, Kinds: Compiled, Languages: []string{"nim"},
		Doc: "Flags of `nim c`.", Example: `["-d:release"]`}
	Ldflags = &Field{Name: "ldflags", Type: Strings, Content: Flags, Interpolated: true, Merge: Append, Kinds: Compiled, Languages: cFamily,
		Doc: "Linker flags (" + onlyCFlag + ").", Example: `["-lfmt"]`}
	Defines = &Field{Name: "defines", Type: Scalars, Interpolated: true, Merge: MergeOver, Kinds: Compiled, Languages: cFamily,
		Doc: "Preprocessor macros (" + onlyCFlag + "). `true` defines 1, `false` 0, numbers as written, a string exactly as it stands.", Example: `{ DEBUG = "1" }`}
	RunField = &Field{Name: "run", Type: String, Content: Targets, Kinds: kinds(Run), RequiredBy: kinds(Run),
		Doc: "The program: a target (its `bin/<name>`), `localdep.target`, or else a command on PATH from `deps.nixpkgs`.", Example: `"gen_greeting"`}
	Args = &Field{Name: "args", Type: Strings, Content: Flags, Interpolated: true, Merge: Append, Kinds: kinds(Run),
		Doc: "Arguments, each passed as one word. `${target}` is the store path of a target.", Example: `["--out", "greeting.txt"]`}
	Command = &Field{Name: "command", Type: String, Content: Script, Interpolated: true, Kinds: kinds(GeneratedSource), RequiredBy: kinds(GeneratedSource),
		Doc: "The shell command that writes `outputs` to `$out`. `$inputs` holds the input files.", Example: `"${tool}/bin/tool $inputs -o $out/gen.h"`}
	OutputsField = &Field{Name: "outputs", Type: Strings, Content: Outputs, Merge: Append, Kinds: kinds(Run, GeneratedSource), RequiredBy: kinds(Run, GeneratedSource),
		Doc: "Files or directories that the program writes; they are captured in `$out`, and a missing one fails the build.", Example: `["greeting.txt"]`}
	Products = &Field{Name: "products", Type: StringTable, Content: Outputs, Merge: MergeOver, Kinds: built &^ kinds(Capsule), Since: "0.10.0",
		Doc: "What of `$out` is handed to people: paths below it, and the type that Hydra shows, such as `binary-dist`, `doc manual` or `report coverage`. They are listed in `$out/nix-support/hydra-build-products`; a missing one fails the build.", Example: `{ "bin/hello" = "binary-dist" }`}
	BuildScript = &Field{Name: "build_script", Type: String, Content: Script, Interpolated: true, Kinds: kinds(Custom),
		Doc: "Bash that builds, run in the unpacked source before `install_script`."}
	InstallScript = &Field{Name: "install_script", Type: String, Content: Script, Interpolated: true, Kinds: kinds(Custom), RequiredBy: kinds(Custom),
		Doc: "Bash that puts the result into `$out`."}
	NativeBuildInputs = &Field{Name: "native_build_inputs", Type: Strings, Content: Nixpkgs, Merge: Append, Kinds: kinds(Custom),
		Doc: "Nixpkgs attributes for `nativeBuildInputs`: tools and hooks of the build machine.", Example: `["makeWrapper"]`}
	ScriptField = &Field{Name: "script", Type: String, Content: Script, Interpolated: true, Kinds: kinds(Test, ScriptKind, Testbed), RequiredBy: kinds(Test, ScriptKind),
		Doc: "Bash, run with `-eo pipefail`."}
	Sandbox = &Field{Name: "sandbox", Type: Bool, Kinds: kinds(Test), Default: "true",
		Doc: "`true`: the test is a derivation, hermetic and cached. `false`: it runs on the host, in the project's directory, each time."}
	Exclusive = &Field{Name: "exclusive", Type: Bool, Kinds: kinds(Test), Default: "false",
		Doc: "A host test that must not run beside another one: it needs a fixed port, a daemon, a directory."}
	PythonVersion = &Field{Name: "python_version", Type: String, Kinds: kinds(PythonScript), Default: `"3.12"`,
		Doc: "The interpreter: `3.12` means `pkgs.python312`.", Example: `"3.12"`}
	PythonProject = &Field{Name: "python_project", Type: String, Content: Dirs, Kinds: kinds(PythonScript), Default: `"."`,
		Doc: "The directory with `pyproject.toml` and `uv.lock`.", Example: `"."`}
	PythonVenvHash = &Field{Name: "python_venv_hash", Type: String, Kinds: kinds(PythonScript),
		Doc: "The hash of the installed environment. Without it the build fails and prints the hash to put here; `rigx build --update-hashes` writes it.", Example: `"sha256-…"`}
	PythonVenvExtra = &Field{Name: "python_venv_extra", Type: Strings, Content: Paths, Kinds: kinds(PythonScript),
		Doc: "More files that `uv sync` must see: vendored wheels, path dependencies. Relative to `python_project`.", Example: `["vendor", "wheels/*.whl"]`}
	Backend = &Field{Name: "backend", Type: String, Kinds: kinds(Capsule), Values: []string{"lite", "docker", "nixos", "qemu"}, Default: `"lite"`,
		Doc: "`lite`: a container that mounts the host's store. `docker`: one whose image holds all it needs. `nixos`: NixOS with systemd in a container. `qemu`: a NixOS virtual machine.", Example: `"lite"`}
	Entrypoint = &Field{Name: "entrypoint", Type: String, Content: Script, Interpolated: true, Kinds: kinds(Capsule), RequiredBy: kinds(Capsule),
		Doc: "The command that the capsule runs.", Example: `"${app}/bin/app --port $PORT"`}
	PortsField = &Field{Name: "ports", Type: Ports, Kinds: kinds(Capsule),
		Doc: "TCP ports that the capsule listens on.", Example: `[5000]`}
	UDPPorts = &Field{Name: "udp_ports", Type: Ports, Kinds: kinds(Capsule), Since: "0.10.0",
		Doc: "UDP ports that the capsule listens on.", Example: `[6000]`}
	Services = &Field{Name: "services", Type: StringTable, Content: Script, Interpolated: true, Merge: MergeOver, Kinds: kinds(Capsule), Since: "0.10.0",
		Doc: "Commands that run beside the entrypoint, by name. One that ends is started again; the capsule ends when its entrypoint does.", Example: `{ cache = "${cache}/bin/cache" }`}
	HealthCommand = &Field{Name: "health.command", Type: String, Content: Script, Interpolated: true, Kinds: kinds(Capsule), Since: "0.10.0",
		Doc: "The capsule is well when this command succeeds inside it (not in `qemu`).", Example: `"test -e /run/ready"`}
	HealthPort = &Field{Name: "health.port", Type: Port, Kinds: kinds(Capsule), Since: "0.10.0",
		Doc: "The capsule is well when this TCP port accepts connections.", Example: `5000`}
	HealthInterval = &Field{Name: "health.interval", Type: Number, Default: "0.5", Kinds: kinds(Capsule), Since: "0.10.0",
		Doc: "How many seconds lie between two looks.", Example: `0.5`}
	HealthTimeout = &Field{Name: "health.timeout", Type: Number, Default: "30", Kinds: kinds(Capsule), Since: "0.10.0",
		Doc: "How many seconds the capsule has to become well.", Example: `60`}
	Hostname = &Field{Name: "hostname", Type: String, Kinds: kinds(Capsule),
		Doc: "The capsule's host name; the target's name by default.", Example: `"greeter"`}
	Env = &Field{Name: "env", Type: Scalars, Kinds: kinds(Capsule), Merge: MergeOver, Interpolated: true,
		Doc: "Environment variables of the entrypoint.", Example: `{ PORT = "5000" }`}
	VolumesField = &Field{Name: "volumes", Type: Volumes, Kinds: kinds(Capsule),
		Doc: "Directories of the host inside the capsule (not in `qemu`). A relative `host` is below the project.", Example: `[{ host = "data", container = "/shared", mode = "rw" }]`}
	User = &Field{Name: "user", Type: String, Kinds: kinds(Capsule),
		Doc: "User and group inside the container (`lite` and `docker`): numbers, names, or `$UID:$GID` of whoever starts it.", Example: `"$UID:$GID"`}
	NixosModules = &Field{Name: "nixos_modules", Type: Strings, Content: Paths, Kinds: kinds(Capsule),
		Doc: "NixOS modules for `nixos` and `qemu` capsules.", Example: `["vm/openssh.nix"]`}
	DepsInternal = &Field{Name: "deps.internal", Type: Strings, Content: Targets, NoVariant: true, Kinds: all,
		Doc: "Other targets: of this project, of a module (`module.target`), or of a local dependency (`localdep.target`). Libraries among them are linked in.", Example: `["greet"]`}
	DepsNixpkgs = &Field{Name: "deps.nixpkgs", Type: Strings, Content: Nixpkgs, NoVariant: true, Kinds: all,
		Doc: "Attributes of nixpkgs: libraries to link with, programs to find on PATH.", Example: `["fmt"]`}
	DepsGit = &Field{Name: "deps.git", Type: Strings, Content: GitDeps, NoVariant: true, Kinds: all,
		Doc: "Names of `[dependencies.git.*]`.", Example: `["mylib"]`}
	DepsExternal = &Field{Name: "deps.external", Type: Strings, Content: Externals, NoVariant: true, Kinds: all,
		Doc: "Names of `[external_inputs.*]`.", Example: `["sdk"]`}
)

// TargetFields is the canonical order of a target's fields.
var TargetFields = []*Field{
	KindField, Description, Backend, Language, Compiler, Target, Sandbox, Exclusive,
	Sources, Inputs, Includes, PublicHeaders,
	Cflags, Cxxflags, Goflags, GoModulesHash, Rustflags, Zigflags, NimFlags, Ldflags, Defines,
	PythonVersion, PythonProject, PythonVenvHash, PythonVenvExtra,
	DepsInternal, DepsNixpkgs, DepsGit, DepsExternal, NativeBuildInputs,
	RunField, Args, Command, OutputsField,
	Entrypoint, Services, PortsField, UDPPorts, HealthCommand, HealthPort, HealthInterval, HealthTimeout, Hostname, Env, User, VolumesField, NixosModules,
	Subnet, Seed, SharedVolumes, Nodes, Links, Faults, TestbedField,
	BuildScript, InstallScript, ScriptField, Products,
}

// VariantFields lists what a [targets.<name>.variants.<variant>] may hold.
var VariantFields = func() []*Field {
	var out []*Field
	for _, f := range TargetFields {
		if !f.NoVariant {
			out = append(out, f)
		}
	}
	return out
}()
