# A small virtual machine that runs one program, in the place of NixOS, which
# this package set has not: the machine's own kernel, a busybox, and 9p mounts of
# the store and of what the programs of the machine need.
{ find, host, lib, trivial }:
{ name, hostname, entry, environment }:
let
  bash = find.program "bash";
  kernel =
    if host.kernel.image == "" then throw ("rigx-host: the host package set has no kernel for qemu capsules: "
      + (if host.kernel.lacks != "" then host.kernel.lacks else "there is none in /boot")
      + "; on Debian: apt-get install linux-image-amd64, or unpack that package and let RIGX_KERNEL_DIR name the directory")
    else host.kernel;
  qemu = find.need' "qemu-system-${lib.removeSuffix "-linux" host.system}" "qemu-system";

  # Directories that are links, such as /bin on most machines, are links in there.
  mounts = builtins.filter (dir: !(host.links ? ${dir})) host.mounts;
  links = lib.mapAttrsToList (from: to: "${from}=${to}") host.links;

  initrd = trivial.raw "${name}-initrd"
    {
      init = ./vm-init.sh;
      busybox = (find.need' "busybox" "busybox-static").path;
      busyboxStamp = (find.need' "busybox" "busybox-static").stamp;
      cpio = (find.need' "cpio" "cpio").path;
      modules = kernel.modules;
      kernelStamp = kernel.stamp;
      settings = ''
        store=${builtins.storeDir}
        hostname=${lib.escapeShellArg hostname}
        mounts=${lib.escapeShellArg (toString mounts)}
        links=${lib.escapeShellArg (toString links)}
        bash=${bash}
        kernel=${lib.escapeShellArg kernel.version}
        entry=${entry}
      '';
      environment = lib.concatLines (lib.mapAttrsToList (key: value: "export ${key}=${lib.escapeShellArg value}") environment);
      passAsFile = [ "settings" "environment" ];
    } ''
    mkdir -p root/rigx/modules
    cp "$busybox" root/rigx/busybox
    if ldd root/rigx/busybox >/dev/null 2>&1; then
      echo "rigx-host: $busybox is not static; on Debian: apt-get install busybox-static" >&2
      exit 1
    fi
    cp "$init" root/init
    cp "$settingsPath" root/rigx/settings
    cp "$environmentPath" root/rigx/environment
    chmod +x root/init root/rigx/busybox
    for module in $modules; do
      cp "$module" root/rigx/modules/
      case $module in
        *.xz) xz -d "root/rigx/modules/''${module##*/}" ;;
        *.zst) zstd -q -d --rm "root/rigx/modules/''${module##*/}" ;;
        *.gz) gzip -d "root/rigx/modules/''${module##*/}" ;;
      esac
    done
    chmod -R u+w root
    find root -exec touch -h -d @1 {} +
    cd root
    find . | LC_ALL=C sort | "$cpio" --quiet -o -H newc --reproducible --owner=0:0 | gzip -n -1 > $out
  '';
in
trivial.raw "${name}-vm"
{
  start = ./vm-script.sh;
  head = ''
    #!${bash}
    kernel=${lib.escapeShellArg kernel.image}
    initrd=${initrd}
    qemu=${qemu.path}
    timeout=${find.program "timeout"}
    mkdir=${find.program "mkdir"}
    mktemp=${find.program "mktemp"}
    store=${builtins.storeDir}
    mounts=${lib.escapeShellArg (toString mounts)}
  '';
  qemuStamp = qemu.stamp;
  program = "run-${hostname}-vm";
} ''
  mkdir -p $out/bin
  { printf '%s' "$head"; cat "$start"; } > "$out/bin/$program"
  chmod +x "$out/bin/$program"
  ln -s ${initrd} $out/initrd
''
