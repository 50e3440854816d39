{
  description = "The programs of this machine, as a package set";

  outputs = { self }:
    let
      host = builtins.fromJSON (builtins.readFile ./host.json);
    in
    {
      lib = import ./lib.nix;
      legacyPackages.${host.system} = import ./. { inherit (host) system; };
    };
}
