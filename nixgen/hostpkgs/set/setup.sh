# The environment and the phases of a build, as flakes for nixpkgs expect them.
# Phases run with -e and pipefail, and without -u.

set -e
set -o pipefail

export PATH=$rigxCompiler/bin:$rigxTools/bin
# Not $BASH: what bash finds out about itself, without a PATH, is the shell of
# the build user.
export SHELL=$builder CONFIG_SHELL=$builder
export HOME=/homeless-shelter
export TMPDIR=${TMPDIR:-$NIX_BUILD_TOP}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-315532800}
export TZ=UTC LC_ALL=C.UTF-8
export ZERO_AR_DATE=1
export CC=${rigxPrefix}cc CXX=${rigxPrefix}c++ AR=${rigxPrefix}ar LD=${rigxPrefix}ld
export RANLIB=${rigxPrefix}ranlib STRIP=${rigxPrefix}strip NM=${rigxPrefix}nm
export NIX_CFLAGS_COMPILE=${NIX_CFLAGS_COMPILE-} NIX_LDFLAGS=${NIX_LDFLAGS-}
export PKG_CONFIG_PATH=${PKG_CONFIG_PATH-}
prefix=${prefix:-$out}
case ${NIX_BUILD_CORES:-1} in 0) NIX_BUILD_CORES=$(nproc) ;; esac
export NIX_BUILD_CORES

# ── Hooks ──────────────────────────────────────────────────────────────────

# runHook NAME runs the variable or function NAME, and whatever setup hooks
# added to the array NAMEHooks.
runHook() {
  local hook=$1 command
  shift
  if declare -p "${hook}Hooks" >/dev/null 2>&1; then
    local -n added=${hook}Hooks
    for command in "${added[@]}"; do callHook "$command" "$@"; done
  fi
  callHook "$hook" "$@"
}

callHook() {
  local name=$1
  shift
  if [ -n "${!name-}" ] && ! declare -F "$name" >/dev/null; then
    eval "${!name}"
  elif declare -F "$name" >/dev/null; then
    "$name" "$@"
  elif [[ $name == *' '* ]]; then
    eval "$name"
  fi
}

# ── Inputs ─────────────────────────────────────────────────────────────────

declare -A rigxSeen=()

addInput() {
  local dir=$1 more
  [ -z "${rigxSeen[$dir]-}" ] || return 0
  rigxSeen[$dir]=1
  if [ -d "$dir/bin" ]; then PATH=$dir/bin:$PATH; fi
  if [ -d "$dir/include" ]; then NIX_CFLAGS_COMPILE+=" -isystem $dir/include"; fi
  if [ -d "$dir/lib" ]; then
    NIX_LDFLAGS+=" -L$dir/lib"
    if compgen -G "$dir/lib/*.so*" >/dev/null; then NIX_LDFLAGS+=" -rpath=$dir/lib"; fi
  fi
  local pc
  for pc in "$dir/lib/pkgconfig" "$dir/share/pkgconfig"; do
    if [ -d "$pc" ]; then PKG_CONFIG_PATH+=${PKG_CONFIG_PATH:+:}$pc; fi
  done
  if [ -f "$dir/nix-support/propagated-build-inputs" ]; then
    for more in $(<"$dir/nix-support/propagated-build-inputs"); do addInput "$more"; done
  fi
  if [ -f "$dir/nix-support/setup-hook" ]; then source "$dir/nix-support/setup-hook"; fi
}

for rigxInput in ${nativeBuildInputs-} ${buildInputs-} ${propagatedBuildInputs-} ${propagatedNativeBuildInputs-}; do
  addInput "$rigxInput"
done
# What the compiler is called must not be hidden by an input.
PATH=$rigxCompiler/bin:$PATH

# ── Phases ─────────────────────────────────────────────────────────────────

# runs the variable NAME if it is set, else the function.
runPhase() {
  local phase=$1
  if [ -n "${!phase-}" ]; then eval "${!phase}"; else "$phase"; fi
}

skipped() { local name=$1; [ -n "${!name-}" ]; }

unpackFile() {
  case $1 in
    *.tar | *.tar.* | *.tgz | *.tbz2 | *.txz) tar xf "$1" ;;
    *.zip) unzip -qq "$1" ;;
    *)
      if [ -d "$1" ]; then
        cp -r --no-preserve=ownership,mode,timestamps -- "$1" "$(stripHash "$1")"
        # cp without modes loses what may be executed.
        (cd "$1" && find . -type f -perm -0100 -print0) | (cd "$(stripHash "$1")" && xargs -0 -r chmod +x)
      else
        cp --no-preserve=ownership -- "$1" "$(stripHash "$1")"
      fi
      ;;
  esac
}

stripHash() {
  local name
  name=$(basename "$1")
  [[ $name =~ ^[0-9a-z]{32}-(.*)$ ]] && name=${BASH_REMATCH[1]}
  echo "$name"
}

