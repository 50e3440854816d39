package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKill kills builds at random moments; the next one repairs whatever was
// left behind, and what it says is built is what the sources say. RIGX_KILLS
// makes it longer.
func TestKill(t *testing.T) {
	if _, err := exec.LookPath("nix"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
	kills := 8
	if n, err := strconv.Atoi(os.Getenv("RIGX_KILLS")); err == nil {
		kills = n
	}
	bin, dir := filepath.Join(t.TempDir(), "rigx"), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	project := "[project]\nname = \"kill\"\n[nixpkgs]\nref = \"host\"\n"
	for i := range 4 {
		project += fmt.Sprintf("[targets.t%d]\nkind = \"custom\"\nsources = [\"a.txt\"]\ninstall_script = \"sleep 0.0%d; mkdir $out; cp a.txt $out/%d\"\n", i, i, i)
	}
	write("rigx.toml", project)
	command := func() *exec.Cmd {
		cmd := exec.Command(bin, "build", "--offline")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, ".cache"))
		return cmd
	}
	for n := range kills {
		text := fmt.Sprintf("%d %d\n", n, time.Now().UnixNano())
		write("a.txt", text)
		for range rand.IntN(3) + 1 {
			cmd := command()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			after := time.Duration(rand.IntN(350)) * time.Millisecond
			time.Sleep(after)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if out, err := command().CombinedOutput(); err != nil {
			t.Fatalf("kill %d: %v\n%s", n, err, out)
		}
		for i := range 4 {
			got, err := os.ReadFile(filepath.Join(dir, "output", fmt.Sprintf("t%d", i), strconv.Itoa(i)))
			if err != nil || string(got) != text {
				t.Fatalf("kill %d: t%d holds %q, not %q: %v", n, i, got, text, err)
			}
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*.*"))
	if err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}
