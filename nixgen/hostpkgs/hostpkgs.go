// Package hostpkgs is the package set that `nixpkgs.ref = "host"` means: the
// compilers and tools installed on this machine, wrapped so that flakes
// written for nixpkgs build with them. Nothing is downloaded.
//
//	host, err := hostpkgs.Discover(ctx, os.Getenv("PATH"))
//	dir, err := host.Materialize(cacheDir) // use dir as the input nixpkgs
//
// The set is Nix code (set/*.nix, embedded) beside a host.json that says what
// was found, so that it evaluates in pure mode. A derivation depends on the
// path, size and time of the programs it uses: installing another compiler
// rebuilds what was built with it, and nothing else.
//
// It is not pinned, and not as sealed as nixpkgs: headers and libraries of the
// machine are visible to every build.
package hostpkgs

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

//go:embed set
var set embed.FS

// Program is an executable of the machine.
type Program struct {
	// Path as found, and Stamp: the size and time of the file it leads to.
	Path  string `json:"path"`
	Stamp string `json:"stamp"`
}

// Host is what was found on the machine. It is written as host.json.
type Host struct {
	System   string             `json:"system"`
	Programs map[string]Program `json:"programs"`
	// Libraries maps the names of libraries (libNAME.so, NAME.pc) to stamps.
	Libraries map[string]string `json:"libraries"`
	// Packages is the table of known attributes.
	Packages map[string]Known `json:"packages"`
	// Certificates is the bundle of root certificates, if there is one.
	Certificates string `json:"certificates"`
	// Python lists the packages that python3 can import.
	Python []string `json:"python"`
	// Mounts are the directories that programs need wherever they run.
	Mounts []string `json:"mounts"`
	// Links are those of them that are links into another, and where they lead.
	Links map[string]string `json:"links"`
	// Kernel is what virtual machines boot.
	Kernel Kernel `json:"kernel"`

	extra []string // directories outside /usr that programs need
	build []string // directories that only builds need
}

// Discover looks at the directories of a PATH and at those of libraries. It
// starts at most one program, and that only for Rust installed by rustup.
func Discover(ctx context.Context, searchPath string) (*Host, error) {
	if runtime.GOOS == "windows" {
		return nil, errors.New("the host package set needs Linux or macOS")
	}
	h := &Host{System: system(), Programs: map[string]Program{}, Libraries: map[string]string{}, Links: map[string]string{}, Packages: known}
	for _, dir := range programDirs(searchPath) {
		h.programs(dir)
	}
	h.zig()
	h.python()
	h.rust(ctx)
	h.toolchains()
	h.libraries()
	h.kernel()
	for _, file := range certificateBundles {
		if _, err := os.Stat(file); err == nil {
			h.Certificates = file
			break
		}
	}
	slices.Sort(h.extra)
	h.extra = slices.Compact(h.extra)
	for _, dir := range append(slices.Clone(visible), h.extra...) {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		h.Mounts = append(h.Mounts, dir)
		if real := resolved(dir); real != dir && strings.HasPrefix(real, "/usr/") {
			h.Links[dir] = real
		}
	}
	return h, ctx.Err()
}

// programDirs are the directories in which programs are looked for.
func programDirs(searchPath string) []string {
	var dirs []string
	for _, dir := range filepath.SplitList(searchPath) {
		if filepath.IsAbs(dir) && !strings.HasPrefix(dir, "/nix/") && filepath.Base(dir) != "shims" {
			dirs = append(dirs, dir)
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local/bin"))
	}
	return dirs
}

var certificateBundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

func system() string {
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return arch + "-" + runtime.GOOS
}

// programs adds what is executable in a directory; the first on PATH wins, as
// it does in a shell. Nix's own directories are left out, and those of pyenv and
// its like: their scripts find out in the user's files what to call, which no
// sandbox has.
func (h *Host) programs(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if _, have := h.Programs[e.Name()]; have || e.IsDir() {
			continue
		}
		h.program(e.Name(), filepath.Join(dir, e.Name()))
	}
}

