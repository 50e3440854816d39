# pkgs → a capsule → the derivation of output/<name>. What the runner needs to
# know of the capsule comes as lines of bash (settings), and what runs inside it
# too (commands), since only rigx quotes for the shell.
{ scripts, backends }:
pkgs:
capsule@{ backend, name, slug, hostname, ... }:
let
  bash = pkgs.runtimeShell;
  optional = condition: set: if condition then set else { };

  # The program that the capsule runs.
  entry = pkgs.writeScript "${slug}-entrypoint"
    ("#!${bash}\n" + scripts."entrypoint.sh" + capsule.commands + "bash=${bash} slug=${slug}\n" + scripts."supervise.sh");

  # What manifest.json says for all backends.
  manifest = {
    version = 1;
    inherit name backend hostname bash;
    inherit (capsule) entrypoint ports volumes;
    path = pkgs.lib.makeBinPath capsule.packages;
    udp_ports = capsule.udpPorts;
    env = capsule.environment;
    runner = "bin/run-${name}";
  } // optional (capsule.user != "") { inherit (capsule) user; }
  // optional (capsule.health != { }) { inherit (capsule) health; }
  // optional (capsule.services != { }) { services = builtins.attrNames capsule.services; };

  # Runners begin with what this machine's package set knows and the builder adds.
  runner = program: extra: {
    runner = capsule.settings + "tools=${pkgs.coreutils}/bin:${pkgs.gzip}/bin\n" + extra;
    program = scripts."runner.sh" + scripts.${program};
  };
in
backends.${backend} { inherit pkgs capsule scripts bash entry manifest runner; }
