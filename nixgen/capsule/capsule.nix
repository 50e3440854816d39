# pkgs → a capsule → the derivation of output/<name>. What the runner needs to
# know of the capsule comes as lines of bash (settings), since only rigx quotes
# for the shell.
{ scripts }:
pkgs:
capsule@{ backend, name, slug, hostname, entrypoint, settings, ... }:
let
  # What this package set asks of those who run its programs: directories that
  # they need besides the store. nixpkgs needs none.
  mounts = (pkgs.rigxHost or { }).mounts or [ ];

  bash = pkgs.runtimeShell;
  path = pkgs.lib.makeBinPath capsule.packages;
  environment = { PATH = path; } // capsule.environment;

  optional = condition: set: if condition then set else { };

  entry = pkgs.writeScript "${slug}-entrypoint" "#!${bash}\n${scripts."entrypoint.sh"}exec ${bash} -c ${quotedEntrypoint} ${slug} \"$@\"\n";
  quotedEntrypoint = capsule.quotedEntrypoint;

  # What of the image's configuration is known before it is built.
  config = {
    architecture = if pkgs.stdenv.hostPlatform.isAarch64 then "arm64" else "amd64";
    os = "linux";
    created = "1970-01-01T00:00:01Z";
    config = {
      Cmd = [ "${entry}" ];
      Env = pkgs.lib.mapAttrsToList (key: value: "${key}=${value}") environment;
      WorkingDir = "/";
      Labels."rigx.capsule" = name;
    } // optional (ports != { }) { ExposedPorts = ports; };
  };
  ports = builtins.listToAttrs
    (map (port: { name = "${toString port}/tcp"; value = { }; }) capsule.ports
      ++ map (port: { name = "${toString port}/udp"; value = { }; }) capsule.udpPorts);

  manifest = {
    version = 1;
    inherit name backend hostname entrypoint path;
    inherit (capsule) ports volumes;
    udp_ports = capsule.udpPorts;
    env = capsule.environment;
    runner = "bin/run-${name}";
    shell = "bin/shell-${name}";
  } // optional (capsule.user != "") { inherit (capsule) user; };

  lists = values: "(${toString values})";
in
pkgs.runCommand slug
{
  # Two layers of JSON that get what only the builder knows in front.
  config = builtins.toJSON config;
  manifest = builtins.toJSON manifest;
  runner = ''
    ${settings}
    bash=${bash}
    store=${builtins.storeDir}
    entry=${entry}
    mounts=${lists mounts}
    tools=${pkgs.coreutils}/bin:${pkgs.gzip}/bin
  '';
  program = scripts."run-container.sh";
  passAsFile = [ "config" "manifest" "runner" "program" ];
  inherit slug bash mounts;
  capsule = name;
  store = builtins.storeDir;
}
  scripts."image.sh"
