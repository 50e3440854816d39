# What the unit of the entrypoint runs: prepares what the runner wants, which it
# says in a container by a variable of the first process, and in a virtual
# machine by files.
shared=/tmp/shared
while IFS= read -r -d "" variable; do
  case $variable in RIGX_ENVIRONMENT=*) eval "${variable#*=}" ;; esac
done < /proc/1/environ
if [ -e "$shared/environment" ]; then . "$shared/environment"; fi
if [ -s "$shared/hosts" ]; then
  cat /etc/hosts "$shared/hosts" > /etc/hosts.rigx
  mv -f /etc/hosts.rigx /etc/hosts
fi
if [ -s "$shared/volumes" ]; then
  while read -r tag mode directory; do
    mkdir -p "$directory"
    mount -t 9p -o "$mode,trans=virtio,version=9p2000.L,msize=262144" "$tag" "$directory"
  done < "$shared/volumes"
fi

status=0
"$entry" || status=$?
if [ -d "$shared" ]; then echo "$status" > "$shared/status"; fi
exit "$status"
