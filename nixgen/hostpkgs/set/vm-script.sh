# Starts the machine. It obeys what the scripts of NixOS obey: QEMU_NET_OPTS,
# QEMU_OPTS, QEMU_KERNEL_PARAMS, SHARED_DIR (in the machine: /tmp/shared). And
# RIGX_ACCEL (kvm or tcg, which is emulation).
set -euo pipefail

machine=(-no-user-config -nodefaults -no-reboot -display none -smp 1 -m 512
  -kernel "$kernel" -initrd "$initrd")
parameters="console=ttyS0 quiet loglevel=1 panic=-1 random.trust_cpu=on"

# On some machines, mostly virtual ones, /dev/kvm can be opened and does not
# work. Whether it boots a kernel is found out once after each start of the
# machine.
works() {
  local boot known="" verdict=tcg memory=${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/rigx
  [ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
  read -r boot < /proc/sys/kernel/random/boot_id
  if [ -r "$memory/kvm" ]; then read -r known < "$memory/kvm"; fi
  case $known in
    "$boot kvm") return 0 ;;
    "$boot tcg") return 1 ;;
  esac
  if "$timeout" 8 "$qemu" "${machine[@]}" -machine accel=kvm -cpu max -append "$parameters rigx.probe" < /dev/null >/dev/null 2>&1; then verdict=kvm; fi
  "$mkdir" -p "$memory" 2>/dev/null && echo "$boot $verdict" > "$memory/kvm" || :
  [ $verdict = kvm ]
}

if [ -z "${RIGX_ACCEL-}" ]; then
  RIGX_ACCEL=tcg
  if works 2>/dev/null; then
    RIGX_ACCEL=kvm
  elif [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    echo "rigx: /dev/kvm can be opened and starts no machine, so it is emulated, which is slow" >&2
  fi
fi

shared=${SHARED_DIR:-$("$mktemp" -d)}
args=("${machine[@]}" -machine "accel=$RIGX_ACCEL" -cpu max -serial stdio -append "$parameters ${QEMU_KERNEL_PARAMS-}"
  -netdev "user,id=user.0${QEMU_NET_OPTS:+,$QEMU_NET_OPTS}" -device virtio-net-pci,netdev=user.0,romfile=
  -device virtio-rng-pci)
share() { args+=(-virtfs "local,path=$2,mount_tag=$1,security_model=none,multidevs=remap$3"); }
share nix-store "$store" ,readonly=on
share shared "$shared" ""
n=0
for dir in $mounts; do
  n=$((n + 1))
  [ ! -d "$dir" ] || share "host$n" "$dir" ,readonly=on
done
exec "$qemu" "${args[@]}" ${QEMU_OPTS-} "$@"
