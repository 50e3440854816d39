package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWriteSweeps: who is killed while it writes a file leaves another beside it, which
// the next one removes; and those that write at once do not fail for that.
func TestWriteSweeps(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "flake.nix")
	for _, left := range []string{".flake.nix.rigx-2570009300", ".flake.nix.swp", ".flake.nix.", ".flake.nix.1", ".flake.nix.rigx-1.2", "flake.nix.3"} {
		if err := os.WriteFile(filepath.Join(dir, left), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(2 * abandoned)
	var writing sync.WaitGroup
	for range 8 {
		writing.Go(func() {
			for range 20 {
				if err := writeAtomic(file, "text"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{".flake.nix.", ".flake.nix.1", ".flake.nix.rigx-1.2", ".flake.nix.swp", "flake.nix", "flake.nix.3"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(file, "text"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("others may read what they could not before: %v (%v)", info.Mode(), err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
}
