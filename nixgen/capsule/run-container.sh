# Runs the capsule in docker or podman.
#
# RIGX_NAME          name of the container; a random one by default
# RIGX_DETACH        1: in the background; prints the container's id
# RIGX_NETWORK       a network of the engine to join
# RIGX_PUBLISH       [address:]host:container,…  TCP ports; 127.0.0.1 by default
# RIGX_PUBLISH_UDP   the same for UDP
# RIGX_ENV           NAME=value,…  a comma in a value is \, and a backslash \\
# RIGX_VOLUMES       host:container[:ro|:rw],…
# RIGX_PROJECT_ROOT  where relative host paths start; else the directory upwards with rigx.toml
# RIGX_USER          user[:group]
# RIGX_HOSTS         name:address,…  names for /etc/hosts
# RIGX_LABELS        key=value,…
# RIGX_ENGINE        docker or podman; else the first of them that answers
# RIGX_GATE          a FIFO: the entrypoint waits for a line from it
# RIGX_KEEP          1: the container stays when it has ended, with its logs
#
# Arguments are those of the entrypoint, or of bash for shell-<name>.
answers() {
  command -v "$1" >/dev/null && "$1" version >/dev/null 2>&1
}

choose_engine() {
  if [ -n "${RIGX_ENGINE-}" ]; then
    engine=$RIGX_ENGINE
    command -v "$engine" >/dev/null || fail "RIGX_ENGINE is \`$engine\`, which is not on PATH"
    return
  fi
  local found=""
  for engine in docker podman; do
    if answers "$engine"; then return; fi
    if command -v "$engine" >/dev/null; then found+=" $engine"; fi
  done
  [ -z "$found" ] || fail "no container engine answers (tried:$found); is its service running, and may you use it?"
  fail "neither docker nor podman is on PATH; install one of them (on Debian: apt-get install podman)"
}

# emulated says whether the kernel hands programs of the capsule's processor to an
# emulator.
emulated() {
  local cpu=$foreign
  case $cpu in armv*) cpu=arm ;; i?86) cpu=i386 ;; esac
  [ "$foreign" = "$(uname -m)" ] || [ -e "/proc/sys/fs/binfmt_misc/qemu-$cpu" ] || [ -e "/proc/sys/fs/binfmt_misc/$foreign-linux" ]
}

# csv FIELD quotes one field of --mount, which is read as CSV.
csv() { printf '"%s"' "${1//\"/\"\"}"; }

mount() {
  local options
  options="type=bind,$(csv "source=$1"),$(csv "target=$2")"
  if [ "$3" = ro ]; then options+=,readonly; fi
  args+=(--mount "$options")
}

# id_of KIND NAME: names that the image does not know are the host's.
id_of() {
  local kind=$1 value=$2 variable
  case $value in
    '$GID') value=${GID-$(id -g)} ;;
    \$*)
      variable=${value#\$}
      [[ $variable =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || fail "\`$value\` is no variable"
      value=${!variable-}
      [ -n "$value" ] || fail "the user is \`$user\`, and the variable $variable is not set"
      ;;
  esac
  [[ $value =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]*$ ]] || fail "\`$value\` can be no user or group"
  case $value in
    *[!0-9]*)
      case $kind:$value in
        user:root | user:nobody | group:root | group:nogroup | group:nobody) ;;
        user:*) value=$(id -u -- "$value" 2>/dev/null) || fail "there is no user \`$2\` on this machine" ;;
        *)
          local entry
          entry=$(getent group -- "$value") || fail "there is no group \`$2\` on this machine"
          entry=${entry#*:*:}
          value=${entry%%:*}
          ;;
      esac
      ;;
  esac
  resolved=$value
}

# publish ENTRY SUFFIX
publish() {
  case $1 in
    *:*:*) args+=(--publish "$1$2") ;;
    *:*) args+=(--publish "127.0.0.1:$1$2") ;;
    *) fail "\`$1\` is no port to publish; write host:container or address:host:container" ;;
  esac
}