func (h *Host) program(name, path string) bool {
	stamp, ok := stampOf(path, true)
	if !ok {
		return false
	}
	h.Programs[name] = Program{path, stamp}
	return true
}

// stampOf identifies a version of a file without reading it.
func stampOf(path string, executable bool) (string, bool) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || executable && info.Mode()&0o111 == 0 {
		return "", false
	}
	return fmt.Sprintf("%s-%d-%d", path, info.Size(), info.ModTime().UnixNano()), true
}

// visible are the directories that every sandbox gets: programs, and the
// configuration without which some of Debian's do not work.
var visible = []string{"/bin", "/usr", "/lib", "/lib64", "/etc/alternatives", "/etc/nim", "/etc/ssl"}

// needs notes a directory that a toolchain outside /usr lives in.
func (h *Host) needs(dir string) {
	for _, v := range visible {
		if dir == v || strings.HasPrefix(dir, v+"/") {
			return
		}
	}
	h.extra = append(h.extra, dir)
}

// zig finds the compiler of the PyPI package ziglang, which is no program on
// PATH, in the environment that a Python on PATH belongs to.
func (h *Host) zig() {
	if _, ok := h.Programs["zig"]; ok {
		return
	}
	for _, python := range []string{"python3", "python"} {
		p, ok := h.Programs[python]
		if !ok {
			continue
		}
		prefix := filepath.Dir(filepath.Dir(p.Path))
		found, _ := filepath.Glob(filepath.Join(prefix, "lib/python3*/*-packages/ziglang/zig"))
		for _, path := range found {
			if h.program("zig", path) {
				return
			}
		}
	}
}

// python lists the packages that the Python on PATH can import, by the names
// that nixpkgs would give them.
func (h *Host) python() {
	p, ok := h.Programs["python3"]
	if !ok {
		return
	}
	prefix := filepath.Dir(filepath.Dir(p.Path))
	patterns := []string{filepath.Join(prefix, "lib/python3*/site-packages")}
	if _, err := os.Stat(filepath.Join(prefix, "pyvenv.cfg")); err != nil {
		prefix = filepath.Dir(filepath.Dir(resolved(p.Path)))
		patterns = []string{filepath.Join(prefix, "lib/python3*/site-packages"), "/usr/lib/python3/dist-packages", "/usr/local/lib/python3*/dist-packages"}
	}
	for _, pattern := range patterns {
		dirs, _ := filepath.Glob(pattern)
		for _, dir := range dirs {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				name, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".dist-info"), ".egg-info"), "-")
				if ext := filepath.Ext(e.Name()); ext == ".dist-info" || ext == ".egg-info" {
					h.Python = append(h.Python, strings.ToLower(strings.ReplaceAll(name, "_", "-")))
				}
			}
		}
	}
	slices.Sort(h.Python)
	h.Python = slices.Compact(h.Python)
}

// relocatable are toolchains that are often installed outside /usr, with what
// they need beside them or one directory up.
var relocatable = []string{"go", "zig", "uv", "node", "nim"}

