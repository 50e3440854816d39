package diagnostic

// explanations is sorted by code; a test holds it to that and to completeness.
var explanations = []Explanation{
	{Syntax, "the file is not valid TOML here", `
The text cannot be read as TOML. rigx skips the broken line and reads on, so
other findings of the same run are still worth mending.

    sources = ["src/main.cpp"     # the closing bracket is missing
`},
	{Duplicate, "a key or table is defined twice", `
TOML allows a key once in a table and a ` + "`[table]`" + ` header once in a file. Rename
one of the two, or merge them.
`},
	{Encoding, "the file is not UTF-8", `
rigx.toml must be UTF-8 text. Convert it, for instance with
` + "`iconv -f latin1 -t utf-8`" + `.
`},
	{Unreadable, "a file cannot be read", `
The file exists, but reading it failed: permissions, a directory in its place,
or a file that is too large. The message carries the system's reason.
`},
	{Unwritable, "a file could not be written", `
rigx writes flake.nix and flake.lock next to rigx.toml, and links below output/. Each is replaced in
one step, so what was there before is still there. Give yourself the right to write to the project's
directory, or make room on the disk.
`},
	{WrongType, "a value has the wrong type", `
The field takes another type of value, for example a list where a single string
was given. rigx does not guess: ` + "`sandbox = \"false\"`" + ` is a string, not false.

    sources = "src/main.cpp"      # wrong
    sources = ["src/main.cpp"]    # right
`},
	{MissingField, "a required field is missing", `
The section or kind cannot work without this field. ` + "`rigx explain FIELD`" + `
shows what it means.
`},
	{UnknownKind, "there is no such kind of target", `
` + "`kind`" + ` must be one of executable, static_library, shared_library, python_script,
run, generated_source, custom, test, script, testbed or capsule.
`},
	{OutOfRange, "a number is out of range", `
Ports are 1 to 65535, rates 0 to 1, delays and sizes not negative.
`},
	{BadValue, "a value is not one of those allowed", `
The field takes one of a few words, or text of a certain form; the message says
which.
`},
	{BadName, "a name cannot be used", `
Names of targets and variants may be any text except the empty one, and must
not contain ` + "`/`" + `, ` + "`@`" + `, control characters, or be ` + "`.`" + ` or ` + "`..`" + `: they
become file names under output/ and are typed as ` + "`target@variant`" + `.
`},
	{NotForKind, "a field contradicts the kind of its target", `
The field is meaningful for other kinds only, and ignoring it would build
something else than what was written, for instance ` + "`nixos_modules`" + ` on a lite
capsule or Go sources in a static library.
`},
	{Misplaced, "something stands in a place where it cannot work", `
For instance ` + "`include`" + ` after the first ` + "`[section]`" + ` header (TOML then reads it as
part of that section), ` + "`[project]`" + ` in an included file or in a module, or
` + "`[[targets]]`" + ` where ` + "`[targets.name]`" + ` is meant.
`},
	{TooOld, "this rigx is older than the project asks for", `
` + "`[project].rigx_min_version`" + ` names a newer release. Update rigx, or lower the
number if the project does not need the newer one.
`},
	{MixedLanguages, "the language of a target is not clear", `
The extensions of ` + "`sources`" + ` belong to several languages, or to none. Say which
one is meant: ` + "`language = \"cxx\"`" + `.
`},
	{UnknownVariable, "there is no such variable", `
` + "`\"$vars.name\"`" + ` refers to an entry of ` + "`[vars]`" + ` in this file, an included file, a
module, or a file that ` + "`[vars].extends`" + ` names.
`},
	{UnknownVariant, "there is no such variant", `
` + "`target@variant`" + ` refers to ` + "`[targets.target.variants.variant]`" + `.
`},
	{UnknownTarget, "there is no such target", `
The name is not a target of this project, of a module, or of a local
dependency (` + "`localdep.target`" + `). Inside a module, an unqualified name means the
module's own target first.
`},
	{UnknownGit, "there is no such git dependency", `
` + "`deps.git`" + ` refers to ` + "`[dependencies.git.NAME]`" + `.
`},
	{UnknownExternal, "there is no such external input", `
` + "`deps.external`" + ` refers to ` + "`[external_inputs.NAME]`" + `, and ` + "`${NAME.BUCKET}`" + ` to one of
its buckets.
`},
	{UnknownReference, "${…} refers to nothing", `
Inside scripts, arguments, flags and paths, ` + "`${name}`" + ` is the store path of a
target, ` + "`${localdep.target}`" + ` of a target of a local dependency, ` + "`${input.bucket}`" + `
of an external input, and ` + "`${pkgs.name}`" + ` of a nixpkgs package.

A shell variable in braces must be escaped, since Nix reads the text first:

    echo ''${HOME}      # the shell's HOME
    echo $HOME          # the same, shorter
`},
	{Cycle, "targets depend on each other in a circle", `
A target cannot be built before itself. The message shows the chain; break one
of its edges, usually by moving what both need into a third target.
`},
	{NotBuildable, "a target that produces nothing is used as a dependency", `
Targets of kind script and testbed, and tests with ` + "`sandbox = false`" + `, run on the
host and have no output that another target could use.
`},
	{Collision, "two things would get the same name", `
Two targets or variants would become the same attribute or the same file under
output/, for example the target ` + "`app-debug`" + ` and the variant ` + "`app@debug`" + `. Rename
one of them.
`},
	{Redefined, "a name is defined in two files", `
A target, variable, dependency or input may be defined once across the root
file, its includes and its modules.
`},
	{BadInterpolation, "a ${…} is not complete", `
` + "`${`" + ` needs a name and a closing brace. Write ` + "`''${`" + ` for a literal ` + "`${`" + `.
`},
	{NotAProgram, "`run` names a target that is no program", `
A target of kind run calls ` + "`bin/<name>`" + ` of the target that it names. Libraries,
generated sources, tests and results of other runs have no program.
`},
	{UnknownNode, "a link or fault names a node that there is not", `
The links and faults of a testbed run between its "nodes", by their names; "host" is the script, or
the test that uses the testbed. A fault also needs a link to be on: from the one node to the other,
of its protocol and port if it names them.

` + "```toml\n[targets.lab.nodes.server]\ncapsule    = \"server\"\nlistens_on = [5000]\n\n[[targets.lab.links]]\nfrom = \"host\"\nto   = \"server\"\nport = 5000\n```" + `
`},
	{MissingFile, "a file does not exist", `
The path is relative to the directory of the root rigx.toml (for a module: to
the module's directory).
`},
	{EmptyGlob, "a pattern matches no file", `
` + "`*`" + ` and ` + "`?`" + ` stay within one directory, ` + "`**`" + ` crosses directories, ` + "`[abc]`" + ` is one
character.
`},
	{OutsideProject, "a path leaves the project", `
Sources, headers and outputs must be relative paths that stay below the
project's directory. Use a local or git dependency, or an external input, to
reach other places.
`},
	{BadGlob, "a pattern is malformed", `
A character class is not closed or its range runs backwards. To match a literal
bracket write ` + "`[[]`" + `.
`},
	{IncludeCycle, "files include each other in a circle", `
An include, ` + "`extends`" + `, module or local dependency leads back to a file that is
being read. The message shows the chain.
`},
	{NotInBaseline, "a source is not part of the project's sources", `
` + "`[project].sources`" + ` (less ` + "`excludes`" + ` and git-ignored files) does not contain this
file, so it would be missing from the build.
`},
	{MissingModule, "a module has no rigx.toml", `
Every entry of ` + "`[modules].include`" + ` is a directory with a rigx.toml in it.
`},
	{MissingLocal, "a local dependency has no rigx.toml", `
` + "`[dependencies.local.NAME].path`" + ` is the directory of another rigx project.
`},
	{ExternalUnset, "the environment variable of an external input is not set", `
` + "`buckets`" + ` maps a name to an environment variable that holds a directory on this
machine. Export it, or set ` + "`lazy = true`" + ` so that only targets which use the input
need it.
`},
	{ExternalMissing, "an external input lacks a directory or file", `
The directory that the variable names does not exist, or a file of
` + "`require_files`" + ` is not in it.
`},
	{NoProject, "there is no rigx.toml", `
rigx looks for rigx.toml in the current directory and its parents. ` + "`-C DIR`" + `
starts elsewhere.
`},
	{NixMissing, "Nix is not installed", `
Building needs Nix 2.4 or later. On Debian and Ubuntu: ` + "`apt-get install nix-bin`" + `;
elsewhere see https://nixos.org/download.
`},
	{NixFailed, "Nix reported an error", `
The generated flake could not be evaluated; Nix's own message follows.
`},
	{HostMissing, "the host package set lacks a package", `
With ` + "`nixpkgs = \"host\"`" + ` packages are the programs and libraries installed on this
machine. Install the one named, or use a pinned nixpkgs.
`},
	{NoPackage, "nixpkgs has no such package", `
The attribute is not in the project's nixpkgs. Packages are renamed and removed
between releases: look it up at https://search.nixos.org/packages for the
release in ` + "`[nixpkgs].ref`" + `.
`},
	{LockFailed, "the inputs could not be locked", `
Nix could not find the revision of an input: nixpkgs, or one of
` + "`[dependencies.git]`" + `. A branch or tag may be misspelt, or the network out of
reach. What is locked already needs no network; ` + "`--nixpkgs host`" + ` builds with what is
installed on this machine.
`},
	{CannotWatch, "files cannot be watched", `
` + "`rigx watch`" + ` asks the system to tell it about changes. Linux limits how many
directories one user may watch; the sysctls are fs.inotify.max_user_watches and
fs.inotify.max_user_instances.
`},
	{HashMismatch, "something has another hash than rigx.toml says", `
The packages of a ` + "`python_script`" + ` are known by ` + "`python_venv_hash`" + `, and the
directories of an external input by ` + "`sha256`" + `. If uv.lock or the directory
changed on purpose, write the new hash: ` + "`rigx build --update-hashes`" + ` does. If
nothing changed, somebody else changed what is downloaded or installed.
`},
	{UnknownRemote, "an unknown remote", `
` + "`--remote NAME`" + ` uses what ` + "`[remotes.NAME]`" + ` says, and rigx.toml has no such table.
`},
	{CopyFailed, "a result could not be copied", `
The target was built, but the other store could not be reached or refused it. A
store takes in what is signed by a key that it trusts.
`},
	{StoreUnreachable, "the store on another machine does not answer", `
` + "`--store`" + ` or ` + "`--remote`" + ` names a store behind ssh. Try ` + "`ssh HOST nix-store --version`" + ` with the
same user and port; options for ssh (a port, a key) are in ` + "`NIX_SSHOPTS`" + `, and the host must be among
the known ones, as nobody is asked. A link that breaks later is tried again three times, and what has
arrived is not sent again.
`},
	{ForeignSystem, "a build for another kind of machine", `
Something has to be built by programs for another processor or operating system, such as a part of a
NixOS for ` + "`target = \"aarch64-linux\"`" + ` that no cache has. A machine that emulates those programs can do it
(binfmt with qemu-user, and ` + "`extra-platforms`" + ` in nix.conf), or a build machine of that kind
(` + "`--builders`" + `). Programs of your own need neither: compilers build them for other machines.
`},
	{TestbedFailed, "a testbed cannot be stood up", `
Its network could not be made (an address or port is taken), or a node did not start, ended early, or
did not accept connections in time. What the node printed is above. Everything that was started is
stopped again.
`},
	{NoRevision, "there is nothing to compare with", `
` + "`--affected REV`" + ` compares the files of the project with a commit of git. The
project must lie in a work tree, git must be installed, and the commit must be
there: CI services often fetch the newest one only.
`},
	{NoHost, "this is no host to deploy to", `
` + "`rigx deploy --to`" + ` takes the URL of a store behind ssh, such as
` + "`ssh-ng://root@host`" + `, or the name of a ` + "`[remotes.<name>]`" + ` that has one. A
profile is a name, or an absolute path on the host.
`},
	{HostFailed, "the host did not do what it was asked to", `
ssh cannot log in, Nix is missing there, or Nix there refused. The profile of the
host is what it was: it is switched in one step, after everything was copied. What
was copied before is used when you try again.
`},
	{NoProfile, "there is no such profile or generation", `
There is nothing on the host to go back to: nothing was deployed to the profile
yet, or only once. ` + "`rigx deploy --list`" + ` shows what there is.
`},
	{CapsuleNotBuilt, "a capsule is not built", `
A capsule is started from output/NAME, where ` + "`rigx build NAME`" + ` puts it; ` + "`rigx capsule start NAME`" + `
builds it first unless it is told ` + "`--no-build`" + `.
`},
	{EngineMissing, "there is no docker or podman", `
Capsules with the backends lite, docker and nixos are containers. rigx takes docker, or podman if that
does not answer; ` + "`RIGX_ENGINE`" + ` names one. podman needs no service: install the package of that name. For
docker the daemon must run, and you must be allowed to use it. ` + "`rigx doctor`" + ` shows what is there.
`},
	{Taken, "a port or a name is taken", `
Something else listens on the address where a port of the capsule is to be published, or a container has
the name already. ` + "`--publish 0:5000`" + ` publishes port 5000 where there is room, ` + "`--name`" + ` starts a second
one beside the first, and ` + "`rigx capsule ps`" + ` shows what runs.
`},
	{CapsuleFailed, "a capsule failed", `
The capsule could not be started, ended before it was ready, or did not become ready in time. The last
lines that it wrote are shown; ` + "`rigx capsule logs NAME`" + ` has all of them while it is not stopped.
`},
	{CapsuleCannot, "a capsule cannot do that", `
What was asked for makes no sense, or is not possible with this backend: no command
can be started in a virtual machine (qemu) from outside. Use SSH through a published port for that.
`},
	{CapsuleUnknown, "no such capsule runs", `
Capsules are named by their target, or by the name that ` + "`rigx capsule ps`" + ` shows if it was started several
times. One that has ended can be looked at until it is stopped.
`},
	{UnknownSection, "an unknown table or top-level key", `
rigx does not know it and ignores it; most often a typing error.
`},
	{UnknownField, "an unknown key", `
rigx does not know this key here and ignores it; most often a typing error.
`},
	{IgnoredField, "a field has no effect here", `
The target's kind or language does not use this field.
`},
	{ListedTwice, "something is listed twice", `
The second mention is ignored.
`},
	{UnpinnedExternal, "an external input has no hash", `
Without ` + "`sha256`" + ` a change of the directory goes unnoticed on other machines.
`},
	{ShadowedByTarget, "a name has two meanings", `
A target of this project hides another thing of the same name. Rename one.
`},
	{UnusedVariable, "a variable is never used", `
No list of this project refers to ` + "`$vars.NAME`" + `.
`},
	{LooksLikeTarget, "a command looks like the name of a target", `
` + "`run`" + ` is not the name of a target, so it is looked up on PATH; a target with a
similar name exists.
`},
	{GitignoreUnavailable, "ignored files could not be left out", `
` + "`respect_gitignore`" + ` needs the git program.
`},
	{ShellSyntax, "a script is not bash", `
Bash would stop here. Mind that TOML reads backslashes in strings with double
quotes before bash does; strings with single quotes are left alone.
`},
	{UndeclaredProgram, "a script runs a program that it may not find", `
Builds see the standard tools and what the target declares, nothing else of the
machine. Add the package that has the program to ` + "`deps.nixpkgs`" + `.
`},
	{LeadsOutside, "a source is a link that leads out of the project", `
Builders see what the links of a project lead to inside it, and nothing else of the
machine: this one leads nowhere for them, whatever it leads to here. The same holds for
links that begin with ` + "`/`" + `, even to a file of the project. Copy the file, make the
link a relative one, or declare what is outside in ` + "`[external_inputs]`" + `.
`},
}
