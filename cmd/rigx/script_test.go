package main

import (
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.lsp.dev/jsonrpc2"

	"github.com/rigx-build/rigx/lsp"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rigx": main,
		"rigx-ls": func() {
			if err := lsp.NewServer(lsp.Options{}).Serve(context.Background(), jsonrpc2.NewStream(stdio{})); err != nil {
				os.Exit(1)
			}
		},
	})
}

// stdio is both standard streams as the connection of a language server.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error                { return os.Stdin.Close() }

// TestScripts runs testdata/script/*.txtar. Each is a project and a session in
// a terminal.
//
// Conditions: [root] for the superuser, [kernel] where there is one to boot, [userns]
// where user namespaces can be made, [nix] where Nix is installed, as is any other
// program, and [/file] where there is one. With RIGX_TEST_REQUIRE=nix a missing Nix
// is a failure instead.
func TestScripts(t *testing.T) {
	cache, tmp := t.TempDir(), t.TempDir()
	kernel := kernelDir()
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("..", "..", "testdata", "script"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CACHE_HOME", cache)
			// Not below the project, where it would be part of the source.
			env.Setenv("TMPDIR", tmp)
			env.Setenv("PATH", env.Getenv("PATH")+":"+os.Getenv("PATH"))
			env.Setenv("RIGX_TEST_REQUIRE", os.Getenv("RIGX_TEST_REQUIRE"))
			env.Setenv("RIGX_KERNEL_DIR", kernel)
			if err := containersConf(env); err != nil {
				return err
			}
			port, err := freePort()
			if err != nil {
				return err
			}
			env.Setenv("PORT", port)
			env.Setenv("RIGX_LABELS", "rigx.test="+port)
			env.Defer(func() { removeContainers(env, port) })
			// A rustc of rustup's looks for itself in the home directory.
			env.Setenv("RUSTUP_HOME", os.Getenv("RUSTUP_HOME"))
			if home, err := os.UserHomeDir(); err == nil && os.Getenv("RUSTUP_HOME") == "" {
				env.Setenv("RUSTUP_HOME", filepath.Join(home, ".rustup"))
			}
			if rigx, err := exec.LookPath("rigx"); err == nil {
				env.Setenv("RIGX", rigx)
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			var err error
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			case "kernel":
				if images, _ := filepath.Glob(filepath.Join(kernel, "boot", "vmlinuz-*")); len(images) == 0 {
					err = errors.New("there is no kernel in " + filepath.Join(kernel, "boot"))
				}
			case "userns":
				err = exec.Command("unshare", "--map-root-user", "true").Run()
			default:
				if filepath.IsAbs(cond) {
					_, err = os.Stat(cond)
				} else {
					_, err = exec.LookPath(cond)
				}
			}
			if err != nil && strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), cond) {
				return false, err
			}
			return err == nil, nil
		},
	})
}

// kernelDir is below which a kernel to boot is: what .ci/install-tools has
// unpacked, or the machine's.
func kernelDir() string {
	if dir := os.Getenv("RIGX_KERNEL_DIR"); dir != "" {
		return dir
	}
	if cache, err := os.UserCacheDir(); err == nil {
		dir := filepath.Join(cache, "rigx", "tools", "kernel")
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	return "/"
}

// podmanConf lets podman run where it could not by its defaults: in a container
// of its own, with the limits of that and old control groups.
const podmanConf = "[engine]\nruntime = \"runc\"\n[containers]\n" +
	"default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"

func containersConf(env *testscript.Env) error {
	file := filepath.Join(env.WorkDir, ".containers.conf")
	env.Setenv("CONTAINERS_CONF", file)
	return os.WriteFile(file, []byte(podmanConf), 0o644)
}

// removeContainers ends what a script that failed left running.
func removeContainers(env *testscript.Env, label string) {
	if !strings.Contains(filepath.Base(env.WorkDir), "capsule") {
		return
	}
	podman := func(args ...string) string {
		cmd := exec.Command("podman", args...)
		cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+env.Getenv("CONTAINERS_CONF"))
		out, _ := cmd.Output()
		return string(out)
	}
	for _, label := range []string{"rigx.test=" + label, "rigx.project=" + env.WorkDir} {
		for _, id := range strings.Fields(podman("ps", "--all", "--quiet", "--filter", "label="+label)) {
			podman("rm", "--force", "--time", "0", id)
		}
	}
}

// freePort is a port of 127.0.0.1 that nobody listens on just now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