// toolchains notes where those live. Only they are shown to the sandbox, not
// every directory on PATH: a home directory holds secrets.
func (h *Host) toolchains() {
	names := slices.Clone(relocatable)
	for name := range h.Programs {
		if strings.HasPrefix(name, "python3") {
			names = append(names, name)
		}
	}
	for _, name := range names {
		p, ok := h.Programs[name]
		if !ok {
			continue
		}
		for _, path := range []string{p.Path, resolved(p.Path)} {
			dir := filepath.Dir(path)
			if filepath.Base(dir) == "bin" && name != "uv" {
				dir = filepath.Dir(dir)
			}
			h.needs(dir)
		}
	}
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// rust replaces rustup's stand-ins by the compilers they lead to, since they
// want a home directory.
func (h *Host) rust(ctx context.Context) {
	rustc, ok := h.Programs["rustc"]
	if !ok {
		return
	}
	real, err := filepath.EvalSymlinks(rustc.Path)
	if err != nil || filepath.Base(real) != "rustup" {
		return
	}
	out, err := exec.CommandContext(ctx, rustc.Path, "--print", "sysroot").Output()
	if err != nil {
		delete(h.Programs, "rustc")
		return
	}
	sysroot := strings.TrimSpace(string(out))
	h.needs(sysroot)
	for _, name := range []string{"rustc", "rustdoc", "cargo", "rustfmt", "clippy-driver"} {
		delete(h.Programs, name)
		h.program(name, filepath.Join(sysroot, "bin", name))
	}
}

// libraryName is what a linker is told to find a file: "z" for libz.so or libz.a, "" for
// what it does not look for, such as libz.so.1.
func libraryName(file string) string {
	name, ok := strings.CutPrefix(file, "lib")
	if !ok {
		return ""
	}
	if before, ok := strings.CutSuffix(name, ".so"); ok {
		return before
	}
	before, ok := strings.CutSuffix(name, ".a")
	if !ok {
		return ""
	}
	return before
}

// libraries adds what a linker or pkg-config would find by itself.
func (h *Host) libraries() {
	for _, dir := range libraryDirs() {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if name := libraryName(e.Name()); name != "" {
				h.library(name, filepath.Join(dir, e.Name()))
			}
		}
		packages, _ := os.ReadDir(filepath.Join(dir, "pkgconfig"))
		for _, e := range packages {
			if name, ok := strings.CutSuffix(e.Name(), ".pc"); ok {
				h.library(name, filepath.Join(dir, "pkgconfig", e.Name()))
			}
		}
	}
}

// libraryDirs are the directories in which libraries are looked for.
func libraryDirs() []string {
	multiarch, _ := filepath.Glob("/usr/lib/*-linux-gnu")
	return append([]string{"/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"}, multiarch...)
}

func (h *Host) library(name, path string) {
	if stamp, ok := stampOf(path, false); ok {
		if _, have := h.Libraries[name]; !have {
			h.Libraries[name] = stamp
		}
	}
}

// SandboxPaths lists what Nix's sandbox must show to builds with this set.
func (h *Host) SandboxPaths() []string { return append(slices.Clone(h.Mounts), h.build...) }

// Materialize writes the set into a directory below cacheDir that is named
// after its content, and returns it. It is there whole or not at all.
func (h *Host) Materialize(cacheDir string) (string, error) {
	data, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	files := map[string][]byte{"host.json": data}
	err = fs.WalkDir(set, "set", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[strings.TrimPrefix(path, "set/")], err = set.ReadFile(path)
		return err
	})
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cacheDir, "host-"+digest(files))
	if _, err := os.Stat(filepath.Join(dir, "host.json")); err == nil {
		markUsed(dir)
		return dir, nil
	}
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return "", err
	}
	removeUnused(cacheDir)
	tmp, err := os.MkdirTemp(cacheDir, ".host-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(tmp, name), data, 0o644); err != nil {
			return "", err
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, there := os.Stat(filepath.Join(dir, "host.json")); there != nil {
			return "", err
		}
	}
	markUsed(dir)
	return dir, nil
}

// unused is how long a set may lie about: each state of the machine's programs
// has one of its own.
const unused = 30 * 24 * time.Hour

// usedMark is a file beside a set that says when it was used last. The set itself
// stays as it is, times included: Nix may have locked it.
func usedMark(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".used")
}

// markUsed notes that a set is in use. Failing to costs nothing but a new copy.
func markUsed(dir string) {
	_ = os.WriteFile(usedMark(dir), nil, 0o644)
	now := time.Now()
	_ = os.Chtimes(usedMark(dir), now, now)
}

// removeUnused removes the sets that were not used for long.
func removeUnused(cacheDir string) {
	dirs, _ := filepath.Glob(filepath.Join(cacheDir, "host-*"))
	for _, dir := range dirs {
		info, err := os.Stat(usedMark(dir))
		if err != nil {
			info, err = os.Stat(dir) // it was never used again
		}
		if err == nil && time.Since(info.ModTime()) > unused {
			_ = os.RemoveAll(dir)
			_ = os.Remove(usedMark(dir))
		}
	}
}

func digest(files map[string][]byte) string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		fmt.Fprintf(sum, "%s %d\n", name, len(files[name]))
		sum.Write(files[name])
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}
