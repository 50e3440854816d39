# A capsule in a container. That of `lite` shares the store of the machine: its
# image has nothing but anchors for mounts. That of `docker` brings what it needs.
{ pkgs, capsule, scripts, bash, entry, manifest, runner }:
let
  # What this package set asks of those who run its programs: directories that
  # they need besides the store. nixpkgs needs none.
  host = pkgs.rigxHost or null;
  mounts = if shared && host != null then host.mounts else [ ];
  shared = capsule.backend != "docker";

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
  configFile = pkgs.writeText "${capsule.slug}-config.json" (builtins.toJSON config);

  contents = if shared then { } else {
    # Nix lists what configFile refers to, and what that does, in a file.
    exportReferencesGraph = [ "closure" configFile ];
    hostFiles = if host == null then "" else host.files { name = capsule.slug; root = configFile; };
  };
in
pkgs.runCommand capsule.slug
  (contents // {
    # JSON that gets what only the builder knows in front.
    inherit configFile;
    manifest = builtins.toJSON (manifest // { shell = "bin/shell-${capsule.name}"; });
    passAsFile = [ "manifest" "runner" "program" ];
    capsule = capsule.name;
    inherit (capsule) slug;
    inherit bash mounts shared;
    store = builtins.storeDir;
  } // runner "run-container.sh" ''
    bash=${bash}
    store=${if shared then builtins.storeDir else ""}
    entry=${entry}
    mounts=(${toString mounts})
  '')
  scripts."image.sh"
