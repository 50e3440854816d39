# What a program and all that it refers to need of the machine, as a tree of
# copies: for images that bring what they need. Those are programs, what they are
# linked with, and the interpreters of scripts; not what they open by name, such
# as the modules of Python.
{ find, host, lib, trivial }:
# Where foreignLibraries is not empty, all libraries in that directory too.
{ name, root, foreignLibraries }:
trivial.raw "${name}-host-files"
{
  inherit root foreignLibraries;
  script = ./files.sh;
  ldd = (find.need "ldd").path;
  exportReferencesGraph = [ "closure" root ];
  links = lib.mapAttrsToList (from: to: "${from}=${to}") host.links;
  store = builtins.storeDir;
} ''
  . "$script"
''
