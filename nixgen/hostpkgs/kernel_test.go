package hostpkgs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKernel: the newest that can be used is taken, by numbers and not by
// letters, with the modules that it has, packed or not.
func TestKernel(t *testing.T) {
	root := t.TempDir()
	t.Setenv(KernelDirVariable, root)
	put := func(name string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	find := func() Kernel {
		h := &Host{}
		h.kernel()
		return h.Kernel
	}
	if k := find(); k.Image != "" || k.Lacks != "" {
		t.Errorf("a kernel out of nothing: %+v", k)
	}

	put("boot/vmlinuz-6.11.0-cloud")
	if k := find(); k.Image != "" || !strings.Contains(k.Lacks, "6.11.0-cloud has no 9p file system") {
		t.Errorf("without 9p: %+v", k)
	}

	for _, version := range []string{"6.9.0-1", "6.10.0-1"} {
		put("boot/vmlinuz-" + version)
		put("lib/modules/" + version + "/kernel/fs/9p/9p.ko.xz")
		put("lib/modules/" + version + "/kernel/net/9p/9pnet.ko")
	}
	first := find()
	if first.Version != "6.10.0-1" || len(first.Modules) != 2 || !strings.HasSuffix(first.Modules[1], "9p.ko.xz") {
		t.Errorf("%+v", first)
	}

	put("boot/vmlinuz-6.12.0-built-in")
	put("lib/modules/6.12.0-built-in/modules.builtin")
	if k := find(); k.Version != first.Version {
		t.Errorf("%+v", k)
	}
	if err := os.WriteFile(filepath.Join(root, "lib/modules/6.12.0-built-in/modules.builtin"), []byte("kernel/fs/9p/9p.ko\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if k := find(); k.Version != "6.12.0-built-in" {
		t.Errorf("%+v", k)
	}

	// A module that changed makes another stamp, for the package set and for what
	// is built with it.
	if err := os.Remove(filepath.Join(root, "boot/vmlinuz-6.12.0-built-in")); err != nil {
		t.Fatal(err)
	}
	before := Stamp(root)
	if err := os.WriteFile(first.Modules[0], []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if after := find(); after.Stamp == first.Stamp || Stamp(root) == before {
		t.Error("a changed module goes unnoticed")
	}
}
