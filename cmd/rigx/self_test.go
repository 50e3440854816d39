package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rigx-build/rigx/engine"
)

// TestSelf: rigx's own rigx.toml is without faults, in the canonical shape and of
// this version, and flake.nix is what comes from it. `make self` builds it.
func TestSelf(t *testing.T) {
	root := filepath.Join("..", "..")
	project, err := os.ReadFile(filepath.Join(root, "rigx.toml"))
	if err != nil || !strings.Contains(string(project), `"`+engine.Version+`"`) {
		t.Errorf("rigx.toml is not of version %s: %v", engine.Version, err)
	}
	for _, args := range [][]string{{"check", "--strict"}, {"fmt", "--check"}, {"flake"}} {
		var out, errOut bytes.Buffer
		if status := execute(context.Background(), append([]string{"-C", root}, args...), strings.NewReader(""), &out, &errOut); status != 0 {
			t.Fatalf("rigx %v: %d\n%s%s", args, status, &out, &errOut)
		}
		if args[0] != "flake" {
			continue
		}
		want, err := os.ReadFile(filepath.Join(root, "flake.nix"))
		if err != nil {
			t.Fatal(err)
		}
		if out.String() != string(want) {
			t.Error("flake.nix is not what comes from rigx.toml; run `rigx flake > flake.nix`")
		}
	}
}
