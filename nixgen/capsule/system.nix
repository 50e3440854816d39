# NixOS for a capsule: a module of its own, those of the target, and what the
# backend adds. The entrypoint is a unit.
{ nixos, pkgs, guest, lib, capsule, scripts, bash, entry }:
extra:
let
  labels = lib.splitString "." capsule.hostname;

  # Variables go around systemd, which reads more into them than is said.
  variables = lib.concatStrings
    (lib.mapAttrsToList (key: value: "export ${key}=${lib.escapeShellArg value}\n") capsule.environment);
  service = pkgs.writeScript "${capsule.slug}-service"
    ("#!${bash}\n" + variables + "entry=${entry}\n" + scripts."service.sh");
in
import nixos {
  inherit (guest.stdenv.hostPlatform) system;
  modules = [
    ({ lib, pkgs, ... }: {
      system.stateVersion = lib.mkDefault lib.trivial.release;
      networking.hostName = lib.mkDefault (builtins.head labels);
      networking.domain = lib.mkIf (builtins.length labels > 1)
        (lib.mkDefault (builtins.concatStringsSep "." (builtins.tail labels)));
      # What is published is chosen from outside.
      networking.firewall.enable = lib.mkDefault false;
      environment.systemPackages = capsule.packages pkgs;
      systemd.services.rigx-entrypoint = {
        description = "Entrypoint of the capsule";
        wantedBy = [ "multi-user.target" ];
        after = [ "network.target" ];
        path = capsule.packages pkgs ++ [ "/run/current-system/sw" ];
        serviceConfig = {
          Type = "oneshot";
          ExecStart = "${service}";
          WorkingDirectory = "/root";
          StandardOutput = "journal+console";
          StandardError = "journal+console";
        };
      };
    })
    extra
  ] ++ capsule.nixosModules;
}
