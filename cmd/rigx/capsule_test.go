package main

import (
	"fmt"
	"net"
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
	sleep, tmp := fmt.Sprintf("sleep 10000.%d", os.Getpid()), t.TempDir()
	bin, dir, environ := capsuleProject(t, `[project]
name = "killed"
[targets.forever]
kind         = "capsule"
deps.nixpkgs = ["coreutils"]
entrypoint   = "echo begun; exec `+sleep+`"
`)
	environ = append(environ, "TMPDIR="+tmp)
	name := "rigx-test-killed-" + filepath.Base(filepath.Dir(dir))
	run := func(program string, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Env = dir, environ
		out, _ := cmd.Output()
		return strings.TrimSpace(string(out))
	}
	t.Cleanup(func() { run("podman", "rm", "--force", "--time", "0", name) })
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

// capsuleProject makes a project and builds rigx, to be run in it with that
// environment.
func capsuleProject(t testing.TB, project string) (rigx, dir string, environ []string) {
	t.Helper()
	for _, part := range []string{"nix", "podman"} {
		if _, err := exec.LookPath(part); err != nil {
			if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), part) {
				t.Fatal(part, "is missing")
			}
			t.Skip(part, "is missing")
		}
	}
	rigx, dir = filepath.Join(t.TempDir(), "rigx"), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", rigx, ".").CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	for name, text := range map[string]string{"rigx.toml": project, "containers.conf": podmanConf} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	environ = append(os.Environ(), "RIGX_ENGINE=podman", "CONTAINERS_CONF="+filepath.Join(dir, "containers.conf"))
	t.Cleanup(func() {
		remove := exec.Command("sh", "-c", "podman rmi -f $(jq -r .image.reference output/*/manifest.json)")
		remove.Dir, remove.Env = dir, environ
		if out, err := remove.CombinedOutput(); err != nil {
			t.Error(string(out))
		}
	})
	return rigx, dir, environ
}

// BenchmarkCapsuleStart measures from the command to the first answer on the
// capsule's port, beside podman alone with the same image and mounts.
func BenchmarkCapsuleStart(b *testing.B) {
	port, err := freePort()
	if err != nil {
		b.Fatal(err)
	}
	rigx, dir, environ := capsuleProject(b, `[project]
name = "bench"
[nixpkgs]
ref = "host"
[targets.greets]
kind    = "executable"
sources = ["greets.c"]
[targets.greeter]
kind       = "capsule"
entrypoint = "exec ${greets}/bin/greets"
ports      = [`+port+`]
`)
	program := `#include <arpa/inet.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(` + port + `)};
  int tcp = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(tcp, (void *)&here, sizeof here) || listen(tcp, 8)) return 1;
  for (;;) {
    int c = accept(tcp, 0, 0);
    if (write(c, "hi", 2) < 0) return 1;
    close(c);
  }
}
`
	if err := os.WriteFile(filepath.Join(dir, "greets.c"), []byte(program), 0o644); err != nil {
		b.Fatal(err)
	}
	run := func(program string, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Env = dir, environ
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatal(string(out))
		}
		return strings.TrimSpace(string(out))
	}
	answer := func() {
		for {
			if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
				n, _ := c.Read(make([]byte, 2))
				_ = c.Close()
				if n == 2 {
					return
				}
			}
			time.Sleep(time.Millisecond)
		}
	}
	// Once, to have it built and loaded, and to see how it is run.
	run(rigx, "capsule", "start", "greeter", "--wait")
	name := run("podman", "ps", "--filter", "label=rigx.project="+dir, "--format", "{{.Names}}")
	mounts := strings.Fields(run("podman", "inspect", name, "--format", `{{range .Mounts}}{{.Source}}:{{.Destination}}:ro {{end}}`))
	image := run("podman", "inspect", name, "--format", "{{.Image}}")
	run(rigx, "capsule", "stop", "--all")
	b.Run("rigx", func(b *testing.B) {
		for b.Loop() {
			run(rigx, "capsule", "start", "greeter", "--wait")
			answer()
			b.StopTimer()
			run(rigx, "capsule", "stop", "--all")
			b.StartTimer()
		}
	})
	b.Run("podman", func(b *testing.B) {
		args := []string{"run", "--detach", "--name", name, "--publish", "127.0.0.1:" + port + ":" + port}
		for _, m := range mounts {
			args = append(args, "--volume", m)
		}
		for b.Loop() {
			run("podman", append(args, image)...)
			answer()
			b.StopTimer()
			run("podman", "rm", "--force", "--time", "0", name)
			b.StartTimer()
		}
	})
}
