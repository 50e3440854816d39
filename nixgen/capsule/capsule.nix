# pkgs → a capsule → the derivation of output/<name>. What the runner needs to
# know of the capsule comes as lines of bash (settings), and what runs inside it
# too (commands), since only rigx quotes for the shell.
{ nixpkgs, scripts, backends }:
pkgs:
capsule@{ backend, name, slug, hostname, ... }:
let
  inherit (pkgs) lib;
  optional = condition: set: if condition then set else { };

  # The package set of this machine, if it is that: it has no NixOS, its programs
  # need more of the machine than the store, and a capsule for another system has
  # that system's programs in it, but not that system's tools.
  host = pkgs.rigxHost or null;
  foreign = capsule.system != "" && capsule.system != pkgs.stdenv.hostPlatform.system;

  # The packages inside the capsule.
  guest = if foreign && host == null then import nixpkgs { inherit (capsule) system; config = { }; overlays = [ ]; } else pkgs;
  bash = guest.runtimeShell;
  packages = capsule.packages guest;

  # The program that the capsule runs.
  entry = pkgs.writeScript "${slug}-entrypoint"
    ("#!${bash}\n" + scripts."entrypoint.sh" + capsule.commands + "bash=${bash} slug=${slug}\n" + scripts."supervise.sh");

  # NixOS with the capsule in it. What only its backend needs is a module.
  nixos = nixpkgs + "/nixos/lib/eval-config.nix";
  hasNixos = builtins.pathExists nixos;
  system = backends.system { inherit nixos guest lib capsule scripts bash entry pkgs; };

  # What manifest.json says for all backends.
  manifest = {
    version = 1;
    inherit name backend hostname bash;
    inherit (capsule) entrypoint ports volumes;
    path = lib.makeBinPath packages;
    udp_ports = capsule.udpPorts;
    env = capsule.environment;
    runner = "bin/run-${name}";
  } // optional foreign { inherit (capsule) system; }
  // optional (capsule.user != "") { inherit (capsule) user; }
  // optional (capsule.health != { }) { inherit (capsule) health; }
  // optional (capsule.services != { }) { services = builtins.attrNames capsule.services; };

  # Runners begin with what this machine's package set knows and the builder adds.
  runner = program: extra: {
    runner = capsule.settings + "tools=${pkgs.coreutils}/bin:${pkgs.gzip}/bin\n"
      + "foreign=${if foreign then builtins.head (lib.splitString "-" capsule.system) else ""}\n" + extra;
    program = scripts."runner.sh" + scripts.${program};
  };
in
backends.${backend} {
  inherit pkgs lib host guest foreign capsule packages scripts bash entry system hasNixos manifest runner;
}
