// Release makes what a release of rigx consists of:
//
//	go run ./packaging/release -o dist
//
// It writes an archive of static programs for each platform, with a list of what
// is in it (CycloneDX), Debian packages, the recipes for Homebrew and nixpkgs, and
// SHA256SUMS. All of it is reproducible: the same commit and the same Go give the
// same bytes, whatever the machine, the directory and the time. Nothing is
// uploaded.
//
// Run it from the root of the repository. SOURCE_DATE_EPOCH, or else the time of
// the commit, is the time that files get.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rigx-build/rigx/engine"
)

func main() {
	out := flag.String("o", "dist", "write to this `DIR`, which must be empty or new")
	only := flag.String("only", "", "only these `PLATFORMS`, such as linux/amd64,darwin/arm64")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *out, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// platform is one that Go builds for. The server alone goes to Windows, where
// there is no Nix.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

func (p platform) programs() []string {
	if p.os == "windows" {
		return []string{"rigx-ls.exe"}
	}
	return []string{"rigx", "rigx-ls"}
}

var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

// file of an archive or a package.
type file struct {
	name string // with forward slashes
	mode int64
	data []byte
}

// release is one in the making.
type release struct {
	version string
	time    time.Time
	dir     string
	sums    []string // lines of SHA256SUMS
}

func run(ctx context.Context, out, only string) error {
	when, err := epoch(ctx)
	if err != nil {
		return err
	}
	if there, err := os.ReadDir(out); err == nil && len(there) > 0 {
		return fmt.Errorf("%s is not empty", out)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	r := &release{version: engine.Version, time: when, dir: out}
	extra, err := extras(ctx, when)
	if err != nil {
		return err
	}
	wanted := platforms
	if only != "" {
		wanted = slices.DeleteFunc(slices.Clone(platforms), func(p platform) bool {
			return !slices.Contains(strings.Split(only, ","), p.String())
		})
		if len(wanted) == 0 {
			return fmt.Errorf("%s is none of %v", only, platforms)
		}
	}
	for _, p := range wanted {
		if err := r.platform(ctx, p, extra); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	if len(wanted) == len(platforms) {
		if err := r.recipes(ctx); err != nil {
			return err
		}
	}
	slices.SortFunc(r.sums, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(strings.Join(r.sums, "")), 0o644)
}

// epoch is the time that everything gets.
func epoch(ctx context.Context) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		said, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("there is no commit to take the time from; set SOURCE_DATE_EPOCH: %w", err)
		}
		text = strings.TrimSpace(string(said))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// extras are the files that every archive has beside the programs: what to read,
// the completions of shells, and the man pages.
func extras(ctx context.Context, when time.Time) ([]file, error) {
	var out []file
	for _, name := range []string{"README.md", "LICENSE"} {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("run it from the root of the repository: %w", err)
		}
		out = append(out, file{name, 0o644, data})
	}
	dir, err := os.MkdirTemp("", "rigx-release-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Built as it is for the release, so that Go compiles no package twice.
	rigx := filepath.Join(dir, "rigx")
	if err := compile(ctx, platform{runtime.GOOS, runtime.GOARCH}, "rigx", rigx); err != nil {
		return nil, err
	}
	for _, c := range []struct{ shell, name string }{{"bash", "rigx.bash"}, {"zsh", "_rigx"}, {"fish", "rigx.fish"}} {
		text, err := command(ctx, nil, rigx, "completion", c.shell)
		if err != nil {
			return nil, err
		}
		out = append(out, file{"completions/" + c.name, 0o644, text})
	}
	pages, err := manPages(ctx, rigx, filepath.Join(dir, "man"), when)
	return append(out, pages...), err
}

// manPages are the manual of the system, below man/; rigx writes them into dir.
func manPages(ctx context.Context, rigx, dir string, when time.Time) ([]file, error) {
	if _, err := command(ctx, nil, rigx, "man", dir, "--date", when.Format(time.DateOnly)); err != nil {
		return nil, err
	}
	pages, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, err
	}
	var out []file
	for _, p := range pages {
		data, err := os.ReadFile(filepath.Join(dir, p.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, file{"man/" + p.Name(), 0o644, data})
	}
	return out, nil
}

// platform builds the programs for one platform, and writes what contains them.
func (r *release) platform(ctx context.Context, p platform, extra []file) error {
	var programs []file
	for _, name := range p.programs() {
		data, err := r.build(ctx, p, name)
		if err != nil {
			return err
		}
		programs = append(programs, file{name, 0o755, data})
	}
	name := fmt.Sprintf("rigx-%s-%s-%s", r.version, p.os, p.arch)
	files := slices.Concat(programs, extra)
	pack, ext := tarGzip, ".tar.gz"
	if p.os == "windows" {
		name = fmt.Sprintf("rigx-ls-%s-%s-%s", r.version, p.os, p.arch)
		files = slices.DeleteFunc(files, func(f file) bool {
			return strings.HasPrefix(f.name, "completions/") || strings.HasPrefix(f.name, "man/")
		})
		pack, ext = zipped, ".zip"
	}
	for i := range files {
		files[i].name = name + "/" + files[i].name
	}
	archive, err := pack(files, r.time)
	if err != nil {
		return err
	}
	bom, err := r.materials(name, programs)
	if err != nil {
		return err
	}
	errs := []error{r.write(name+ext, archive), r.write(name+".cdx.json", bom)}
	if p.os == "linux" {
		deb, err := r.debian(p, programs, extra)
		errs = append(errs, err, r.write(fmt.Sprintf("rigx_%s_%s.deb", r.version, p.arch), deb))
	}
	return errors.Join(errs...)
}

// build compiles one program and returns it.
func (r *release) build(ctx context.Context, p platform, name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "rigx-release-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	to := filepath.Join(dir, name)
	if err := compile(ctx, p, strings.TrimSuffix(name, ".exe"), to); err != nil {
		return nil, err
	}
	return os.ReadFile(to)
}

// compile compiles one program. What Go would take from the machine is switched
// off: paths, the state of git, the system's C compiler.
func compile(ctx context.Context, p platform, name, to string) error {
	env := []string{"GOOS=" + p.os, "GOARCH=" + p.arch, "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0"}
	_, err := command(ctx, env, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", "-s -w -buildid=", "-o", to, "./cmd/"+name)
	return err
}

// command runs a program and returns what it prints.
func command(ctx context.Context, env []string, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", filepath.Base(program), strings.Join(args, " "), err)
	}
	return out, nil
}

// write writes one file of the release and notes its checksum.
func (r *release) write(name string, data []byte) error {
	r.sums = append(r.sums, sum(data)+"  "+name+"\n")
	fmt.Println(filepath.Join(r.dir, name))
	return os.WriteFile(filepath.Join(r.dir, name), data, 0o644)
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
