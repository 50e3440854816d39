# A small virtual machine that runs one program, in the place of NixOS, which
# this package set has not: the machine's own kernel, a busybox, and 9p mounts of
# the store and of what the programs of the machine need. Programs of a foreign
# system run in it too, emulated one by one.
{ find, host, lib, trivial, mounts, foreignLibraries }:
{ name, hostname, entry, environment, foreign }:
let
  bash = find.program "bash";
  kernel =
    if host.kernel.image == "" then throw ("rigx-host: the host package set has no kernel for qemu capsules: "
      + (if host.kernel.lacks != "" then host.kernel.lacks else "there is none in /boot")
      + "; on Debian: apt-get install linux-image-amd64, or unpack that package and let RIGX_KERNEL_DIR name the directory")
    else host.kernel;
  qemu = find.need' "qemu-system-${lib.removeSuffix "-linux" host.system}" "qemu-system";

  # What the kernel knows the foreign programs by: the first twenty bytes of an ELF
  # file, those of them that count, and their emulator.
  processors = {
    aarch64 = { file = "64"; machine = "b7"; };
    armv7l = { file = "32"; machine = "28"; qemu = "arm"; };
    riscv64 = { file = "64"; machine = "f3"; };
  };
  cpu = builtins.head (lib.splitString "-" foreign);
  processor = processors.${cpu} or (throw "rigx-host: the host package set makes no machine for `${foreign}`: use a pinned nixpkgs");
  emulator = let program = "qemu-${processor.qemu or cpu}-static"; in find.need' program "qemu-user-static";
  class = if processor.file == "64" then "02" else "01";
  binfmt = lib.optionalString (foreign != "")
    (":rigx:M::\\x7fELF\\x${class}\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x${processor.machine}\\x00"
      + ":\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff"
      + ":${emulator.path}:F");

  directories = toString mounts.directories;
  links = lib.mapAttrsToList (from: to: "${from}=${to}") mounts.links;

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
        mounts=${lib.escapeShellArg directories}
        links=${lib.escapeShellArg (toString links)}
        bash=${bash}
        kernel=${lib.escapeShellArg kernel.version}
        entry=${entry}
        binfmt=${lib.escapeShellArg binfmt}
      '';
      emulatorStamp = if foreign == "" then "" else emulator.stamp;
      environment = lib.concatLines (lib.mapAttrsToList (key: value: "export ${key}=${lib.escapeShellArg value}")
        (lib.optionalAttrs (foreign != "") { QEMU_LD_PREFIX = foreignLibraries foreign; } // environment));
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
    mounts=${lib.escapeShellArg directories}
  '';
  qemuStamp = qemu.stamp;
  program = "run-${hostname}-vm";
} ''
  mkdir -p $out/bin
  { printf '%s' "$head"; cat "$start"; } > "$out/bin/$program"
  chmod +x "$out/bin/$program"
  ln -s ${initrd} $out/initrd
''
