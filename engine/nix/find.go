package nix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
)

// Options say how Nix is to be used.
type Options struct {
	// CacheDir keeps what was learnt of an installed Nix between runs.
	CacheDir string
	// Settings are passed as --option NAME VALUE.
	Settings []Setting
	// Store, Builders and Substituters are Nix's options of these names, if
	// not empty.
	Store, Builders, Substituters string
	// Offline asks no binary cache and downloads nothing.
	Offline bool
	// Cache is asked for results before they are built, even when offline.
	Cache string
}

// Setting is one option of nix.conf.
type Setting struct{ Name, Value string }

// Nix is one installed Nix. It is immutable and safe for concurrent use.
type Nix struct {
	// Path of the nix program.
	Path    string
	Version Version
	args    []string // that every command gets
	store   string
	env     []string // added to this process's environment
}

// NotFoundError says that there is no Nix, or none that can be used.
type NotFoundError struct{ Reason string }

func (e *NotFoundError) Error() string { return e.Reason }

// Help says how to get Nix on this machine, one line each.
func (e *NotFoundError) Help() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{"Nix does not run on Windows; use rigx inside WSL 2"}
	case "darwin":
		return []string{"install it as https://nixos.org/download says"}
	}
	if _, err := os.Stat("/etc/debian_version"); err == nil {
		return []string{"on Debian and Ubuntu: apt-get install nix-bin", "or as https://nixos.org/download says"}
	}
	return []string{"install it with your distribution's package manager (nix), or as https://nixos.org/download says"}
}

// places where Nix is installed when a shell was not set up for it.
var places = []string{"/nix/var/nix/profiles/default/bin", "/run/current-system/sw/bin"}

// Find looks for Nix on PATH and in the usual places. Without one it returns a
// [*NotFoundError].
func Find(ctx context.Context, opts Options) (*Nix, error) {
	path, err := Locate()
	if err != nil {
		return nil, err
	}
	version, err := cachedVersion(ctx, path, opts.CacheDir)
	if err != nil {
		return nil, err
	}
	if !version.supported() {
		return nil, &NotFoundError{Reason: path + " is too old: " + version.Text + "; 2.4 is needed"}
	}
	return &Nix{Path: path, Version: version, args: arguments(opts), store: opts.Store}, nil
}

// Locate finds the nix program on PATH or in the usual places. Without one it
// returns a [*NotFoundError].
func Locate() (string, error) {
	if path, err := exec.LookPath("nix"); err == nil {
		return path, nil
	}
	dirs := places
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs[:len(dirs):len(dirs)], filepath.Join(home, ".nix-profile/bin"))
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, "nix")
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &NotFoundError{Reason: "Nix is not installed"}
}

// cachedVersion asks `nix --version` once for each binary.
func cachedVersion(ctx context.Context, path, cacheDir string) (Version, error) {
	key := ""
	if real, err := filepath.EvalSymlinks(path); err == nil {
		if info, err := os.Stat(real); err == nil {
			key = fmt.Sprintf("%s %d %d", real, info.Size(), info.ModTime().UnixNano())
		}
	}
	file := filepath.Join(cacheDir, "nix-version")
	if cacheDir != "" && key != "" {
		if data, err := os.ReadFile(file); err == nil {
			if at, text, ok := strings.Cut(string(data), "\n"); ok && at == key {
				return parseVersion(text)
			}
		}
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return Version{}, fmt.Errorf("starting %s: %w", path, err)
	}
	text := strings.TrimSpace(string(out))
	v, err := parseVersion(text)
	if err == nil && cacheDir != "" && key != "" {
		// The cache only saves time; failing to write it changes nothing.
		if os.MkdirAll(cacheDir, 0o755) == nil {
			_ = os.WriteFile(file, []byte(key+"\n"+text), 0o644)
		}
	}
	return v, err
}

func arguments(opts Options) []string {
	args := []string{"--extra-experimental-features", "nix-command flakes"}
	option := func(name, value string) { args = append(args, "--option", name, value) }
	if needsNoBuildUsers() {
		option("build-users-group", "")
	}
	if opts.Cache != "" && !opts.Offline {
		option("extra-substituters", opts.Cache)
	}
	if opts.Offline {
		if opts.Cache == "" {
			args = append(args, "--offline")
		}
		option("substituters", opts.Cache)
		option("flake-registry", "")
	} else if opts.Substituters != "" {
		option("substituters", opts.Substituters)
	}
	if opts.Builders != "" {
		option("builders", opts.Builders)
	}
	for _, s := range opts.Settings {
		option(s.Name, s.Value)
	}
	return args
}

// DaemonSocket is where the Nix daemon listens.
const DaemonSocket = "/nix/var/nix/daemon-socket/socket"

// needsNoBuildUsers reports whether we are root without a daemon and without
// the group of build users, where Nix would refuse to build.
func needsNoBuildUsers() bool {
	if os.Geteuid() != 0 || os.Getenv("NIX_REMOTE") != "" {
		return false
	}
	_, err := user.LookupGroup("nixbld")
	var unknown user.UnknownGroupError
	return errors.As(err, &unknown)
}

// UsesDaemon reports whether Nix talks to a daemon here, as Nix itself decides:
// it owns the store, or someone else does.
func UsesDaemon() bool {
	if remote := os.Getenv("NIX_REMOTE"); remote != "" {
		return remote == "daemon"
	}
	if writable("/nix/var/nix") {
		return false
	}
	_, err := os.Stat(DaemonSocket)
	return err == nil
}
