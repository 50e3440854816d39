#!/rigx/busybox sh
# The first process of the small machine that the host package set makes of a
# capsule: mounts, network, then the capsule's entrypoint, then power off. What
# is told to it lies in /rigx: settings, modules, busybox.
busybox=/rigx/busybox
. /rigx/settings
$busybox mkdir -p /proc /sys /dev /run /tmp /root /etc
$busybox mount -t proc proc /proc
case $($busybox cat /proc/cmdline) in *rigx.probe*) $busybox poweroff -f ;; esac
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs dev /dev
$busybox mkdir -p /dev/pts /dev/shm
$busybox mount -t devpts devpts /dev/pts
$busybox mount -t tmpfs -o mode=1777 tmpfs /tmp
$busybox mount -t tmpfs -o mode=1777 tmpfs /dev/shm
$busybox mount -t tmpfs -o mode=755 tmpfs /run
$busybox ln -s /proc/self/fd /dev/fd
exec < /dev/console > /dev/console 2>&1
$busybox stty raw -echo 2>/dev/null
$busybox stty -raw -onlcr isig 2>/dev/null

off() {
  # What was written to the console is still on its way.
  $busybox stty -F /dev/console -onlcr 2>/dev/null
  $busybox sync
  $busybox poweroff -f
}
fail() {
  echo "rigx: $1"
  off
}

# Some need others: those that fail are tried again.
left=$(echo /rigx/modules/*)
while [ -n "$left" ]; do
  before=$left left=
  for module in $before; do $busybox insmod "$module" 2>/dev/null || left="$left $module"; done
  [ "$left" != "$before" ] && [ "$left" != " $before" ] || break
done

# 9p TAG DIRECTORY OPTIONS
share() {
  $busybox mkdir -p "$2"
  $busybox mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,$3" "$1" "$2"
}
share nix-store "$store" ro,cache=loose || fail "the store cannot be mounted: the kernel $kernel has no 9p file system (on Debian: apt-get install linux-image-amd64, not the cloud one)"
share shared /tmp/shared rw,cache=none || fail "the directory for messages cannot be mounted"
n=0
for dir in $mounts; do
  n=$((n + 1))
  share "host$n" "$dir" ro,cache=loose 2>/dev/null
done
for link in $links; do $busybox ln -s "${link#*=}" "${link%%=*}"; done

if [ -n "$binfmt" ]; then
  $busybox mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || fail "the kernel $kernel cannot hand programs to an emulator (binfmt_misc)"
  printf '%s' "$binfmt" > /proc/sys/fs/binfmt_misc/register
fi

volumes=/dev/null
[ ! -e /tmp/shared/volumes ] || volumes=/tmp/shared/volumes
$busybox hostname "$hostname"
echo "root:x:0:0:root:/root:$bash" > /etc/passwd
echo "nobody:x:65534:65534:nobody:/:$bash" >> /etc/passwd
printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' > /etc/group
printf '%s\n' "127.0.0.1 localhost" "::1 localhost" "127.0.1.1 $hostname" > /etc/hosts
[ ! -e /tmp/shared/hosts ] || $busybox cat /tmp/shared/hosts >> /etc/hosts
echo "nameserver 10.0.2.3" > /etc/resolv.conf
$busybox ip link set lo up
if $busybox ip link set eth0 up 2>/dev/null; then
  $busybox ip address add 10.0.2.15/24 dev eth0
  $busybox ip route add default via 10.0.2.2
else
  echo "rigx: the machine has no network: the kernel $kernel has no driver for virtio network cards" >&2
fi

while read -r tag mode directory; do
  $busybox mkdir -p "$directory" 2>/dev/null
  $busybox mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,$mode" "$tag" "$directory" \
    || fail "the volume for $directory cannot be mounted"
done < "$volumes"

# What an entrypoint calls to end the machine, by the names it has on NixOS.
$busybox mkdir -p /run/rigx/bin
for name in systemctl poweroff halt reboot shutdown; do
  $busybox cat > /run/rigx/bin/$name <<END
#!/rigx/busybox sh
case "\${0##*/} \$1" in
  "systemctl poweroff" | "systemctl halt" | "systemctl reboot" | poweroff* | halt* | reboot* | shutdown*) ;;
  *) echo "\${0##*/}: this machine has no systemd, so there is only \\\`systemctl poweroff\\\`" >&2; exit 1 ;;
esac
[ -e /tmp/shared/status ] || echo 0 > /tmp/shared/status
$busybox stty -F /dev/console -onlcr
$busybox sync
$busybox poweroff -f
END
  $busybox chmod +x /run/rigx/bin/$name
done

# The power button ends the entrypoint, and with it the machine.
$busybox mkdir -p /run/rigx/acpi/PWRF
printf '#!/rigx/busybox sh\n%s\n' "[ ! -e /run/rigx/main ] || $busybox kill -TERM -\$($busybox cat /run/rigx/main)" > /run/rigx/acpi/PWRF/00000080
$busybox chmod +x /run/rigx/acpi/PWRF/00000080
if [ -e /dev/input/event0 ]; then $busybox acpid -c /run/rigx/acpi -l /dev/null -p /run/rigx/acpid.pid >/dev/null 2>&1; fi

$busybox setsid -c "$busybox" sh -c '
  echo $$ > /run/rigx/main
  cd /root
  export HOME=/root TERM=dumb
  . /rigx/environment
  PATH=$PATH:/run/rigx/bin
  export PATH
  [ ! -e /tmp/shared/environment ] || . /tmp/shared/environment
  exec "$0"
' "$entry"
status=$?
[ -e /tmp/shared/status ] || echo "$status" > /tmp/shared/status
off
