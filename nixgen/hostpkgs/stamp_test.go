package hostpkgs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLibraryName(t *testing.T) {
	for file, want := range map[string]string{
		"libz.so": "z", "libz.a": "z", "libstdc++.so": "stdc++", "libpython3.11.so": "python3.11", "libx.so.a": "x.so",
		"libz.so.1": "", "lib.so": "", "liba": "", "z.so": "", "libz.la": "", "": "",
	} {
		if got := libraryName(file); got != want {
			t.Errorf("%s is called %q, not %q", file, got, want)
		}
	}
}

// TestDirStamp is another one if a file that counts comes, goes or changes, even behind a
// link, and the same whatever happens to others.
func TestDirStamp(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	counts := func(name string) bool { return libraryName(name) != "" }
	if err := errors.Join(write("liba.a", "a"), write("libz.so.1", "z"), os.Symlink("libz.so.1", filepath.Join(dir, "libz.so")), write("notes", "")); err != nil {
		t.Fatal(err)
	}
	last := dirStamp(dir, counts)
	for _, step := range []struct {
		what string
		do   func() error
		same bool
	}{
		{"nothing", func() error { return nil }, true},
		{"what does not count changes", func() error { return write("notes", "more") }, true},
		{"what does not count comes", func() error { return write("libnew.so.2", "") }, true},
		{"a file comes", func() error { return write("libb.a", "") }, false},
		{"a file changes", func() error { return write("libb.a", "longer") }, false},
		{"a file gets another time", func() error { return os.Chtimes(filepath.Join(dir, "libb.a"), time.Time{}, time.Unix(1, 0)) }, false},
		{"what a link leads to changes", func() error { return write("libz.so.1", "longer") }, false},
		{"a file goes", func() error { return os.Remove(filepath.Join(dir, "libb.a")) }, false},
		{"the link goes", func() error { return os.Remove(filepath.Join(dir, "libz.so")) }, false},
	} {
		if err := step.do(); err != nil {
			t.Fatal(step.what, err)
		}
		now := dirStamp(dir, counts)
		if bytes.Equal(now, last) != step.same {
			t.Errorf("%s: the same stamp: %v", step.what, !step.same)
		}
		last = now
	}
}