[ -z "$foreign" ] || emulated || fail "the capsule is for $foreign, and this machine, $(uname -m), does not run its programs; let it emulate them (on Debian: apt-get install qemu-user-static binfmt-support; on NixOS: boot.binfmt.emulatedSystems)"
if [ "$backend" = nixos ]; then
  [ -z "${RIGX_USER-}" ] || fail "RIGX_USER: systemd has to start as root; units of your own can have users"
  [ $# -eq 0 ] || fail "a nixos capsule takes no arguments: what runs in it are units"
fi
choose_engine
if ! "$engine" image inspect "$reference" >/dev/null 2>&1; then
  # Unpacked here: podman 4.3 takes some compressed archives for broken ones.
  loaded=$(gzip -dc "$image" | "$engine" load --quiet 2>&1) || fail "$engine cannot load $image: $loaded"
fi

read -r uuid < /proc/sys/kernel/random/uuid
container=${RIGX_NAME:-$slug-$uuid}
args=(run --name "$container" --hostname "$hostname" --pull never --label "rigx.capsule=$name")
[ "${RIGX_KEEP-}" = 1 ] || args+=(--rm)
[ -z "$store" ] || args+=(--volume "$store:$store:ro")
if [ -n "$store" ] && [ -S /nix/var/nix/daemon-socket/socket ]; then
  args+=(--volume /nix/var/nix/daemon-socket:/nix/var/nix/daemon-socket --env NIX_REMOTE=daemon)
fi
for dir in "${mounts[@]}"; do args+=(--volume "$dir:$dir:ro"); done

each_volume mount

user=${RIGX_USER:-$user}
if [ -n "$user" ]; then
  id_of user "${user%%:*}"
  ids=$resolved
  case $user in *:*) id_of group "${user#*:}"; ids+=:$resolved ;; esac
  args+=(--user "$ids")
fi

[ -z "${RIGX_NETWORK-}" ] || args+=(--network "$RIGX_NETWORK")
split "${RIGX_PUBLISH-}"
for part in "${parts[@]}"; do publish "$part" /tcp; done
split "${RIGX_PUBLISH_UDP-}"
for part in "${parts[@]}"; do publish "$part" /udp; done
split "${RIGX_HOSTS-}"
for part in "${parts[@]}"; do args+=(--add-host "$part"); done
split "${RIGX_LABELS-}"
for part in "${parts[@]}"; do args+=(--label "$part"); done
environment
if [ "$backend" = nixos ]; then
  # systemd hands its own environment to no unit.
  args+=(--env "RIGX_ENVIRONMENT=$(exports)" --privileged
    --tmpfs /run:exec,mode=755 --tmpfs /tmp:exec,mode=1777 --tmpfs /var/log:mode=755)
  case $("$engine" --version) in
    podman*) args+=(--systemd=always) ;;
    *) [ -e /sys/fs/cgroup/cgroup.controllers ] || args+=(--volume /sys/fs/cgroup:/sys/fs/cgroup --cgroupns=host) ;;
  esac
else
  for part in "${parts[@]}"; do args+=(--env "$part"); done
fi
if [ -n "${RIGX_GATE-}" ] && [ "$mode" = run ] && [ "$backend" != nixos ]; then
  args+=(--mount "type=bind,$(csv "source=$RIGX_GATE"),target=/run/rigx-gate" --env RIGX_GATE=/run/rigx-gate)
fi

if [ "${RIGX_DETACH-}" = 1 ] && [ "$mode" = run ]; then
  args+=(--detach)
elif [ -t 0 ] && [ -t 1 ]; then
  args+=(--interactive --tty)
elif [ "$backend" != nixos ]; then
  args+=(--interactive)
fi
# What units print goes to the console.
[ "$backend" != nixos ] || args+=(--tty)
if [ "$mode" = shell ]; then
  exec "$engine" "${args[@]}" --entrypoint "$bash" "$reference" "$@"
elif [ "$backend" = nixos ] && [ "${RIGX_DETACH-}" != 1 ]; then
  # systemd takes signals for something else than a wish to end, and a system that
  # powers off for a process that was interrupted.
  signal=0 status=0
  stop() {
    signal=$1
    "$engine" stop "$container" >/dev/null 2>&1 &
  }
  "$engine" "${args[@]}" "$reference" <&0 &
  client=$!
  trap 'stop 143' TERM HUP
  trap 'stop 130' INT
  while :; do
    wait "$client" || status=$?
    kill -0 "$client" 2>/dev/null || break
    status=0
  done
  [ "$signal" = 0 ] || exit "$signal"
  [ "$status" != 130 ] || exit 0
  exit "$status"
elif [ $# -gt 0 ]; then
  exec "$engine" "${args[@]}" "$reference" "$entry" "$@"
fi
exec "$engine" "${args[@]}" "$reference"
