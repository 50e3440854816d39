// Package python holds the Python package rigx, with which scripts drive
// capsules and testbeds: rigx.capsule and rigx.testbed. It is a thin client of
// package testbed/control, for Python 3.8 and later, without dependencies.
//
// Scripts find it because rigx unpacks it and puts the directory on PYTHONPATH:
//
//	dir, err := python.Unpack(cacheDir)
//	env := python.Path(dir, os.Getenv("PYTHONPATH"))
package python

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/rogpeppe/go-internal/lockedfile"
)

//go:embed rigx/*.py rigx/py.typed
var files embed.FS

// key names the content of the package.
var key = sync.OnceValue(func() string {
	h := sha256.New()
	_ = fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			data, _ := files.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n%s", path, len(data), data)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8])
})

// Unpack makes sure that the package lies in a directory below cacheDir, and
// returns that directory, which belongs on PYTHONPATH. The directory is named
// after the content and appears whole or not at all, so that any number of
// processes may unpack at once.
func Unpack(cacheDir string) (string, error) {
	dir := filepath.Join(cacheDir, "python-"+key())
	if complete(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return "", fmt.Errorf("unpacking the Python package rigx: %w", err)
	}
	// Whoever comes second finds it done.
	unlock, err := lockedfile.MutexAt(filepath.Join(cacheDir, "python.lock")).Lock()
	if err != nil {
		return "", fmt.Errorf("unpacking the Python package rigx: %w", err)
	}
	defer unlock()
	if complete(dir) {
		return dir, nil
	}
	temporary, err := os.MkdirTemp(cacheDir, "python-*.tmp")
	if err != nil {
		return "", fmt.Errorf("unpacking the Python package rigx: %w", err)
	}
	defer os.RemoveAll(temporary)
	fresh := filepath.Join(temporary, "new")
	if err := os.CopyFS(fresh, files); err != nil {
		return "", fmt.Errorf("unpacking the Python package rigx: %w", err)
	}
	// What is there and incomplete was damaged by someone; it gives way.
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("unpacking the Python package rigx: %w", err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		return "", fmt.Errorf("unpacking the Python package rigx: %w", err)
	}
	return dir, nil
}

// complete reports whether dir holds the package, byte for byte as long as it is.
func complete(dir string) bool {
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		want, err := e.Info()
		if err != nil {
			return err
		}
		got, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(path)))
		if err == nil && (!got.Mode().IsRegular() || got.Size() != want.Size()) {
			err = fs.ErrInvalid
		}
		return err
	})
	return err == nil
}

// Path is the value of PYTHONPATH with dir before what it was.
func Path(dir, before string) string {
	if before == "" {
		return dir
	}
	return dir + string(os.PathListSeparator) + before
}
