# Builds output/<name>: the image, its runners, manifest.json. The same inputs
# give the same bytes.
mkdir -p "$out/bin" "$out/image" root/etc/nix root/root root/run root/proc root/sys root/dev \
  "root$store" root/nix/var/nix/daemon-socket root/nix/var/nix/gcroots root/var/log
for dir in $mounts; do mkdir -p "root$dir"; done
for link in $links; do ln -s "${link#*=}" "root${link%%=*}"; done
mkdir -m 1777 root/tmp

echo "experimental-features = nix-command flakes" > root/etc/nix/nix.conf
ln -s nix/nix.conf root/etc/nix.conf
printf '%s\n' "root:x:0:0:root:/root:$bash" "nobody:x:65534:65534:nobody:/:$bash" > root/etc/passwd
printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' 'nobody:x:65534:' > root/etc/group
chmod -R u=rwX,go=rX root
chmod 1777 root/tmp

# archive DIRECTORY NAME…
archive() {
  tar -C "$1" --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --hard-dereference --format=gnu -cf - "${@:2}"
}
digest() { sha256sum "$1" | cut -d ' ' -f 1; }

# layer DIRECTORY NAME… adds a layer with those.
digests=() layers=()
layer() {
  archive "$@" > layer.tar
  local id
  id=$(digest layer.tar)
  digests+=("\"sha256:$id\"") layers+=("\"$id/layer.tar\"")
  mkdir -p "archive/$id"
  mv layer.tar "archive/$id/layer.tar"
}
list() { (IFS=,; echo "$*"); }

# Names without ./ in front, which not every reader takes for the same.
(cd root; printf '%s\0' *) > names
mapfile -d "" -t names < names
layer root "${names[@]}"
if [ -z "$shared" ]; then
  if [ -n "$hostFiles" ]; then
    (cd "$hostFiles"; printf '%s\0' *) > names
    mapfile -d "" -t names < names
    layer "$hostFiles" "${names[@]}"
  fi
  # Each path is a layer that other images share. An engine takes some 120.
  rest=()
  while read -r path; do
    read -r _
    read -r count
    for ((; count > 0; count--)); do read -r _; done
    if [ "$path" = "$configFile" ]; then continue; fi
    if [ ${#layers[@]} -lt 100 ]; then layer / "${path#/}"; else rest+=("${path#/}"); fi
  done < closure
  [ ${#rest[@]} = 0 ] || layer / "${rest[@]}"
fi

{ printf '{"rootfs":{"type":"layers","diff_ids":[%s]},' "$(list "${digests[@]}")"; tail -c +2 "$configFile"; } > config.json
image=$(digest config.json)
reference=localhost/$slug:${image:0:16}
mv config.json "archive/$image.json"
printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":[%s]}]' "$image" "$reference" "$(list "${layers[@]}")" > archive/manifest.json
(cd archive; archive . *) | gzip -n -6 > "$out/image/image.tar.gz"

{ printf '{"image":{"archive":"image/image.tar.gz","reference":"%s"},' "$reference"; tail -c +2 "$manifestPath"; } > "$out/manifest.json"
for mode in $modes; do
  {
    printf '#!%s\nmode=%s\nreference=%s\nimage=%s\n' "$runnerShell" "$mode" "$reference" "$out/image/image.tar.gz"
    cat "$runnerPath" "$programPath"
  } > "$out/bin/$mode-$capsule"
  chmod +x "$out/bin/$mode-$capsule"
done
