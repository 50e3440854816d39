package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rigx-build/rigx/engine/history"
	"github.com/rigx-build/rigx/engine/nix"
)

// Health says how something that rigx needs is.
type Health uint8

// The states of health.
const (
	// Fine: it is there and works.
	Fine Health = iota
	// Lacking: something that is optional is not there.
	Lacking
	// Broken: rigx cannot build without it.
	Broken
)

// Finding is one line of [Examine].
type Finding struct {
	Health Health
	// What it is about, such as "Nix", and what was found.
	What, Found string
	// Remedy says what to do, one line each; empty if all is fine.
	Remedy []string
}

// Examine looks at the machine: Nix and its configuration, and what builds,
// capsules and git dependencies need. It changes nothing.
func Examine(ctx context.Context, opts nix.Options) []Finding {
	var out []Finding
	here := thisDistribution()
	add := func(health Health, what, found string, remedy ...string) {
		out = append(out, Finding{health, what, found, remedy})
	}
	if cache, err := history.CacheDir(); err != nil {
		add(Broken, "cache", err.Error(), "set HOME or XDG_CACHE_HOME")
	} else if err := writableDir(cache); err != nil {
		add(Broken, "cache", err.Error(), "make "+cache+" writable, or set XDG_CACHE_HOME")
	} else {
		opts.CacheDir = cache
		add(Fine, "cache", cache)
	}
	n, err := nix.Find(ctx, opts)
	var missing *nix.NotFoundError
	switch {
	case errors.As(err, &missing):
		help := missing.Help()
		if here != nil && runtime.GOOS != "windows" {
			help = here.nix
		}
		add(Broken, "Nix", missing.Reason, help...)
	case err != nil:
		add(Broken, "Nix", err.Error(), "try `nix --version`")
	default:
		add(Fine, "Nix", fmt.Sprintf("%s %d.%d (%s)", n.Version.Flavor, n.Version.Major, n.Version.Minor, n.Path))
		examineNix(ctx, n, add)
	}
	out = append(out, compilers(here))
	examineTools(here, add)
	return append(out, languageServer())
}

func writableDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func examineNix(ctx context.Context, n *nix.Nix, add func(Health, string, string, ...string)) {
	settings, err := n.Settings(ctx)
	if err != nil {
		add(Broken, "Nix's configuration", err.Error(), "look at /etc/nix/nix.conf and ~/.config/nix/nix.conf")
		return
	}
	if nix.UsesDaemon() {
		add(Fine, "store", "through the daemon ("+nix.DaemonSocket+")")
	} else if err := writableDir("/nix/store"); err != nil {
		add(Broken, "store", "there is no daemon, and /nix/store is not writable",
			"start the daemon: `sudo systemctl enable --now nix-daemon.socket`", "or own the store: `sudo chown -R $USER /nix`")
	} else {
		add(Fine, "store", "/nix/store, without a daemon")
	}
	switch settings["sandbox"] {
	case "true":
		add(Fine, "sandbox", "on")
	default:
		add(Lacking, "sandbox", "it is "+settings["sandbox"]+": builds can see what they do not declare",
			"put `sandbox = true` into /etc/nix/nix.conf; in a container it may need more rights")
	}
}

// tool is a program that something needs, with its package on Debian.
type tool struct{ program, what, pkg string }

func examineTools(here *distribution, add func(Health, string, string, ...string)) {
	machine := map[string]tool{
		"amd64": {program: "qemu-system-x86_64", pkg: "qemu-system-x86"},
		"arm64": {program: "qemu-system-aarch64", pkg: "qemu-system-arm"},
	}[runtime.GOARCH]
	for _, t := range []tool{
		{"git", "git dependencies and respect_gitignore need it", "git"},
		{"podman", "", ""},
		{machine.program, "capsules with backend \"qemu\" need it", machine.pkg},
		{"ssh", "remote stores and git over SSH need it", "openssh-client"},
	} {
		if t.program == "" {
			continue // capsules are built for the machines above only
		}
		path, err := exec.LookPath(t.program)
		if t.program == "podman" && err != nil {
			path, err = exec.LookPath("docker")
			t.program, t.what, t.pkg = "podman or docker", "capsules need one of them", "podman"
		}
		if err != nil {
			add(Lacking, t.program, "not on PATH; "+t.what, here.get(t.pkg))
			continue
		}
		add(Fine, filepath.Base(path), path)
	}
	if runtime.GOOS == "linux" {
		if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil {
			_ = f.Close()
			add(Fine, "KVM", "/dev/kvm")
		} else if errors.Is(err, os.ErrPermission) {
			add(Lacking, "KVM", "/dev/kvm may not be opened; qemu capsules are slow without it", "sudo usermod -aG kvm $USER, then log in again")
		} else {
			add(Lacking, "KVM", "there is no /dev/kvm; qemu capsules are slow without it", "switch virtualisation on in the firmware or for this virtual machine")
		}
	}
}

// compilers are those that `--nixpkgs host` can build with.
func compilers(here *distribution) Finding {
	var found []string
	for _, name := range []string{"gcc", "clang", "rustc", "go", "zig", "nim", "python3"} {
		if _, err := exec.LookPath(name); err == nil {
			found = append(found, name)
		}
	}
	const what = "compilers for --nixpkgs host"
	if len(found) == 0 {
		return Finding{Lacking, what, "none is on PATH", []string{here.get("gcc")}}
	}
	return Finding{Fine, what, strings.Join(found, ", "), nil}
}

// languageServer is what editors start.
func languageServer() Finding {
	const name = "rigx-ls"
	if self, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(self), name)
		if _, err := os.Stat(path); err == nil {
			return Finding{Fine, name, path, nil}
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return Finding{Fine, name, path, nil}
	}
	return Finding{Lacking, name, "neither beside rigx nor on PATH; editors need it", []string{"install it with rigx"}}
}
