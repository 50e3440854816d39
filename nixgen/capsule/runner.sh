set -euo pipefail
PATH=${PATH:+$PATH:}$tools

fail() {
  echo "$mode-$name: $1" >&2
  exit 125
}

# split TEXT puts the parts between commas into the array parts. A backslash
# takes the next character as it is if that is a comma or a backslash.
split() {
  parts=()
  local rest=$1 part="" c
  while [ -n "$rest" ]; do
    c=${rest:0:1}
    case $rest in
      '\,'* | '\\'*) part+=${rest:1:1} rest=${rest:2}; continue ;;
      ,*) [ -z "$part" ] || parts+=("$part"); part="" ;;
      *) part+=$c ;;
    esac
    rest=${rest:1}
  done
  [ -z "$part" ] || parts+=("$part")
}

# environment puts NAME=value of RIGX_ENV into parts.
environment() {
  split "${RIGX_ENV-}"
  local part
  for part in "${parts[@]}"; do
    [[ $part =~ ^[A-Za-z0-9_.-]+= ]] || fail "RIGX_ENV: \`$part\` is not NAME=value (a comma in a value is written \\,)"
  done
}

# exports prints those parts as lines for bash.
exports() {
  local part
  for part in "${parts[@]}"; do printf 'export %s=%q\n' "${part%%=*}" "${part#*=}"; done
}

project_root() {
  if [ -n "${root-}" ]; then return; fi
  root=${RIGX_PROJECT_ROOT-}
  if [ -n "$root" ]; then return; fi
  root=$PWD
  until [ -e "$root/rigx.toml" ]; do
    [ "$root" != / ] && [ -n "$root" ] || fail "the volume \`$1\` is relative to the project, and there is no rigx.toml in $PWD or above it; set RIGX_PROJECT_ROOT"
    root=${root%/*}
    root=${root:-/}
  done
}

# each_volume COMMAND runs it with host directory, directory inside and mode of
# the declared volumes and of those in RIGX_VOLUMES.
each_volume() {
  local i part host target access rest
  for ((i = 0; i < ${#volumes[@]}; i += 3)); do volume "$1" "${volumes[i]}" "${volumes[i + 1]}" "${volumes[i + 2]}"; done
  split "${RIGX_VOLUMES-}"
  for part in "${parts[@]}"; do
    IFS=: read -r host target access rest <<< "$part"
    [ -n "$target" ] && [ -z "$rest" ] || fail "\`$part\` is no volume; write host:container or host:container:ro"
    volume "$1" "$host" "$target" "${access:-rw}"
  done
}

# volume COMMAND HOST CONTAINER MODE
volume() {
  local host=$2
  case $4 in ro | rw) ;; *) fail "the mode of the volume \`$2:$3\` is \`$4\`; it is ro or rw" ;; esac
  case $3 in /*) ;; *) fail "the volume \`$2\` has no absolute path in the container: \`$3\`" ;; esac
  case $host in
    "") fail "a volume for $3 has no host path" ;;
    /*) ;;
    '~') host=$HOME ;;
    '~/'*) host=$HOME/${host#'~/'} ;;
    *) project_root "$host"; host=$root/$host ;;
  esac
  [ -e "$host" ] || mkdir -p -- "$host" || fail "the volume $host cannot be made"
  "$1" "$host" "$3" "$4"
}
