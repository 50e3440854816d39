package nix

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written is a file of a test.
func written(name, content string, mode fs.FileMode) File {
	return File{Name: name, Mode: mode, Size: int64(len(content)), Write: func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}}
}

// A directory as Nix has it: `nix-store --dump` of the same files has this hash,
// and `nix-store --add` puts them there.
const (
	dumped  = "32953a1838cb796057c356f031dec33fc183730140ea890957304e618a20ba6a"
	addedTo = "/nix/store/bbfl1984gahjc9sy7z3nypxv5nhf1hr4-source"
)

var directory = []File{
	written("a/link", "../nowhere", fs.ModeSymlink|0o777),
	written("a.b", "12345678", 0o644),
	written("a/b/c.txt", "one\n", 0o600),
	written("a-b", "#!/bin/sh\n", 0o755),
	written("a/b/empty", "", 0o644),
}

func TestArchive(t *testing.T) {
	var nar bytes.Buffer
	if err := writeArchive(&nar, directory); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(nar.Bytes())
	if got := hex.EncodeToString(sum[:]); got != dumped {
		t.Errorf("the archive has the hash %s", got)
	}
	if got := sourcePath("source", sum); got != addedTo {
		t.Errorf("its path is %s", got)
	}
}

// TestArchiveOfWhatChanged: what is not as it was said to be has no archive.
func TestArchiveOfWhatChanged(t *testing.T) {
	grown, gone, socket := written("a", "12345678", 0o644), written("b", "", 0o644), written("c", "", fs.ModeSocket)
	grown.Size--
	gone.Write = func(io.Writer) error { return os.ErrNotExist }
	for _, f := range []File{grown, gone, socket} {
		if err := writeArchive(io.Discard, append([]File{f}, directory...)); err == nil {
			t.Errorf("%s is archived", f.Name)
		}
	}
	if err := writeArchive(io.Discard, []File{gone}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
}

// TestSourceCache: the cache holds what `nix copy` reads.
func TestSourceCache(t *testing.T) {
	c, err := newSourceCache(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	path, err := c.archive(directory)
	if err != nil || path != addedTo {
		t.Fatal(path, err)
	}
	gone := written("b", "", 0o644)
	gone.Write = func(io.Writer) error { return os.ErrNotExist }
	if _, err := c.archive([]File{gone}); err == nil {
		t.Error("what cannot be read is in the cache")
	}
	info, err := os.ReadFile(filepath.Join(c.dir, "bbfl1984gahjc9sy7z3nypxv5nhf1hr4.narinfo"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"StorePath: " + addedTo + "\n", "NarSize: 1432\n", "References: \n", "Compression: none\n"} {
		if !strings.Contains(string(info), want) {
			t.Errorf("%q is not in\n%s", want, info)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(c.dir, "*")); len(files) != 3 {
		t.Errorf("the cache holds %v", files)
	}
}

// TestAddSources adds more than fits at once to the store, once and again.
func TestAddSources(t *testing.T) {
	if _, err := exec.LookPath("nix"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	n, err := Find(t.Context(), Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	gone := written("b", "", 0o644)
	gone.Write = func(io.Writer) error { return os.ErrNotExist }
	large := written("large", "", 0o644)
	large.Size = waitingBytes
	sources := [][]File{directory, {gone}, {large}, {}}
	none := map[int]bool{1: true, 2: true}
	for range waitingBytes>>20 + 4 {
		sources = append(sources, []File{written("random", rand.Text(), 0o755), written("rest", strings.Repeat("x", 1<<20), 0o644)})
	}
	paths := n.AddSources(t.Context(), sources)
	for i, path := range paths {
		if (path == "") != none[i] || path != "" && !Registered(path) {
			t.Errorf("%d is at %q", i, path)
		}
	}
	if paths[0] != addedTo {
		t.Errorf("the first is at %s", paths[0])
	}
	if err := n.storeCommand(t.Context(), io.Discard, append([]string{"--verify-path"}, paths[3:]...)...); err != nil {
		t.Error(err)
	}
	if again := n.AddSources(t.Context(), sources); !slices.Equal(again, paths) {
		t.Errorf("again they are at %v", again)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}
