# Runs the capsule in a virtual machine: the scripts of NixOS, or of the host
# package set, start it.
#
# RIGX_NAME          name of the machine in lists of processes
# RIGX_DETACH        1: in the background; prints the id of the process
# RIGX_PUBLISH       [address:]host:guest,…  TCP ports; the declared ones by default
# RIGX_PUBLISH_UDP   the same for UDP
# RIGX_ENV           NAME=value,…  a comma in a value is \, and a backslash \\
# RIGX_VOLUMES       host:guest[:ro|:rw],…
# RIGX_PROJECT_ROOT  where relative host paths start; else the directory upwards with rigx.toml
# RIGX_HOSTS         name:address,…  names for /etc/hosts
# RIGX_MEMORY        MiB, and
# RIGX_CPUS          processors of the machine
# RIGX_ACCEL         kvm, or tcg, which is emulation
# RIGX_LOG           file for the console of a machine in the background
#
# SIGTERM and SIGINT are the power button; 10 seconds after that, or with the
# next one, it is the plug. Arguments are those of qemu.

# listens ADDRESS PORT says whether somebody does.
listens() { (exec 3<> "/dev/tcp/$1/$2") 2>/dev/null; }

# free PORT says whether one may listen there.
free() {
  local unprivileged=1024
  if [ -r /proc/sys/net/ipv4/ip_unprivileged_port_start ]; then read -r unprivileged < /proc/sys/net/ipv4/ip_unprivileged_port_start; fi
  [ "$UID" = 0 ] || [ "$1" -ge "$unprivileged" ] || return 1
  ! listens 127.0.0.1 "$1"
}

# forward ENTRY PROTOCOL
forward() {
  local address=127.0.0.1 host guest rest=$1
  guest=${rest##*:} rest=${rest%:*}
  host=${rest##*:}
  [ "$rest" = "$host" ] || address=${rest%:*}
  [[ $host:$guest =~ ^[0-9]+:[0-9]+$ && $address =~ ^[0-9.]+$ ]] || fail "\`$1\` is no port to publish; write host:guest or address:host:guest"
  [ "$2" = udp ] || ! listens "$address" "$host" || fail "$address:$host is taken by another program; choose another port in RIGX_PUBLISH"
  forwards+=",hostfwd=$2:$address:$host-:$guest"
}

# share HOST GUEST MODE
share() {
  local tag=rigx$((++shares)) readonly=""
  [ "$3" = rw ] || readonly=,readonly=on
  machine+=(-virtfs "local,path=${1//,/,,},mount_tag=$tag,security_model=none,multidevs=remap$readonly")
  printf '%s %s %s\n' "$tag" "$3" "$2" >> "$work/shared/volumes"
}

[ -z "${RIGX_USER-}" ] || fail "RIGX_USER: the entrypoint of a qemu capsule runs as root"
[[ ${RIGX_NAME-} =~ ^[A-Za-z0-9_.-]*$ ]] || fail "RIGX_NAME: \`$RIGX_NAME\` can be no name of a machine"
[[ ${RIGX_MEMORY:-1}${RIGX_CPUS:-1} =~ ^[0-9]+$ ]] || fail "RIGX_MEMORY and RIGX_CPUS are numbers"
[[ ${RIGX_ACCEL-} =~ ^(kvm|tcg|hvf)?$ ]] || fail "RIGX_ACCEL: \`$RIGX_ACCEL\` is neither kvm nor tcg"

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

if [ -z "$foreign" ] && [ "${RIGX_ACCEL:-kvm}" = kvm ] && [ -e /proc/version ] && ! { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }; then
  if [ -e /dev/kvm ]; then reason="you may not open /dev/kvm (on most systems: usermod -aG kvm $(id -un))"; else reason="there is no /dev/kvm"; fi
  [ -z "${RIGX_ACCEL-}" ] || fail "$reason"
  echo "$mode-$name: $reason, so the machine is emulated, which is slow" >&2
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/rigx-machine-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/shared"
environment
exports > "$work/shared/environment"
split "${RIGX_HOSTS-}"
for part in "${parts[@]}"; do printf '%s %s\n' "${part#*:}" "${part%%:*}"; done > "$work/shared/hosts"

# qemu reads commands from one pipe and answers on the other.
mkfifo "$work/monitor.in" "$work/monitor.out"
machine=(-chardev "pipe,id=rigx,path=${work//,/,,}/monitor" -mon chardev=rigx,mode=readline)
[ -z "${RIGX_NAME-}" ] || machine+=(-name "$RIGX_NAME")
[ -z "${RIGX_MEMORY-}" ] || machine+=(-m "$RIGX_MEMORY")
[ -z "${RIGX_CPUS-}" ] || machine+=(-smp "$RIGX_CPUS")
[ -z "${RIGX_ACCEL-}" ] || machine+=(-machine "accel=$RIGX_ACCEL")
shares=0
each_volume share

# What the scripts of NixOS obey. They keep the machine's disk and what else they
# need where one stands, unless told otherwise.
export SHARED_DIR=$work/shared QEMU_NET_OPTS=${forwards#,} TMPDIR=$work USE_TMPDIR=1
export NIX_DISK_IMAGE=${NIX_DISK_IMAGE:-$work/disk.qcow2}

# press is the power button; the second time it is the plug.
pressed=""
press() {
  if [ -z "$pressed" ] && echo system_powerdown > "$work/monitor.in"; then
    pressed=$1
    { sleep 10; kill -TERM "$qemu"; } >/dev/null 2>&1 &
  else
    kill -TERM "$qemu" 2>/dev/null || :
  fi
}

# run waits for the machine, and returns the status of the entrypoint if it left
# one.
run() {
  local status=0
  exec 3<> "$work/monitor.in" # qemu may open it later
  "$vm" "${machine[@]}" "$@" <&0 &
  qemu=$!
  trap 'press 143' TERM HUP
  trap 'press 130' INT
  while :; do
    wait "$qemu" || status=$?
    kill -0 "$qemu" 2>/dev/null || break
    status=0
  done
  [ -z "$pressed" ] || status=$pressed
  if [ -s "$work/shared/status" ]; then read -r status < "$work/shared/status"; fi
  jobs -p | while read -r job; do kill "$job" 2>/dev/null || :; done
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
