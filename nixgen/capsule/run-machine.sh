# Runs the capsule in a virtual machine: the scripts of NixOS, or of the host
# package set, start it.
#
# RIGX_NAME          name of the machine in lists of processes
# RIGX_DETACH        1: in the background; prints the id of the process
# RIGX_PUBLISH       [address:]host:guest,…  TCP ports; the declared ones by default
# RIGX_PUBLISH_UDP   the same for UDP
# RIGX_ENV           NAME=value,…  a comma in a value is \, and a backslash \\
# RIGX_HOSTS         name:address,…  names for /etc/hosts
# RIGX_MEMORY        MiB, and
# RIGX_CPUS          processors of the machine
#
# Arguments are those of qemu.

# free PORT says whether one may listen there, by a look at who does.
free() {
  local unprivileged=1024
  if [ -r /proc/sys/net/ipv4/ip_unprivileged_port_start ]; then read -r unprivileged < /proc/sys/net/ipv4/ip_unprivileged_port_start; fi
  [ "$UID" = 0 ] || [ "$1" -ge "$unprivileged" ] || return 1
  ! (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# forward ENTRY PROTOCOL
forward() {
  local address=127.0.0.1 host guest rest=$1
  guest=${rest##*:} rest=${rest%:*}
  host=${rest##*:}
  [ "$rest" = "$host" ] || address=${rest%:*}
  [[ $host:$guest =~ ^[0-9]+:[0-9]+$ ]] || fail "\`$1\` is no port to publish; write host:guest or address:host:guest"
  forwards+=",hostfwd=$2:$address:$host-:$guest"
}

[ -z "${RIGX_VOLUMES-}" ] || fail "RIGX_VOLUMES: a qemu capsule has no volumes"
[ -z "${RIGX_USER-}" ] || fail "RIGX_USER: the entrypoint of a qemu capsule runs as root"

forwards=${QEMU_NET_OPTS:+,$QEMU_NET_OPTS}
if [ -n "${RIGX_PUBLISH+set}" ]; then
  split "$RIGX_PUBLISH"
  for part in "${parts[@]}"; do forward "$part" tcp; done
else
  for port in "${ports[@]}"; do
    if free "$port"; then
      forward "$port:$port" tcp
    else
      echo "$mode-$name: port $port is not forwarded: it is taken, or needs more rights; choose another with RIGX_PUBLISH=HOST:$port" >&2
    fi
  done
fi
if [ -n "${RIGX_PUBLISH_UDP+set}" ]; then
  split "$RIGX_PUBLISH_UDP"
  for part in "${parts[@]}"; do forward "$part" udp; done
else
  for port in "${udp_ports[@]}"; do forward "$port:$port" udp; done
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/rigx-machine-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/shared"
environment
for part in "${parts[@]}"; do printf 'export %s=%q\n' "${part%%=*}" "${part#*=}"; done > "$work/shared/environment"
split "${RIGX_HOSTS-}"
for part in "${parts[@]}"; do printf '%s %s\n' "${part#*:}" "${part%%:*}"; done > "$work/shared/hosts"

export SHARED_DIR=$work/shared QEMU_NET_OPTS=${forwards#,}
# NixOS keeps the disk of the machine where one stands, from run to run.
export NIX_DISK_IMAGE=${NIX_DISK_IMAGE:-$work/disk.qcow2}
export QEMU_OPTS="${QEMU_OPTS-}${RIGX_NAME:+ -name $RIGX_NAME}"
[[ ${RIGX_NAME-} =~ ^[A-Za-z0-9_.-]*$ ]] || fail "RIGX_NAME: \`$RIGX_NAME\` can be no name of a machine"

# run waits for the machine, and returns the status of the entrypoint if it left
# one.
run() {
  local machine status=0
  "$vm" "$@" <&0 &
  machine=$!
  trap 'kill -TERM "$machine" 2>/dev/null' TERM HUP
  trap 'kill -INT "$machine" 2>/dev/null' INT
  while :; do
    wait "$machine" || status=$?
    kill -0 "$machine" 2>/dev/null || break
    status=0
  done
  if [ -s "$work/shared/status" ]; then read -r status < "$work/shared/status"; fi
  rm -rf "$work"
  exit "$status"
}

if [ "${RIGX_DETACH-}" = 1 ]; then
  trap - EXIT
  run "$@" < /dev/null > "${RIGX_LOG:-/dev/null}" 2>&1 &
  echo "$!"
  exit 0
fi
run "$@"
