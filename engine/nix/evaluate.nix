# Evaluates attributes of a project's generated flake straight from disk.
#
# `nix build .#attr` copies the whole tree into the store before it evaluates
# anything. This does what Nix does with flake.nix and flake.lock, except that
# the project itself and the projects next to it stay where they are; only the
# files that a target's source names are copied. The derivations are the same.
#
# request is the path of a JSON file:
#   projectDir  absolute directory of flake.nix
#   mode        "packages": attributes of packages.<system>
#               "nixpkgs":  attribute paths of the nixpkgs input
#               "names":    what is in a set of nixpkgs; "" is nixpkgs itself
#               "details":  what packages of nixpkgs say of themselves
#               "environment": what a shell for working on targets needs
#   attrs       the attributes wanted
#   nixpkgs     the project's own reference to nixpkgs
#   overrides   input name → absolute directory or flake reference
#   sources     what is known of sets of source files, see `rigxSource`
#   environments what each attribute, a number, stands for: see `environment`
#   catch       report a failing attribute as { failed = true; } instead of
#               ending the evaluation with its message
{ request }:
let
  req = builtins.fromJSON (builtins.readFile request);
  system = builtins.currentSystem;

  lock =
    let file = req.projectDir + "/flake.lock";
    in if builtins.pathExists file
    then builtins.fromJSON (builtins.readFile file)
    else { root = "root"; nodes.root = { }; };

  # The name of the node that an input of a node leads to. A list is a path of
  # inputs from the root ("follows").
  follow = node: name:
    let to = node.inputs.${name};
    in if builtins.isList to
    then builtins.foldl' (at: step: follow lock.nodes.${at} step) lock.root to
    else to;

  isRelative = path: builtins.substring 0 1 path != "/";

  # A flake in a directory, with its inputs as `node` of the lock file has them
  # (null: the lock file does not know this flake). Overrides hold for our own
  # flakes: the project and those next to it.
  flakeAt = own: dir: node: info:
    let
      flake = import (dir + "/flake.nix");
      inputs = builtins.mapAttrs (inputOf own dir node) (flake.inputs or { });
      outputs = flake.outputs (inputs // { inherit self; });
      self = info // outputs // {
        inherit inputs outputs;
        outPath = dir;
        sourceInfo = info;
        _type = "flake";
      };
    in self;

  inputOf = own: dir: node: name: declared:
    let follows = node.inputs.${name} or null; in
    if own && req.overrides ? ${name} then overridden req.overrides.${name}
    # A part of the project, which needs no flake and is not pinned.
    else if own && name == "nixpkgs" && relativePath (declared.url or "") != null
    then overridden (toString (dir + "/${relativePath declared.url}"))
    # An input that follows one of ours follows what takes its place.
    else if node != null && builtins.isList follows && builtins.length follows == 1 && req.overrides ? ${builtins.head follows}
    then overridden req.overrides.${builtins.head follows}
    else if node != null && (node.inputs or { }) ? ${name} then locked dir (follow node name)
    else
      let local = relativePath (declared.url or "");
      in if local != null then flakeAt own (dir + "/${local}") null { }
      else throw "rigx-lock: the input `${name}` is not in flake.lock";

  # "path:./sub" → "./sub", and null for every other kind of reference.
  relativePath = url:
    let found = builtins.match "path:(\\.\\.?(/.*)?)" url;
    in if found == null then null else builtins.head found;

  overridden = ref:
    if builtins.substring 0 1 ref != "/" then builtins.getFlake ref
    else if builtins.pathExists (ref + "/flake.nix") then flakeAt false ref null { }
    else { outPath = ref; };

  locked = dir: name:
    let
      node = lock.nodes.${name};
      tree = builtins.fetchTree (builtins.removeAttrs node.locked [ "dir" ]);
      isFlake = node.flake or true;
      here = dir + "/${node.locked.path}";
      there = tree.outPath + (if node.locked ? dir then "/${node.locked.dir}" else "");
    in
    if node.locked.type == "path" && isRelative node.locked.path
    then if isFlake then flakeAt true here node { } else { outPath = here; }
    else if isFlake then flakeAt false there node tree
    else tree;

  projectDir = /. + req.projectDir;
  rootNode = lock.nodes.${lock.root};

  project = flakeAt true projectDir rootNode { inherit rigxSource; };
  packages = project.packages.${system} or { };

  # The store path of a set of source files of the project: without a look at them
  # if they are as they were when they were copied. Otherwise it is told.
  rigxSource = files: copied:
    let key = builtins.hashString "sha256" (builtins.concatStringsSep "//" files);
    in
    if req.sources ? ${key} then builtins.storePath req.sources.${key}
    else builtins.trace "rigx-source: ${key} ${copied}" copied;

  # Without a look at the project itself, which may have no flake.nix yet, nor at the
  # configuration of whoever calls: this evaluates without restrictions.
  nixpkgs = import (inputOf true projectDir rootNode "nixpkgs" { url = req.nixpkgs; }) { inherit system; config = { }; overlays = [ ]; };

  find = attr:
    if req.mode == "packages"
    then packages.${attr} or (throw "rigx-attr: ${attr}")
    else package attr;

  details = attr:
    let
      drv = find attr;
      meta = drv.meta or { };
      text = value: if builtins.isString value then value else if builtins.isList value && value != [ ] then text (builtins.head value) else "";
    in {
      name = attr;
      version = text (drv.version or "");
      description = text (meta.description or "");
      homepage = text (meta.homepage or "");
    };

  # A derivation whose output lists the variables that a build sees once it is
  # set up, each ended by a zero byte. Which build:
  #   attr      that of this target, if it is not ""; otherwise one that uses
  #   all       what these targets use, but for those targets themselves,
  #   targets   these targets,
  #   packages  and these packages of nixpkgs
  environment = { attr, all, targets, packages }:
    let
      named = name: project.packages.${system}.${name} or (throw "rigx-attr: ${name}");
      key = drv: builtins.unsafeDiscardStringContext drv.outPath;
      members = map named all;
      own = builtins.listToAttrs (map (drv: { name = key drv; value = true; }) members);
      inputs = name: builtins.filter (drv: !(builtins.isAttrs drv && drv ? outPath && own ? ${key drv}))
        (builtins.concatMap (drv: drv.${name} or [ ]) members);
      usual = nixpkgs.stdenv.cc;
      compilers = builtins.filter (cc: cc != usual) (map (drv: drv.stdenv.cc or usual) members);
      build =
        if attr != "" then named attr
        else nixpkgs.stdenv.mkDerivation {
          name = "project";
          nativeBuildInputs = inputs "nativeBuildInputs" ++ compilers;
          buildInputs = map named targets ++ map package packages ++ inputs "buildInputs";
        };
    in
    derivation (builtins.removeAttrs build.drvAttrs [
      "outputHash" "outputHashAlgo" "outputHashMode" "outputChecks"
      "allowedReferences" "allowedRequisites" "disallowedReferences" "disallowedRequisites"
    ] // {
      name = "${build.name}-environment";
      outputs = [ "out" ];
      IN_NIX_SHELL = "impure";
      args = [ "-e" "-c" ''
        texts=() # which are too long for the environment
        for name in ''${passAsFile-}; do
          path="''${name}Path"
          texts+=("$name=$(< "''${!path}")")
        done
        source "''${rigxSetup:-$stdenv/setup}"
        env -0 > "$out"
        [ -z "''${texts-}" ] || printf '%s\0' "''${texts[@]}" >> "$out"
        exit 0
      '' ];
    });

  package = attr: builtins.foldl'
    (set: name: set.${name} or (throw "rigx-attr: ${attr}"))
    nixpkgs
    (builtins.filter (step: builtins.isString step && step != "") (builtins.split "\\." attr));

  describe = attr:
    let drv = if req.mode == "environment" then environment (builtins.elemAt req.environments (builtins.fromJSON attr)) else find attr;
    in if req.mode == "names" then builtins.attrNames drv
    else if req.mode == "details" then details attr
    else {
      inherit (drv) drvPath;
      # What a shell wants of a package with several outputs is its programs.
      bin = (drv.bin or drv.out or drv).outPath;
      outputs = builtins.listToAttrs
        (map (name: { inherit name; value = drv.${name}.outPath; }) (drv.outputs or [ "out" ]));
    };

  # What `nix build` takes for one output, and no more.
  output = drv: name: builtins.removeAttrs (drv.${name} or drv) [ "meta" ] // { outputSpecified = true; };

  attempt = attr:
    let
      value = describe attr;
      tried = builtins.tryEval (builtins.deepSeq value value);
    in
    if !req.catch then value
    else if tried.success then tried.value
    else { failed = true; };
in
{
  result = map attempt req.attrs;

  # For `nix build`: the same derivations, with all their outputs. What is known of
  # them appears in its log before it builds the first.
  realise = builtins.trace
    "rigx-derivations: ${builtins.toJSON (map describe req.attrs)}"
    (builtins.concatMap (attr: let drv = find attr; in map (output drv) (drv.outputs or [ "out" ])) req.attrs);
}
