#!/bin/bash
# The least runner that obeys what the tests need of the contract.
set -eu
split() { parts=(); local IFS=; local rest=$1 part='' c
  while [ -n "$rest" ]; do
    case $rest in '\,'*|'\\'*) part+=${rest:1:1} rest=${rest:2}; continue;; ,*) parts+=("$part") part='';; *) part+=${rest:0:1};; esac
    rest=${rest:1}
  done; [ -z "$part" ] || parts+=("$part"); }
dir=$(cd "$(dirname "$0")/.." && pwd)
args=(run --name "$RIGX_NAME" -d)
split "${RIGX_PUBLISH-}"; for p in "${parts[@]}"; do args+=(-p "$p/tcp"); done
split "${RIGX_PUBLISH_UDP-}"; for p in "${parts[@]}"; do args+=(-p "$p/udp"); done
split "${RIGX_ENV-}"; for p in "${parts[@]}"; do args+=(-e "$p"); done
split "${RIGX_LABELS-}"; for p in "${parts[@]}"; do args+=(-l "$p"); done
split "${RIGX_HOSTS-}"; for p in "${parts[@]}"; do args+=(--add-host "$p"); done
split "${RIGX_VOLUMES-}"; for p in "${parts[@]}"; do case $p in /*) ;; *) p=$RIGX_PROJECT_ROOT/$p; mkdir -p "${p%%:*}";; esac; args+=(-v "$p"); done
[ -z "${RIGX_GATE-}" ] || args+=(-v "$RIGX_GATE:/gate")
args+=(-v "$dir/echo:/echo:ro" -v /bin/busybox:/bin/sh:ro)
if [ -n "${RIGX_GATE-}" ]; then
  exec "$RIGX_ENGINE" "${args[@]}" "$(cat "$dir/reference")" /bin/sh -c 'read -r _ < /gate; exec "$@"' sh $(cat "$dir/entry")
fi
exec "$RIGX_ENGINE" "${args[@]}" "$(cat "$dir/reference")" $(cat "$dir/entry")
