# Toolchains whose attribute is not simply the name of a program, and hooks.
{ find, host, lib, tools, trivial }:
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
