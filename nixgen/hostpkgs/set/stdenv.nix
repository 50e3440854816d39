# stdenv.mkDerivation for each compiler of the machine.
{ find, host, lib, pkgs, system, tools, trivial }:
let
  platform = system:
    let
      parts = builtins.filter builtins.isString (builtins.split "-" system);
      cpu = builtins.head parts;
      os = builtins.elemAt parts 1;
    in
    {
      inherit system;
      config = system;
      isLinux = os == "linux";
      isDarwin = os == "darwin";
      isWindows = os == "windows";
      isUnix = os != "windows";
      isx86_64 = cpu == "x86_64";
      isAarch64 = cpu == "aarch64";
      isAarch32 = cpu == "armv7l";
      is64bit = cpu != "armv7l";
      parsed = { cpu.name = cpu; kernel.name = os; };
      extensions = {
        executable = if os == "windows" then ".exe" else "";
        sharedLibrary = if os == "windows" then ".dll" else if os == "darwin" then ".dylib" else ".so";
        staticLibrary = ".a";
      };
    };

  # Wrappers around a compiler: cc is called like on any system, and finds what
  # buildInputs bring.
  wrapCompiler = { name, cc, cxx, ar ? "ar", ld ? "ld", ranlib ? "ranlib", strip ? "strip", nm ? "nm", prefix ? "", extra ? [ ], realgcc ? "" }:
    let
      debianCxx =
        if prefix == "" then "g++"
        else if prefix == "x86_64-w64-mingw32-" then "g++-mingw-w64-x86-64"
        else "g++-" + lib.removeSuffix "-" prefix;
    in
    trivial.raw "${name}-wrapper"
      {
        wrapper = ./cc-wrapper.sh;
        bash = find.program "bash";
        cc = find.program cc;
        # A machine may have the C compiler without the C++ one.
        cxx = if find.has cxx then find.program cxx else "";
        cxxMissing = "rigx-host: program `${cxx}` is not on PATH; on Debian: apt-get install ${debianCxx}";
        stamps = map find.stamp (builtins.filter find.has ([ cc cxx ar ld ranlib strip nm ] ++ extra));
        links = lib.concatMap
          (l: lib.optionals (find.has l.program) [ l.name (find.program l.program) ])
          ([
            { name = "${prefix}ar"; program = ar; }
            { name = "${prefix}ld"; program = ld; }
            { name = "${prefix}ranlib"; program = ranlib; }
            { name = "${prefix}strip"; program = strip; }
            { name = "${prefix}nm"; program = nm; }
          ] ++ map (program: { name = program; inherit program; }) extra);
        inherit prefix realgcc;
        ccNames = [ "${prefix}cc" "${prefix}${name}" ];
        cxxNames = [ "${prefix}c++" "${prefix}${if name == "clang" then "clang++" else "g++"}" ];
      } ''
      mkdir -p $out/bin
      wrap() {
        local real=$1; shift
        local file
        for file; do
          if [ -n "$real" ]; then
            sed -e "s|@bash@|$bash|; s|@compiler@|$real|; s|@realgcc@|$realgcc|g" "$wrapper" > "$out/bin/$file"
          else
            printf '#!%s\necho %q >&2\nexit 1\n' "$bash" "$cxxMissing" > "$out/bin/$file"
          fi
          chmod +x "$out/bin/$file"
        done
      }
      wrap "$cc" $ccNames
      wrap "$cxx" $cxxNames
      set -- $links
      while [ $# -gt 0 ]; do ln -sf "$2" "$out/bin/$1"; shift 2; done
    '' // { isGNU = name == "gcc"; isClang = name == "clang"; inherit cc; };

  makeStdenv = { compiler, prefix ? "", hostPlatform ? platform system }:
    let
      mkDerivation = argument:
        let
          final = if builtins.isFunction argument then argument (result // final') else argument;
          final' = builtins.removeAttrs final [ ];
          result = build final;
        in
        result // {
          overrideAttrs = change:
            let
              old = final;
              new = if builtins.isFunction change
                then (let first = change old; in if builtins.isFunction first then change result old else first)
                else change;
            in
            mkDerivation (old // new);
        };

      clean = attrs: lib.filterAttrs (_: v: v != null)
        (builtins.removeAttrs attrs [ "meta" "passthru" "env" "pos" "strictDeps" "__structuredAttrs" ]);

      build = attrs:
        let
          name = attrs.name or "${attrs.pname}-${attrs.version}";
          drv = derivation (clean attrs // (attrs.env or { }) // {
            inherit name system;
            builder = find.program "bash";
            args = [ "-e" ./builder.sh ];
            rigxSetup = ./setup.sh;
            rigxTools = tools.basic;
            rigxCompiler = compiler;
            rigxPrefix = prefix;
            outputs = attrs.outputs or [ "out" ];
            hostStamp = find.stamp "bash";
          });
        in
        drv // (attrs.passthru or { }) // {
          meta = attrs.meta or { };
          pname = attrs.pname or name;
          version = attrs.version or "";
          inherit stdenv;
        };

      stdenv = {
        inherit mkDerivation hostPlatform;
        buildPlatform = platform system;
        targetPlatform = hostPlatform;
        cc = compiler;
        shell = find.program "bash";
        inherit (hostPlatform) isLinux isDarwin system;
      };
    in
    stdenv;

  gcc = wrapCompiler { name = "gcc"; cc = "gcc"; cxx = "g++"; extra = [ "as" "cpp" "objcopy" "objdump" "readelf" ]; };
  clang = wrapCompiler { name = "clang"; cc = "clang"; cxx = "clang++"; extra = [ "as" ]; };

  # gcc13Stdenv and clang16Stdenv, for every version that might be installed.
  numbered = lib.foldl' (all: n:
    let v = toString n; in all // {
      "gcc${v}Stdenv" = makeStdenv { compiler = wrapCompiler { name = "gcc"; cc = "gcc-${v}"; cxx = "g++-${v}"; extra = [ "as" ]; }; };
      "clang${v}Stdenv" = makeStdenv { compiler = wrapCompiler { name = "clang"; cc = "clang-${v}"; cxx = "clang++-${v}"; extra = [ "as" ]; }; };
    }) { } (lib.range 9 24);

  # A cross compiler of the distribution. Its tools are called by their full
  # names, as Makefiles of cross builds expect.
  cross = { triple, system, prefix ? "${triple}-", debian }:
    let
      cc = "${prefix}gcc";
      set = {
        stdenv =
          if !find.has cc then find.missing "pkgsCross (${triple})" cc debian
          else makeStdenv {
            inherit prefix;
            hostPlatform = platform system;
            compiler = wrapCompiler {
              name = "gcc";
              inherit cc prefix;
              cxx = "${prefix}g++";
              ar = "${prefix}ar"; ld = "${prefix}ld"; ranlib = "${prefix}ranlib"; strip = "${prefix}strip"; nm = "${prefix}nm";
            };
          };
        buildPackages = pkgs;
      };
    in
    pkgs // set;
