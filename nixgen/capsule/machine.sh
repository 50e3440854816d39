# Builds output/<name> of a virtual machine.
mkdir -p "$out/bin" "$out/system"
set -- "$vm"/bin/run-*-vm
ln -s "$1" "$out/system/vm-script"
cp "$manifestPath" "$out/manifest.json"
{
  printf '#!%s\nmode=run\nvm=%s\n' "$runnerShell" "$out/system/vm-script"
  cat "$runnerPath" "$programPath"
} > "$out/bin/run-$capsule"
chmod +x "$out/bin/run-$capsule"
