# Programs as packages: a directory of links, so that a target sees what it
# declares and not the whole of /usr/bin.
{ find, host, lib, trivial }:
rec {
  # A directory of links. links is a list of { name, program }; stamps are what
  # else the package depends on.
  linked = name: links: stamps: trivial.raw name
    {
      stamps = map (l: find.stamp l.program) links ++ stamps;
      names = map (l: l.name) links;
      programs = map (l: find.program l.program) links;
    } ''
    mkdir -p $out/bin
    names=($names) programs=($programs)
    for i in "''${!names[@]}"; do ln -s "''${programs[$i]}" "$out/bin/''${names[$i]}"; done
  '';

  same = programs: map (p: { name = p; program = p; }) (builtins.filter find.has programs);

  # An attribute that the table knows. Its first program must be there, all its
  # libraries too.
  fromTable = attr: known:
    let
      programs = known.programs or [ ];
      libraries = known.libraries or [ ];
      debian = known.debian or "";
      first = builtins.head programs;
      lost = builtins.filter (name: !(host.libraries ? ${name})) libraries;
    in
    if programs != [ ] && !find.has first then find.missing attr first debian
    else if lost != [ ] then find.missingLibrary attr (builtins.head lost) debian
    else package attr (same programs) libraries;

  # A library of the machine is where compilers look anyway; what the package
  # adds is the dependency on its version.
  package = attr: links: libraries:
    linked attr links (map (name: host.libraries.${name}) libraries) // {
      pname = attr;
      version = "host";
      meta.mainProgram = if links == [ ] then attr else (builtins.head links).name;
    };

  # Everything by name: what the table knows, then programs, then libraries.
  byName =
    builtins.mapAttrs (name: _: package name [ ] [ name ]) host.libraries
    // builtins.mapAttrs (name: _: package name (same [ name ]) [ ]) host.programs
    // builtins.mapAttrs fromTable host.packages;

  # What every build may use without declaring it, as in nixpkgs.
  basic = linked "stdenv-tools" (same (lib.concatMap (attr: host.packages.${attr}.programs) [
    "bash" "binutils" "bzip2" "coreutils" "diffutils" "findutils" "gawk" "gnugrep" "gnumake" "gnupatch"
    "gnused" "gnutar" "gzip" "xz" "file"
  ] ++ [ "sh" ])) [ ];
}
