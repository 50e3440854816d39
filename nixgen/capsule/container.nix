# A capsule in a container. Those of `lite` and `nixos` share the store of the
# machine: their images have nothing but anchors for mounts. That of `docker`
# brings what it needs.
{ pkgs, lib, host, guest, foreign, capsule, packages, scripts, bash, entry, system, hasNixos, manifest, runner, ... }:
let
  shared = capsule.backend != "docker";
  hostMounts = if shared && host != null then host.mounts else { directories = [ ]; links = { }; };

  # On the package set of this machine it has tools of this machine, and emulated
  # programs beside them.
  foreignLibraries = if foreign && host != null then host.foreignLibraries capsule.system else "";

  nixos =
    if !hasNixos then throw "rigx-host: this package set has no NixOS, which the capsule `${capsule.name}` asks for with backend \"nixos\": use a pinned nixpkgs"
    else (system ({ lib, ... }: {
      boot.isContainer = true;
      networking.useDHCP = lib.mkDefault false;
      # These files are the engine's.
      networking.useHostResolvConf = lib.mkDefault false;
      networking.resolvconf.enable = lib.mkDefault false;
      environment.etc.hosts.enable = lib.mkDefault false;
      environment.etc.hostname.enable = lib.mkDefault false;
    })).config.system.build.toplevel;

  command =
    if capsule.backend == "nixos" then { Cmd = [ "${nixos}/init" ]; Env = [ "container=docker" ]; StopSignal = "SIGRTMIN+3"; }
    else {
      Cmd = [ "${entry}" ];
      Env = lib.mapAttrsToList (key: value: "${key}=${value}")
        ((if foreignLibraries == "" then { } else { QEMU_LD_PREFIX = foreignLibraries; }) // { PATH = manifest.path; } // capsule.environment);
    };

  # What of the image's configuration is known before it is built.
  config = platforms.${guest.stdenv.hostPlatform.system} or platforms.x86_64-linux // {
    os = "linux";
    created = "1970-01-01T00:00:01Z";
    config = command // {
      WorkingDir = "/";
      Labels."rigx.capsule" = capsule.name;
    } // (if ports == { } then { } else { ExposedPorts = ports; });
  };
  platforms = {
    x86_64-linux.architecture = "amd64";
    aarch64-linux.architecture = "arm64";
    armv7l-linux = { architecture = "arm"; variant = "v7"; };
    i686-linux.architecture = "386";
    riscv64-linux.architecture = "riscv64";
    powerpc64le-linux.architecture = "ppc64le";
  };
  ports = builtins.listToAttrs
    (map (port: { name = "${toString port}/tcp"; value = { }; }) capsule.ports
      ++ map (port: { name = "${toString port}/udp"; value = { }; }) capsule.udpPorts);
  configFile = pkgs.writeText "${capsule.slug}-config.json" (builtins.toJSON config);

  contents = if shared then { } else {
    # Nix lists what configFile refers to, and what that does, in a file.
    exportReferencesGraph = [ "closure" configFile ];
    hostFiles = if host == null then "" else host.files { name = capsule.slug; root = configFile; inherit foreignLibraries; };
  };
in
pkgs.runCommand capsule.slug
  (contents // {
    # JSON that gets what only the builder knows in front.
    inherit configFile;
    manifest = builtins.toJSON (manifest
      // (if capsule.backend == "nixos" then { } else { shell = "bin/shell-${capsule.name}"; }));
    passAsFile = [ "manifest" "runner" "program" ];
    capsule = capsule.name;
    inherit (capsule) slug;
    inherit bash shared;
    mounts = hostMounts.directories;
    links = lib.mapAttrsToList (from: to: "${from}=${to}") hostMounts.links;
    modes = if capsule.backend == "nixos" then "run" else "run shell";
    runnerShell = pkgs.runtimeShell;
    store = builtins.storeDir;
  } // runner "run-container.sh" ''
    backend=${capsule.backend}
    bash=${bash}
    store=${if shared then builtins.storeDir else ""}
    entry=${entry}
    mounts=(${toString hostMounts.directories})
  '')
  scripts."image.sh"
