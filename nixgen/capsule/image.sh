# Builds output/<name>: the image, its runners, manifest.json. The same inputs
# give the same bytes.
mkdir -p "$out/bin" "$out/image" root/etc/nix root/root root/run root/proc root/sys root/dev \
  "root$store" root/nix/var/nix/daemon-socket
for dir in $mounts; do mkdir -p "root$dir"; done
mkdir -m 1777 root/tmp

echo "experimental-features = nix-command flakes" > root/etc/nix/nix.conf
ln -s nix/nix.conf root/etc/nix.conf
printf '%s\n' "root:x:0:0:root:/root:$bash" "nobody:x:65534:65534:nobody:/:$bash" > root/etc/passwd
printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' 'nobody:x:65534:' > root/etc/group

# Names without ./ in front, which not every reader takes for the same.
archive() {
  (cd "$1" && tar --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --format=gnu -cf - *)
}
digest() { sha256sum "$1" | cut -d ' ' -f 1; }

chmod -R u=rwX,go=rX root
chmod 1777 root/tmp
archive root > layer.tar
layer=$(digest layer.tar)
{ printf '{"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},' "$layer"; tail -c +2 "$configPath"; } > config.json
image=$(digest config.json)
reference=localhost/$slug:${image:0:16}
mkdir -p "archive/$layer"
mv layer.tar "archive/$layer/layer.tar"
mv config.json "archive/$image.json"
printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["%s/layer.tar"]}]' "$image" "$reference" "$layer" > archive/manifest.json
archive archive | gzip -n -9 > "$out/image/image.tar.gz"

{ printf '{"image":{"archive":"image/image.tar.gz","reference":"%s"},' "$reference"; tail -c +2 "$manifestPath"; } > "$out/manifest.json"
for mode in run shell; do
  {
    printf '#!%s\nmode=%s\nreference=%s\nimage=%s\n' "$bash" "$mode" "$reference" "$out/image/image.tar.gz"
    cat "$runnerPath" "$programPath"
  } > "$out/bin/$mode-$capsule"
  chmod +x "$out/bin/$mode-$capsule"
done
