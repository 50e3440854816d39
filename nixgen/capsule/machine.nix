# A capsule in a virtual machine.
{ pkgs, capsule, scripts, bash, entry, manifest, runner }:
let
  vm = pkgs.rigxHost.vm {
    name = capsule.slug;
    inherit (capsule) hostname;
    inherit entry;
    # What programs of NixOS find without asking for it.
    environment = {
      PATH = pkgs.lib.makeBinPath (capsule.packages ++ [ pkgs.coreutils pkgs.findutils pkgs.gnugrep pkgs.gnused ]);
    } // capsule.environment;
  };
in
pkgs.runCommand capsule.slug
  ({
    manifest = builtins.toJSON (manifest // { vm.script = "system/vm-script"; });
    passAsFile = [ "manifest" "runner" "program" ];
    capsule = capsule.name;
    inherit bash vm;
  } // runner "run-machine.sh" "")
  scripts."machine.sh"