in
rec {
  stdenv = if host.system != system then throw "rigx-host: the host package set builds for ${host.system} only, not for ${system}: use a pinned nixpkgs, or pkgsCross" else gccStdenv;
  gccStdenv = if find.has "gcc" || !find.has "clang" then makeStdenv { compiler = gcc; } else clangStdenv;
  clangStdenv = if find.has "clang" then makeStdenv { compiler = clang; } else find.missing "clangStdenv" "clang" "clang";
  stdenvNoCC = stdenv;
  llvmPackages.stdenv = clangStdenv;

  pkgsCross = {
    aarch64-multiplatform = cross { triple = "aarch64-linux-gnu"; system = "aarch64-linux"; debian = "gcc-aarch64-linux-gnu g++-aarch64-linux-gnu"; };
    armv7l-hf-multiplatform = cross { triple = "arm-linux-gnueabihf"; system = "armv7l-linux"; debian = "gcc-arm-linux-gnueabihf g++-arm-linux-gnueabihf"; };
    mingwW64 = cross { triple = "x86_64-w64-mingw32"; system = "x86_64-windows"; debian = "gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64"; };
    # musl's compiler is a specs file for the machine's own gcc.
    musl64 = pkgs // {
      buildPackages = pkgs;
      stdenv =
        if !find.has "musl-gcc" then find.missing "pkgsCross.musl64" "musl-gcc" "musl-tools"
        else makeStdenv { compiler = wrapCompiler { name = "gcc"; cc = "musl-gcc"; cxx = "musl-g++"; extra = [ "as" ]; realgcc = find.program "gcc"; }; };
    };
  };
} // numbered
