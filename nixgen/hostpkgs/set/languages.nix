# Toolchains whose attribute is not simply the name of a program, and hooks.
{ find, host, lib, pkgs, tools, trivial }:
let
  versioned = prefix: programOf: versions:
    builtins.listToAttrs (map
      (v: {
        name = prefix + builtins.replaceStrings [ "." ] [ "" ] v;
        value = programOf v;
      })
      versions);

  # pythonXY is the interpreter of exactly that version, under the names that
  # scripts use.
  python = version:
    let program = "python${version}";
    in
    if !find.has program
    then find.missing "python${builtins.replaceStrings [ "." ] [ "" ] version}" program program
    else tools.package program
      [
        { name = "python3"; inherit program; }
        { name = "python"; inherit program; }
        { name = program; inherit program; }
      ] [ ] // { pythonVersion = version; };
in
versioned "python" python [ "3.8" "3.9" "3.10" "3.11" "3.12" "3.13" "3.14" ]
// {
  python3 = tools.package "python3"
    [ { name = "python3"; program = "python3"; } { name = "python"; program = "python3"; } ] [ ];

  # What python3 of the machine can import needs no more than its name; an
  # application is installed by pip, without a network.
  python3Packages = lib.genAttrs host.python (name: trivial.raw "python3-${name}" { } "mkdir -p $out") // {
    buildPythonApplication =
      { pname, version, src, build-system ? [ ], dependencies ? [ ], makeWrapperArgs ? [ ], ... }:
      pkgs.stdenv.mkDerivation {
        inherit pname version src;
        nativeBuildInputs = [ pkgs.python3 pkgs.makeWrapper ] ++ build-system ++ dependencies;
        wrapperArgs = lib.concatStringsSep " " (map lib.escapeShellArg makeWrapperArgs);
        dontConfigure = true;
        buildPhase = ''
          export HOME=$TMPDIR
          python3 -m pip install --no-index --no-deps --no-build-isolation --no-warn-script-location --prefix "$out" .
        '';
        # Debian's Python installs below local/.
        installPhase = ''
          if [ -d "$out/local" ]; then cp -r "$out/local/." "$out/" && rm -r "$out/local"; fi
          packages=$(dirname "$(find "$out/lib" -name '*.dist-info' | head -n 1)")
          eval "args=($wrapperArgs)"
          for program in "$out"/bin/*; do
            wrapProgram "$program" --prefix PYTHONPATH : "$packages" "''${args[@]}"
          done
        '';
      };
  };

  cacert =
    if host.certificates == "" then throw "rigx-host: the host package set has no `cacert`: there is no bundle of root certificates; on Debian: apt-get install ca-certificates (or use a pinned nixpkgs)"
    else trivial.raw "cacert" { inherit (host) certificates; } ''
      mkdir -p $out/etc/ssl/certs
      ln -s "$certificates" $out/etc/ssl/certs/ca-bundle.crt
    '';

  makeWrapper = trivial.raw "make-wrapper" { hook = ./make-wrapper.sh; } ''
    mkdir -p $out/nix-support
    cp "$hook" $out/nix-support/setup-hook
  '';
}
