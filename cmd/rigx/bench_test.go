package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// builtRigx is the program as it is released, not the binary of the tests.
func builtRigx(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "rigx")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// command measures a command, process and all, in a directory.
func command(b *testing.B, program, dir string, args ...string) {
	b.Helper()
	one := func() {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("rigx %v: %v\n%s", args, err, out)
		}
	}
	one()
	for b.Loop() {
		one()
	}
}

// BenchmarkStart is what every command costs: starting and ending. Beside it
// stands what any process costs here. The goal is 10 ms.
func BenchmarkStart(b *testing.B) {
	program := builtRigx(b)
	b.Run("rigx", func(b *testing.B) { command(b, program, b.TempDir(), "version") })
	b.Run("true", func(b *testing.B) { command(b, "true", b.TempDir()) })
}

// BenchmarkComplete is what a shell waits for after a Tab in a project of 1,000
// targets, and at its start for the script. The goal is 30 ms.
func BenchmarkComplete(b *testing.B) {
	program, dir := builtRigx(b), b.TempDir()
	var text strings.Builder
	text.WriteString("[project]\nname = \"many\"\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "\n[targets.target%d]\nkind        = \"executable\"\ndescription = \"the program number %d\"\nsources     = [\"src/%d/*.c\"]\ncflags      = [\"-O2\", \"-Wall\"]\n", i, i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "rigx.toml"), []byte(text.String()), 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("targets", func(b *testing.B) { command(b, program, dir, "__complete", "build", "target") })
	b.Run("script", func(b *testing.B) { command(b, program, dir, "completion", "bash") })
}

// BenchmarkDevelop enters the environment of a target that was entered before.
// Beside it stands bash alone. The goal is 50 ms.
func BenchmarkDevelop(b *testing.B) {
	if _, err := exec.LookPath("nix"); err != nil {
		b.Skip("nix is not installed")
	}
	program, dir := builtRigx(b), b.TempDir()
	b.Setenv("XDG_CACHE_HOME", b.TempDir())
	project := "[project]\nname = \"p\"\n\n[targets.hello]\nkind = \"executable\"\nsources = [\"hello.c\"]\n"
	for name, text := range map[string]string{"rigx.toml": project, "hello.c": "int main(void) { return 0; }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("again", func(b *testing.B) { command(b, program, dir, "--nixpkgs", "host", "develop", "hello", "--", "true") })
	b.Run("print-env", func(b *testing.B) {
		command(b, program, dir, "--nixpkgs", "host", "develop", "hello", "--print-env", "--format", "direnv")
	})
	b.Run("bash", func(b *testing.B) { command(b, "bash", dir, "-c", "true") })
}
