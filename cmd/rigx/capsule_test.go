package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCapsuleKilled ends rigx, with kill -9 and with Ctrl-C, while a capsule runs
// in its foreground or is waited for: no container, process, or directory is left.
func TestCapsuleKilled(t *testing.T) {
	for _, part := range []string{"nix", "podman"} {
		if _, err := exec.LookPath(part); err != nil {
			if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), part) {
				t.Fatal(part, "is missing")
			}
			t.Skip(part, "is missing")
		}
	}
	bin, dir, tmp := filepath.Join(t.TempDir(), "rigx"), t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sleep := fmt.Sprintf("sleep 10000.%d", os.Getpid())
	write("rigx.toml", `[project]
name = "killed"
[targets.forever]
kind         = "capsule"
deps.nixpkgs = ["coreutils"]
entrypoint   = "echo begun; exec `+sleep+`"
`)
	write("containers.conf", podmanConf)
	name := "rigx-test-killed-" + filepath.Base(filepath.Dir(dir))
	environ := append(os.Environ(), "TMPDIR="+tmp, "RIGX_ENGINE=podman", "CONTAINERS_CONF="+filepath.Join(dir, "containers.conf"))
	run := func(program string, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Env = dir, environ
		out, _ := cmd.Output()
		return strings.TrimSpace(string(out))
	}
	t.Cleanup(func() {
		run("podman", "rm", "--force", "--time", "0", name)
		run("sh", "-c", "podman rmi -f $(jq -r .image.reference output/*/manifest.json)")
	})
	// What is of rigx, and what runs in the container.
	processes := func() (found []string) {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			data, _ := os.ReadFile(file)
			line := strings.TrimSpace(strings.ReplaceAll(string(data), "\x00", " "))
			if line == sleep || strings.HasPrefix(line, bin) {
				found = append(found, line)
			}
		}
		return found
	}
	containers := func() string { return run("podman", "ps", "--all", "--quiet", "--filter", "name="+name) }
	left := func() bool {
		dirs, _ := filepath.Glob(filepath.Join(tmp, "rigx-*"))
		return len(processes())+len(dirs) > 0 || containers() != ""
	}
	for _, c := range []struct {
		name, flag string
		signal     os.Signal
		status     int
	}{
		{"killed", "--foreground", os.Kill, -1},
		{"interrupted", "--foreground", os.Interrupt, statusInterrupted},
		{"interrupted while waiting", "--wait=5000", os.Interrupt, statusInterrupted},
	} {
		t.Run(c.name, func(t *testing.T) {
			rigx := exec.Command(bin, "--nixpkgs", "host", "capsule", "start", "forever", c.flag, "--name", name)
			rigx.Dir, rigx.Env = dir, environ
			if err := rigx.Start(); err != nil {
				t.Fatal(err)
			}
			for range 600 {
				if slices.Contains(processes(), sleep) {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if !slices.Contains(processes(), sleep) {
				t.Error("it does not run:", processes(), containers())
			}
			if err := rigx.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			_ = rigx.Wait()
			if got := rigx.ProcessState.ExitCode(); got != c.status {
				t.Error("exit status", got)
			}
			for range 200 {
				if !left() {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
			dirs, _ := filepath.Glob(filepath.Join(tmp, "*"))
			t.Error("left behind:", processes(), containers(), dirs)
		})
	}
}
