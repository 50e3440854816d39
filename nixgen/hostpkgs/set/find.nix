# Programs and libraries of the machine, and the message for those it lacks.
{ host, lib }:
rec {
  has = name: host.programs ? ${name};

  # The path of a program.
  program = name: (need name).path;

  # What changes when the program does. Derivations carry it in their
  # environment.
  stamp = name: (need name).stamp;

  need = name: host.programs.${name} or (missing name name "");

  # A program that comes in a package of another name.
  need' = name: debian: host.programs.${name} or (missing name name debian);

  missing = attr: name: debian:
    throw ("rigx-host: the host package set has no `${attr}`: program `${name}` is not on PATH"
      + lib.optionalString (debian != "") "; on Debian: apt-get install ${debian}"
      + " (or use a pinned nixpkgs)");

  missingLibrary = attr: name: debian:
    throw ("rigx-host: the host package set has no `${attr}`: library `${name}` is not installed for development"
      + lib.optionalString (debian != "") "; on Debian: apt-get install ${debian}"
      + " (or use a pinned nixpkgs)");
}
