# A capsule in a container that shares the store of the machine: its image has
# nothing but anchors for mounts.
{ pkgs, capsule, scripts, bash, entry, manifest, runner }:
let
  # What this package set asks of those who run its programs: directories that
  # they need besides the store. nixpkgs needs none.
  mounts = (pkgs.rigxHost or { }).mounts or [ ];

  environment = { PATH = manifest.path; } // capsule.environment;

  # What of the image's configuration is known before it is built.
  config = {
    architecture = if pkgs.stdenv.hostPlatform.isAarch64 then "arm64" else "amd64";
    os = "linux";
    created = "1970-01-01T00:00:01Z";
    config = {
      Cmd = [ "${entry}" ];
      Env = pkgs.lib.mapAttrsToList (key: value: "${key}=${value}") environment;
      WorkingDir = "/";
      Labels."rigx.capsule" = capsule.name;
    } // (if ports == { } then { } else { ExposedPorts = ports; });
  };
  ports = builtins.listToAttrs
    (map (port: { name = "${toString port}/tcp"; value = { }; }) capsule.ports
      ++ map (port: { name = "${toString port}/udp"; value = { }; }) capsule.udpPorts);
in
pkgs.runCommand capsule.slug
  ({
    # JSON that gets what only the builder knows in front.
    config = builtins.toJSON config;
    manifest = builtins.toJSON (manifest // { shell = "bin/shell-${capsule.name}"; });
    passAsFile = [ "config" "manifest" "runner" "program" ];
    capsule = capsule.name;
    inherit (capsule) slug;
    inherit bash mounts;
    store = builtins.storeDir;
  } // runner "run-container.sh" ''
    bash=${bash}
    store=${builtins.storeDir}
    entry=${entry}
    mounts=(${toString mounts})
  '')
  scripts."image.sh"