unpackPhase() {
  runHook preUnpack
  local source before after
  before=$(ls -A)
  for source in ${srcs:-${src-}}; do unpackFile "$source"; done
  if [ -z "${sourceRoot-}" ]; then
    for after in *; do
      if [ -d "$after" ] && ! grep -qxF -- "$after" <<<"$before"; then
        if [ -n "${sourceRoot-}" ]; then echo "several directories were unpacked; set sourceRoot" >&2; return 1; fi
        sourceRoot=$after
      fi
    done
  fi
  if [ -n "${sourceRoot-}" ]; then chmod -R u+w -- "$sourceRoot"; fi
  runHook postUnpack
}

patchPhase() {
  runHook prePatch
  local file
  for file in ${patches-}; do patch -p1 < "$file"; done
  runHook postPatch
}

configurePhase() {
  runHook preConfigure
  if [ -x "${configureScript:-./configure}" ]; then
    "${configureScript:-./configure}" ${dontAddPrefix-"--prefix=$prefix"} ${configureFlags-}
  fi
  runHook postConfigure
}

hasMakefile() { [ -n "${makefile-}" ] || [ -e Makefile ] || [ -e makefile ] || [ -e GNUmakefile ]; }

runMake() {
  make ${makefile:+-f "$makefile"} ${enableParallelBuilding:+-j$NIX_BUILD_CORES} SHELL="$SHELL" ${makeFlags-} "$@"
}

buildPhase() {
  runHook preBuild
  if hasMakefile; then runMake ${buildFlags-}; fi
  runHook postBuild
}

checkPhase() {
  runHook preCheck
  if hasMakefile; then runMake ${checkFlags-} ${checkTarget:-check}; fi
  runHook postCheck
}

installPhase() {
  runHook preInstall
  mkdir -p "$prefix"
  if hasMakefile; then runMake ${installFlags-} ${installTargets:-install}; fi
  runHook postInstall
}

fixupPhase() {
  runHook preFixup
  local output
  for output in ${outputs:-out}; do
    if [ -e "${!output}" ] && [ -n "${propagatedBuildInputs-}" ] && [ "$output" = out ] && [ -d "${!output}" ]; then
      mkdir -p "${!output}/nix-support"
      echo "$propagatedBuildInputs" > "${!output}/nix-support/propagated-build-inputs"
    fi
    if [ -z "${dontPatchShebangs-}" ] && [ -d "${!output}" ]; then patchShebangs "${!output}"; fi
  done
  if [ -n "${setupHook-}" ]; then
    mkdir -p "$out/nix-support"
    cp "$setupHook" "$out/nix-support/setup-hook"
  fi
  runHook postFixup
}

# patchShebangs DIR… points scripts that want /usr/bin/env at what is on PATH
# now, so that they run on machines without it.
patchShebangs() {
  local file line interpreter path
  while IFS= read -r -d '' file; do
    IFS= read -r line < "$file" 2>/dev/null || continue
    case $line in
      '#!/usr/bin/env '* | '#! /usr/bin/env '*)
        interpreter=${line#*env }
        case $interpreter in -S*) continue ;; esac
        path=$(command -v "${interpreter%% *}") || continue
        sed -i "1s|.*|#!$path${interpreter#"${interpreter%% *}"}|" "$file"
        ;;
    esac
  done < <(find "$@" -type f -perm -0100 -print0 2>/dev/null)
}

genericBuild() {
  cd "$NIX_BUILD_TOP"
  if [ -n "${buildCommandPath-}" ]; then source "$buildCommandPath"; return; fi
  if [ -n "${buildCommand-}" ]; then eval "$buildCommand"; return; fi
  local phase list=${phases-}
  if [ -z "$list" ]; then
    list="${prePhases-} unpackPhase patchPhase ${preConfigurePhases-} configurePhase ${preBuildPhases-} buildPhase checkPhase ${preInstallPhases-} installPhase ${preFixupPhases-} fixupPhase ${postPhases-}"
  fi
  for phase in $list; do
    case $phase in
      unpackPhase) skipped dontUnpack && continue ;;
      patchPhase) skipped dontPatch && continue ;;
      configurePhase) skipped dontConfigure && continue ;;
      buildPhase) skipped dontBuild && continue ;;
      checkPhase) skipped doCheck || continue ;;
      installPhase) skipped dontInstall && continue ;;
      fixupPhase) skipped dontFixup && continue ;;
    esac
    runPhase "$phase"
    if [ "$phase" = unpackPhase ] && [ -n "${sourceRoot-}" ]; then cd "$sourceRoot"; fi
  done
}

# substituteInPlace and substitute, with the options that are in use.
substitute() {
  local from=$1 to=$2 content
  shift 2
  content=$(cat "$from"; printf x)
  content=${content%x}
  while [ $# -gt 0 ]; do
    case $1 in
      --replace | --replace-fail | --replace-warn | --replace-quiet) content=${content//"$2"/"$3"}; shift 3 ;;
      --subst-var) content=${content//"@$2@"/"${!2}"}; shift 2 ;;
      --subst-var-by) content=${content//"@$2@"/"$3"}; shift 3 ;;
      *) echo "substitute: unknown option $1" >&2; return 1 ;;
    esac
  done
  printf %s "$content" > "$to"
}

substituteInPlace() {
  local file=$1
  shift
  substitute "$file" "$file" "$@"
}
