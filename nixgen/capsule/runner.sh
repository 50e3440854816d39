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
