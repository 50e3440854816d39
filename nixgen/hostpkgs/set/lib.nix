# The part of nixpkgs' lib that flakes use without thinking of it.
let
  inherit (builtins) attrNames concatLists concatStringsSep elemAt filter foldl' genList
    isFunction isString length listToAttrs map match replaceStrings stringLength substring;
in
rec {
  inherit (builtins) all any attrNames attrValues concatLists concatMap concatStringsSep elem elemAt
    filter foldl' fromJSON functionArgs genList hasAttr head intersectAttrs isAttrs isBool isFunction
    isInt isList isString length listToAttrs map mapAttrs match readFile replaceStrings sort split
    stringLength substring tail toJSON compareVersions;

  id = x: x;
  const = x: _: x;
  flip = f: a: b: f b a;
  fix = f: let x = f x; in x;

  # Lists
  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: xs: if condition then xs else [ ];
  range = first: last: if first > last then [ ] else genList (n: first + n) (last - first + 1);
  toList = x: if builtins.isList x then x else [ x ];
  last = xs: elemAt xs (length xs - 1);
  init = xs: genList (elemAt xs) (length xs - 1);
  flatten = x: if builtins.isList x then builtins.concatMap flatten x else [ x ];
  unique = foldl' (seen: x: if builtins.elem x seen then seen else seen ++ [ x ]) [ ];
  reverseList = xs: genList (n: elemAt xs (length xs - n - 1)) (length xs);
  zipListsWith = f: a: b: genList (n: f (elemAt a n) (elemAt b n)) (if length a < length b then length a else length b);
  foldr = f: nul: xs:
    let go = n: if n == length xs then nul else f (elemAt xs n) (go (n + 1)); in go 0;

  # Strings
  optionalString = condition: s: if condition then s else "";
  concatStrings = concatStringsSep "";
  concatMapStrings = f: xs: concatStrings (map f xs);
  concatMapStringsSep = sep: f: xs: concatStringsSep sep (map f xs);
  concatLines = concatMapStrings (line: line + "\n");
  hasPrefix = prefix: s: substring 0 (stringLength prefix) s == prefix;
  hasSuffix = suffix: s:
    let n = stringLength s; m = stringLength suffix; in n >= m && substring (n - m) m s == suffix;
  removePrefix = prefix: s: if hasPrefix prefix s then substring (stringLength prefix) (-1) s else s;
  removeSuffix = suffix: s: if hasSuffix suffix s then substring 0 (stringLength s - stringLength suffix) s else s;
  splitString = sep: s: filter isString (builtins.split (escapeRegex sep) s);
  escapeRegex = replaceStrings
    [ "\\" "^" "$" "." "|" "?" "*" "+" "(" ")" "[" "]" "{" "}" ]
    [ "\\\\" "\\^" "\\$" "\\." "\\|" "\\?" "\\*" "\\+" "\\(" "\\)" "\\[" "\\]" "\\{" "\\}" ];
  escapeShellArg = s:
    let text = toString s;
    in if match "[A-Za-z0-9_./:=,@%+-]+" text != null then text else "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  toUpper = replaceStrings lower upper;
  toLower = replaceStrings upper lower;
  lower = filter isString (builtins.split "" "abcdefghijklmnopqrstuvwxyz");
  upper = filter isString (builtins.split "" "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  boolToString = b: if b then "true" else "false";
  versionOlder = a: b: builtins.compareVersions b a == 1;
  versionAtLeast = a: b: !versionOlder a b;
  fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  fakeSha256 = "0000000000000000000000000000000000000000000000000000";

  # Attribute sets
  optionalAttrs = condition: set: if condition then set else { };
  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  filterAttrs = keep: set: listToAttrs
    (builtins.concatMap (name: optional (keep name set.${name}) (nameValuePair name set.${name})) (attrNames set));
  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  attrByPath = path: default: set:
    if path == [ ] then set
    else if set ? ${builtins.head path} then attrByPath (builtins.tail path) default set.${builtins.head path}
    else default;
  recursiveUpdate = a: b: a // builtins.mapAttrs
    (name: value: if a ? ${name} && builtins.isAttrs a.${name} && builtins.isAttrs value then recursiveUpdate a.${name} value else value)
    b;
  isDerivation = x: (x.type or null) == "derivation";

  # Packages
  getOutput = name: pkg: pkg.${name} or pkg.out or pkg;
  getBin = getOutput "bin";
  getDev = getOutput "dev";
  getLib = getOutput "lib";
  getExe' = pkg: name: "${getBin pkg}/bin/${name}";
  getExe = pkg: getExe' pkg (pkg.meta.mainProgram or pkg.pname or pkg.name);
  makeSearchPath = sub: pkgs: concatStringsSep ":" (map (pkg: "${pkg}/${sub}") (filter (x: x != null) pkgs));
  makeBinPath = pkgs: makeSearchPath "bin" (map getBin pkgs);
  makeLibraryPath = pkgs: makeSearchPath "lib" (map getLib pkgs);

  callPackageWith = scope: f: extra:
    let function = if isFunction f then f else import f;
    in function (builtins.intersectAttrs (builtins.functionArgs function) scope // extra);

  licenses = genAttrs [ "asl20" "bsd2" "bsd3" "gpl2" "gpl3" "isc" "lgpl3" "mit" "mpl20" "unlicense" ] (shortName: { inherit shortName; });
  platforms = {
    linux = [ "x86_64-linux" "aarch64-linux" ];
    darwin = [ "x86_64-darwin" "aarch64-darwin" ];
    unix = platforms.linux ++ platforms.darwin;
    all = platforms.unix;
  };
  maintainers = { };
}
