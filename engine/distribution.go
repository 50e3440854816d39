package engine

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// distribution says how packages are installed on a kind of system.
type distribution struct {
	// ids are what /etc/os-release calls it, in ID or ID_LIKE.
	ids []string
	// manager is the program that installs, install the command up to the names.
	manager, install string
	// names of packages that are not called as on Debian.
	names map[string]string
	// nix gets Nix itself.
	nix []string
}

const installer = "or as https://nixos.org/download says: sh <(curl -L https://nixos.org/nix/install) --daemon"

// distributions, the first one being what names of packages are taken from.
var distributions = []distribution{
	{ids: []string{"debian", "ubuntu"}, manager: "apt-get", install: "sudo apt-get install ",
		nix: []string{"sudo apt-get install nix-setup-systemd", installer}},
	{ids: []string{"fedora", "rhel", "centos"}, manager: "dnf", install: "sudo dnf install ",
		names: map[string]string{"openssh-client": "openssh-clients"},
		nix:   []string{"sudo dnf install nix nix-daemon", installer}},
	{ids: []string{"arch"}, manager: "pacman", install: "sudo pacman -S ",
		names: map[string]string{"openssh-client": "openssh", "qemu-system-arm": "qemu-system-aarch64"},
		nix:   []string{"sudo pacman -S nix && sudo systemctl enable --now nix-daemon.socket", installer}},
	{ids: []string{"suse", "opensuse"}, manager: "zypper", install: "sudo zypper install ",
		names: map[string]string{"openssh-client": "openssh-clients", "qemu-system-x86": "qemu-x86", "qemu-system-arm": "qemu-arm"},
		nix:   []string{"sudo zypper install nix", installer}},
	{ids: []string{"alpine"}, manager: "apk", install: "sudo apk add ",
		names: map[string]string{"qemu-system-x86": "qemu-system-x86_64", "qemu-system-arm": "qemu-system-aarch64"},
		nix:   []string{"sudo apk add nix && sudo rc-service nix-daemon start"}},
	{ids: []string{"void"}, manager: "xbps-install", install: "sudo xbps-install ",
		names: map[string]string{"openssh-client": "openssh", "qemu-system-x86": "qemu-system-amd64", "qemu-system-arm": "qemu-system-aarch64"},
		nix:   []string{"sudo xbps-install nix && sudo ln -s /etc/sv/nix-daemon /var/service/"}},
	{ids: []string{"gentoo"}, manager: "emerge", install: "sudo emerge ",
		names: map[string]string{"git": "dev-vcs/git", "podman": "app-containers/podman", "openssh-client": "net-misc/openssh", "qemu-system-x86": "app-emulation/qemu", "qemu-system-arm": "app-emulation/qemu", "gcc": "sys-devel/gcc"},
		nix:   []string{installer}},
	{ids: []string{"nixos"}, manager: "nixos-rebuild", install: "add to environment.systemPackages in configuration.nix: ",
		names: map[string]string{"openssh-client": "openssh", "qemu-system-x86": "qemu", "qemu-system-arm": "qemu"},
		nix:   []string{"put /run/current-system/sw/bin on PATH"}},
	{ids: []string{"macos"}, manager: "brew", install: "brew install ",
		names: map[string]string{"openssh-client": "openssh", "qemu-system-x86": "qemu", "qemu-system-arm": "qemu"},
		nix:   []string{"as https://nixos.org/download says: sh <(curl -L https://nixos.org/nix/install)"}},
}

// thisDistribution is the one that rigx runs on, nil if it is unknown.
func thisDistribution() *distribution {
	release := "ID=macos"
	if runtime.GOOS != "darwin" {
		release = ""
		for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
			if text, err := os.ReadFile(file); err == nil {
				release = string(text)
				break
			}
		}
	}
	if d := distributionOf(release); d != nil {
		return d
	}
	for i, d := range distributions {
		if _, err := exec.LookPath(d.manager); err == nil {
			return &distributions[i]
		}
	}
	return nil
}

// distributionOf reads the text of an os-release file: its ID first, then what
// it is like, nearest first.
func distributionOf(release string) *distribution {
	var id, like []string
	for line := range strings.Lines(release) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "ID":
			id = strings.Fields(strings.Trim(value, `"'`))
		case "ID_LIKE":
			like = strings.Fields(strings.Trim(value, `"'`))
		}
	}
	for _, word := range append(id, like...) {
		for i, d := range distributions {
			for _, name := range d.ids {
				if word == name {
					return &distributions[i]
				}
			}
		}
	}
	return nil
}

// get says how to install a package, known by its name on Debian.
func (d *distribution) get(pkg string) string {
	if d == nil {
		return "install " + pkg
	}
	if name, ok := d.names[pkg]; ok {
		pkg = name
	}
	return d.install + pkg
}
