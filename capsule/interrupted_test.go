package capsule_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rigx-build/rigx/capsule"
)

// TestInterrupted ends the context of a start at various moments: nothing is
// left of it.
func TestInterrupted(t *testing.T) {
	ctx := engine(t)
	im := build(t, "deaf")
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	for after := time.Duration(0); after < 400*time.Millisecond; after += 40 * time.Millisecond {
		short, cancel := context.WithTimeout(ctx, after)
		c, err := im.Start(short, capsule.Options{Name: "rigx-test-interrupted", Gate: true})
		cancel()
		if err == nil {
			if err := c.Stop(ctx); err != nil {
				t.Error(err)
			}
		}
		if s, left := listed(t, ctx)["rigx-test-interrupted"]; left {
			t.Errorf("after %s: %+v", after, s)
		}
	}
	if left, _ := filepath.Glob(tmp + "/rigx-capsule-*"); len(left) > 0 {
		t.Error(left)
	}
}

// TestKilled kills a program with kill -9 while and after it starts a capsule:
// its guard removes everything.
func TestKilled(t *testing.T) {
	ctx := engine(t)
	im := build(t, "deaf")
	tmp := t.TempDir()
	for i, after := range []time.Duration{-1, 0, 50 * time.Millisecond, 150 * time.Millisecond, 250 * time.Millisecond} {
		name := fmt.Sprintf("rigx-test-killed%d-%d", os.Getpid(), i) // not what another run has left
		cmd := other(t, ctx, "victim", "CAPSULE_DIR="+im.Dir, "CAPSULE_NAME="+name, "CAPSULE_GATE=1", "TMPDIR="+tmp)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan()
		if after < 0 {
			lines.Scan()
			if lines.Text() != "started <nil>" {
				t.Error(lines.Text())
			}
			if s := listed(t, ctx)[name]; !s.Running {
				t.Error("it does not run")
			}
		}
		time.Sleep(max(0, after))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		gone := func() bool {
			_, left := listed(t, ctx)[name]
			dirs, _ := filepath.Glob(tmp + "/rigx-capsule-*")
			return !left && len(dirs) == 0 && len(running(name)) == 0
		}
		for range 100 {
			if time.Sleep(100 * time.Millisecond); gone() {
				break
			}
		}
		// It must stay gone: the engine may have been at work.
		if time.Sleep(2 * time.Second); !gone() {
			t.Errorf("killed after %s, something is left: %v %q", after, listed(t, ctx)[name], running(name))
		}
	}
}

// running are the command lines of processes, on Linux, that were told a name: the
// engine may have forgotten a container that its monitor still waits for.
func running(name string) []string {
	var found []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if line, err := os.ReadFile(path); err == nil && slices.Contains(strings.Split(string(line), "\x00"), name) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
