# The builders that need no compiler.
{ find, lib, pkgs, system }:
let
  bash = find.program "bash";

  # A derivation made by a few lines of bash that may use the programs in
  # /usr/bin and /bin.
  #
  # The last command must not be one that bash can become: cp and its like close
  # their standard error a moment before they exit, Nix takes that for the end
  # and kills what is left, and now and then that is the builder.
  raw = name: env: script: derivation (env // {
    inherit name system;
    builder = bash;
    args = [ "-eu" "-o" "pipefail" "-c" ("export PATH=/usr/bin:/bin\n" + script + "\nexit 0\n") ];
    hostStamp = find.stamp "bash";
  });

  writeTextFile = { name, text, executable ? false, destination ? "" }:
    raw name { inherit text; passAsFile = [ "text" ]; } ''
      target=$out${destination}
      mkdir -p "$(dirname "$target")"
      cp "$textPath" "$target"
      ${lib.optionalString executable "chmod +x \"$target\""}
    '';

  shebang = "#!${bash}\n";
in
{
  inherit raw;

  public = rec {
    inherit writeTextFile;
    runtimeShell = bash;
    writeText = name: text: writeTextFile { inherit name text; };
    writeScript = name: text: writeTextFile { inherit name text; executable = true; };
    writeScriptBin = name: text: writeTextFile { inherit name text; executable = true; destination = "/bin/${name}"; };
    writeShellScript = name: text: writeScript name (shebang + text);
    writeShellScriptBin = name: text: writeScriptBin name (shebang + text);
    writeShellApplication = { name, text, runtimeInputs ? [ ], ... }:
      writeShellScriptBin name ("set -euo pipefail\nexport PATH=${lib.makeBinPath runtimeInputs}:$PATH\n" + text);

    runCommand = name: env: script: pkgs.stdenv.mkDerivation (env // {
      inherit name;
      buildCommand = script;
    });
    runCommandCC = runCommand;
    runCommandLocal = runCommand;

    symlinkJoin = { name, paths, postBuild ? "", ... }: raw name { inherit paths; } ''
      mkdir -p $out
      for path in $paths; do cp -rsf --no-preserve=mode "$path/." $out/; done
      ${postBuild}
    '';
    buildEnv = { name, paths, ... }: symlinkJoin { inherit name paths; };
    linkFarm = name: entries: raw name { } ("mkdir -p $out\n" + lib.concatMapStrings
      (e: "mkdir -p \"$out/$(dirname ${lib.escapeShellArg e.name})\"\nln -s ${lib.escapeShellArg "${e.path}"} $out/${lib.escapeShellArg e.name}\n")
      (if builtins.isList entries then entries else lib.mapAttrsToList (name: path: { inherit name path; }) entries));

    fetchurl = { url, sha256 ? "", hash ? "", name ? baseNameOf url, ... }: builtins.fetchurl {
      inherit url name;
      sha256 = if hash != "" then hash else sha256;
    };

    mkShell = attrs: pkgs.stdenv.mkDerivation ({ name = "shell"; buildCommand = "mkdir -p $out"; }
      // builtins.removeAttrs attrs [ "packages" "inputsFrom" ]
      // { nativeBuildInputs = (attrs.nativeBuildInputs or [ ]) ++ (attrs.packages or [ ]); });
  };
}
