# A capsule in a virtual machine: with NixOS, or, on the package set of this
# machine, with what that makes of its kernel.
{ pkgs, lib, host, foreign, capsule, packages, scripts, entry, system, hasNixos, manifest, runner, ... }:
let
  nixos = (system ({ lib, ... }: {
    virtualisation.vmVariant.virtualisation = {
      graphics = lib.mkDefault false;
      # qemu is that of the machine which runs it.
      host.pkgs = pkgs;
    };
  })).config.system.build.vm;

  small =
    if host == null then throw "rigx: this nixpkgs has no NixOS, which the capsule `${capsule.name}` asks for with backend \"qemu\""
    else if capsule.nixosModules != [ ] then throw "rigx-host: the host package set has no NixOS, so the capsule `${capsule.name}` cannot have nixos_modules: use a pinned nixpkgs"
    else host.vm {
      name = capsule.slug;
      inherit (capsule) hostname;
      inherit entry;
      foreign = if foreign then capsule.system else "";
      # What programs of NixOS find without asking for it.
      environment = {
        PATH = lib.makeBinPath (packages ++ [ pkgs.coreutils pkgs.findutils pkgs.gnugrep pkgs.gnused ]);
      } // capsule.environment;
    };
in
pkgs.runCommand capsule.slug
  ({
    manifest = builtins.toJSON (manifest // { vm.script = "system/vm-script"; });
    passAsFile = [ "manifest" "runner" "program" ];
    capsule = capsule.name;
    vm = if hasNixos then nixos else small;
    runnerShell = pkgs.runtimeShell;
  } // runner "run-machine.sh" "")
  scripts."machine.sh"
