package capsule

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Backend is what a capsule runs in.
type Backend string

// The backends.
const (
	Lite   Backend = "lite"   // a container that mounts the host's Nix store
	Docker Backend = "docker" // a container that brings all it needs
	Nixos  Backend = "nixos"  // systemd in a container
	Qemu   Backend = "qemu"   // a virtual machine
)

// Image is a capsule that was built and can be started.
type Image struct {
	// Dir is where it lies: output/<name>, absolute.
	Dir      string
	Manifest Manifest
}

// Manifest is the content of manifest.json.
type Manifest struct {
	Version    int               `json:"version"`
	Name       string            `json:"name"`
	Backend    Backend           `json:"backend"`
	Hostname   string            `json:"hostname,omitempty"`
	Ports      []uint16          `json:"ports,omitempty"`
	UDPPorts   []uint16          `json:"udp_ports,omitempty"`
	Env        map[string]string `json:"env,omitempty"`
	Volumes    []Volume          `json:"volumes,omitempty"`
	User       string            `json:"user,omitempty"`
	Entrypoint string            `json:"entrypoint,omitempty"`
	Path       string            `json:"path,omitempty"`
	Image      *struct {
		Archive   string `json:"archive"`
		Reference string `json:"reference"`
	} `json:"image,omitempty"`
	VM *struct {
		Script string `json:"script"`
	} `json:"vm,omitempty"`
	Health *Health `json:"health,omitempty"`
	// Services run beside the entrypoint.
	Services []string `json:"services,omitempty"`
	// Bash is where the capsule has it.
	Bash string `json:"bash,omitempty"`
	// Runner and Shell are programs, relative to the image's directory.
	Runner string `json:"runner"`
	Shell  string `json:"shell,omitempty"`
}

// Volume is a directory of the host inside a capsule.
type Volume struct {
	// Host is a path; a relative one lies below the project.
	Host string `json:"host"`
	// Container is an absolute path.
	Container string `json:"container"`
	// Mode is rw or ro; empty means rw.
	Mode string `json:"mode,omitempty"`
}

// manifestVersion is the newest layout that is understood.
const manifestVersion = 1

// Open reads the manifest of a capsule that was built to dir.
func Open(dir string) (*Image, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(abs)
	file := filepath.Join(abs, "manifest.json")
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if entries, dirErr := os.ReadDir(abs); dirErr == nil && len(entries) > 0 {
			return nil, failure(NotBuilt, "%s is not a capsule: it has no manifest.json", dir)
		}
		return nil, failure(NotBuilt, "the capsule `%s` is not built: there is no %s", name, file).help("run `rigx build %s`", name)
	case err != nil:
		return nil, failure(Invalid, "the capsule `%s` cannot be opened: %v", name, err)
	}
	im := &Image{Dir: abs}
	if err := json.Unmarshal(data, &im.Manifest); err != nil {
		e := failure(Invalid, "%s is damaged", file)
		e.Err = err
		return nil, e.help("run `rigx build %s` again", name)
	}
	m := &im.Manifest
	switch {
	case m.Version > manifestVersion:
		return nil, failure(Invalid, "%s has version %d, of a newer rigx; this one knows %d", file, m.Version, manifestVersion)
	case m.Backend != Lite && m.Backend != Docker && m.Backend != Nixos && m.Backend != Qemu:
		return nil, failure(Invalid, "%s: there is no backend %q", file, m.Backend)
	case m.Name == "":
		return nil, failure(Invalid, "%s: the name is missing", file)
	}
	if m.Runner == "" {
		m.Runner = "bin/run-" + m.Name
	}
	if !filepath.IsLocal(filepath.FromSlash(m.Runner)) {
		return nil, failure(Invalid, "%s: the runner %q is outside the capsule", file, m.Runner)
	}
	if info, err := os.Stat(im.runner()); err != nil || info.Mode()&0o111 == 0 {
		return nil, failure(NotBuilt, "the capsule `%s` is damaged: %s cannot be run", name, im.runner()).help("run `rigx build %s` again", name)
	}
	return im, nil
}

// runner is the program that starts the capsule.
func (im *Image) runner() string {
	return filepath.Join(im.Dir, filepath.FromSlash(im.Manifest.Runner))
}

// inContainer tells containers from virtual machines.
func (b Backend) inContainer() bool { return b != Qemu }

// containerName makes a name for docker out of any text: what it does not
// accept becomes a hyphen.
func containerName(text string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, text)
	if name = strings.TrimLeft(name, "-._"); name == "" {
		return "capsule"
	}
	return name[:min(len(name), 100)]
}
