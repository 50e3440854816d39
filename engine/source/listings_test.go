package source

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// names lists a directory through what is remembered, as the next run would, with a slash
// behind what is a directory and an @ behind a link.
func names(t *testing.T, l *Listings, root string) []string {
	t.Helper()
	tree := NewRememberingTree(root, func() *Listings { return l })
	var names []string
	for _, e := range tree.list("").entries {
		name := e.name
		if e.dir {
			name += "/"
		}
		if e.link {
			name += "@"
		}
		names = append(names, name)
	}
	return names
}

// atOnce trusts what was left alone for no longer than a file must be.
func atOnce(t *testing.T) {
	before := quiet
	quiet = 0
	t.Cleanup(func() { quiet = before })
}

func written(t *testing.T, l *Listings) *Listings {
	t.Helper()
	again, err := ReadListings(l.AppendTo(nil))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// TestListings: whatever comes, goes or becomes something else is noticed; what stays is
// not read again.
func TestListings(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	write := func(name string) error { return os.WriteFile(at(name), nil, 0o644) }
	elsewhere := filepath.Join(t.TempDir(), "target")
	if err := errors.Join(write("b"), write("a b"), os.Mkdir(at("dir"), 0o755), os.Mkdir(elsewhere, 0o755), os.Symlink(elsewhere, at("link"))); err != nil {
		t.Fatal(err)
	}
	atOnce(t)
	time.Sleep(2 * settled)
	if runtime.GOOS == "linux" {
		l := NewListings()
		names(t, l, root)
		if !l.Changed() || len(l.asked) != 1 {
			t.Skip("the file system of temporary files is not one of those that keep times")
		}
	}
	old := time.Now().Add(-time.Hour)
	l := NewListings()
	for _, step := range []struct {
		what string
		do   func() error
		want []string
	}{
		{"nothing", func() error { return nil }, []string{"a b", "b", "dir/", "link/@"}},
		{"a new file", func() error { return write("c") }, []string{"a b", "b", "c", "dir/", "link/@"}},
		{"another name", func() error { return os.Rename(at("c"), at("d")) }, []string{"a b", "b", "d", "dir/", "link/@"}},
		{"a file is gone", func() error { return os.Remove(at("d")) }, []string{"a b", "b", "dir/", "link/@"}},
		{"the time is the old one", func() error { return errors.Join(write("e"), os.Chtimes(root, old, old)) }, []string{"a b", "b", "dir/", "e", "link/@"}},
		{"the same time, fewer files", func() error { return errors.Join(os.Remove(at("e")), os.Chtimes(root, old, old)) }, []string{"a b", "b", "dir/", "link/@"}},
		{"a directory is a file", func() error { return errors.Join(os.Remove(at("dir")), write("dir")) }, []string{"a b", "b", "dir", "link/@"}},
		{"the link leads nowhere", func() error { return os.Remove(elsewhere) }, []string{"a b", "b", "dir", "link@"}},
		{"the link leads to a directory", func() error { return os.Mkdir(elsewhere, 0o755) }, []string{"a b", "b", "dir", "link/@"}},
		{"another directory", func() error {
			other := filepath.Join(filepath.Dir(root), "other")
			return errors.Join(os.Mkdir(other, 0o755), os.Rename(root, root+"-aside"), os.Rename(other, root), write("x"))
		}, []string{"x"}},
	} {
		if err := step.do(); err != nil {
			t.Fatal(step.what, err)
		}
		time.Sleep(2 * settled)
		l = written(t, l)
		if got := names(t, l, root); !slices.Equal(got, step.want) {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
		if strings.HasPrefix(step.what, "the link") && l.Changed() {
			t.Errorf("%s: a directory that did not change is read again", step.what)
		}
		l = written(t, l)
		if got := names(t, l, root); !slices.Equal(got, step.want) || l.Changed() {
			t.Errorf("%s: %q the second time, read again: %v", step.what, got, l.Changed())
		}
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	if got := names(t, written(t, l), root); got != nil {
		t.Errorf("%q is in a directory that is gone", got)
	}
}

// TestListingsClock: what changed just now is not remembered, nor what bears a time that
// lies ahead; another name might come at the same one.
func TestListingsClock(t *testing.T) {
	root := t.TempDir()
	for _, ahead := range []time.Duration{0, time.Hour} {
		if ahead > 0 {
			atOnce(t)
			time.Sleep(2 * settled)
		}
		when := time.Now().Add(ahead)
		if err := errors.Join(os.WriteFile(filepath.Join(root, "a"), nil, 0o644), os.Chtimes(root, when, when)); err != nil {
			t.Fatal(err)
		}
		if l := NewListings(); !slices.Equal(names(t, l, root), []string{"a"}) || l.Changed() {
			t.Errorf("changed %v ahead, and trusted", ahead)
		}
	}
}

// FuzzListings: what is damaged is refused or gives other names, and harms nothing; what
// is read is written as it was.
func FuzzListings(f *testing.F) {
	l := NewListings()
	l.keep("/a", keptListing{dirStamp{1, 2, 3, 4}, pack([]entry{{"x", true, false}, {"y", false, true}})}, true)
	f.Add(l.AppendTo(nil))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 127})
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ReadListings(data)
		if err != nil {
			return
		}
		for dir, kept := range l.read {
			if entries, ok := unpack(kept.entries); ok {
				if again, ok := unpack(pack(entries)); !ok || !slices.Equal(again, entries) {
					t.Errorf("%v was packed as %v", entries, again)
				}
			}
			l.keep(dir, kept, true)
		}
		again, err := ReadListings(l.AppendTo(nil))
		if err != nil || len(again.read) != len(l.read) {
			t.Fatal(err)
		}
	})
}
