package hostpkgs

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

func program(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// The first on PATH wins; shims, Nix's programs and relative directories do not
// count.
func TestDiscover(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no host package set on Windows")
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	for _, name := range []string{"one/gcc", "two/gcc", "two/jq", "pyenv/shims/python3.99"} {
		program(t, filepath.Join(dir, name))
	}
	if err := os.WriteFile(filepath.Join(dir, "two", "notes"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	path := ""
	for _, name := range []string{"one", "two", "pyenv/shims"} {
		path += filepath.Join(dir, name) + string(os.PathListSeparator)
	}
	h, err := Discover(t.Context(), path+"relative")
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Programs["gcc"].Path; got != filepath.Join(dir, "one", "gcc") {
		t.Errorf("gcc is %q", got)
	}
	if h.Programs["jq"].Stamp == "" {
		t.Error("jq is not found")
	}
	for _, name := range []string{"notes", "python3.99"} {
		if p, ok := h.Programs[name]; ok {
			t.Errorf("%s is found: %v", name, p)
		}
	}
	if slices.ContainsFunc(h.SandboxPaths(), func(p string) bool { return p == dir }) {
		t.Error("the sandbox would see the home directory")
	}
}

// The same host is the same directory; another host is another; what was not
// used for long goes.
func TestMaterialize(t *testing.T) {
	cache := t.TempDir()
	set := func(name string) string {
		h := &Host{System: "x86_64-linux", Programs: map[string]Program{name: {Path: "/" + name, Stamp: "1"}}}
		dir, err := h.Materialize(cache)
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	a, again, b := set("a"), set("a"), set("b")
	if a != again || a == b {
		t.Fatal(a, again, b)
	}
	if _, err := os.Stat(filepath.Join(a, "default.nix")); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * unused)
	for _, file := range []string{usedMark(a), a} {
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	set("c")
	if _, err := os.Stat(a); !os.IsNotExist(err) {
		t.Error("a set that was not used for long is still there", err)
	}
	if _, err := os.Stat(b); err != nil {
		t.Error("a set in use is gone", err)
	}
}
