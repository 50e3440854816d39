# The package set. What is on the machine is in host.json, so nothing here looks
# outside and the set evaluates in pure mode.
{ system ? builtins.currentSystem, ... }:
let
  lib = import ./lib.nix;
  host = builtins.fromJSON (builtins.readFile ./host.json);

  find = import ./find.nix { inherit host lib; };
  trivial = import ./trivial.nix { inherit find lib pkgs system; };
  tools = import ./tools.nix { inherit find host lib trivial; };
  stdenvs = import ./stdenv.nix { inherit find host lib pkgs system tools trivial; };
  languages = import ./languages.nix { inherit find host lib pkgs tools trivial; };

  # What programs need besides the store. Directories such as /bin are links on
  # most machines.
  mounts = {
    directories = builtins.filter (dir: !(host.links ? ${dir})) host.mounts;
    inherit (host) links;
  };

  # Where the distribution has the libraries of another system. Emulators look
  # there when QEMU_LD_PREFIX says so.
  foreignLibraries = system:
    let cpu = builtins.head (lib.splitString "-" system);
    in "/usr/" + (if cpu == "armv7l" then "arm-linux-gnueabihf" else "${cpu}-linux-gnu");

  pkgs = tools.byName // trivial.public // languages // stdenvs // {
    inherit lib system;
    inherit (lib) callPackageWith;
    callPackage = lib.callPackageWith pkgs;
    newScope = extra: lib.callPackageWith (pkgs // extra);
    hostPlatform = pkgs.stdenv.hostPlatform;
    # What sets this package set apart from nixpkgs: its programs need more of the
    # machine than the store, and there is no NixOS, but a smaller machine.
    rigxHost = {
      inherit mounts foreignLibraries;
      vm = import ./vm.nix { inherit find host lib trivial mounts foreignLibraries; };
      files = import ./files.nix { inherit find host lib trivial; };
    };
    dockerTools = throw "rigx-host: the host package set has no `dockerTools`: use a pinned nixpkgs";
    nixos = throw "rigx-host: the host package set has no NixOS: use a pinned nixpkgs";
  };
in
pkgs
