package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestList: the quick way to list a directory finds what the usual one does.
func TestList(t *testing.T) {
	dir := t.TempDir()
	for i := range 3000 { // more than one answer of the kernel holds
		if err := os.WriteFile(filepath.Join(dir, strings.Repeat("n", 1+i%200)+string(rune('a'+i%26))+strings.Repeat("é", i/200)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.Mkdir(filepath.Join(dir, "folder"), 0o755)
	_ = os.Symlink("folder", filepath.Join(dir, "link"))
	sorted := func(entries []entry, err error) []entry {
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
		return entries
	}
	usual := struct{ FS }{Disk()} // which hides the quick way
	want := sorted(list(usual, dir))
	if diff := cmp.Diff(want, sorted(list(Disk(), dir)), cmp.AllowUnexported(entry{})); diff != "" || len(want) < 2000 {
		t.Error(len(want), diff)
	}
	if _, err := list(Disk(), filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// FuzzEntries: whatever the kernel answers, reading it ends.
func FuzzEntries(f *testing.F) {
	f.Add([]byte("12345678123456781\x00\x04name\x00"))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, _ := appendEntries(nil, t.TempDir(), data)
		for _, e := range entries {
			if strings.ContainsRune(e.name, 0) {
				t.Errorf("%q", e.name)
			}
		}
	})
}
