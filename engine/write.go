package engine

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// writeAtomic replaces a file, or what a link leads to, in one step: whoever
// reads it sees the old text or the new one, even after a power failure. The file
// keeps its permissions.
func writeAtomic(file, text string) error { return replace(file, text, (*os.File).Sync) }

// writeDerived is writeAtomic for what can be made again. It does not wait for the
// disk, which after a build is busy with what was built.
func writeDerived(file, text string) error {
	return replace(file, text, func(*os.File) error { return nil })
}

func replace(file, text string, settle func(*os.File) error) error {
	mode := fs.FileMode(0) // what the user's mask makes of a new file
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
		if info, err := os.Stat(file); err == nil {
			mode = info.Mode().Perm()
		}
	}
	aside := "." + filepath.Base(file) + ".rigx-"
	for tries := 1; ; tries++ {
		err := replaceOnce(file, text, aside, mode, settle)
		if err == nil || tries == mostTries || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

// mostTries are for those that write the same file at once, and may sweep each other.
const mostTries = 20

func replaceOnce(file, text, aside string, mode fs.FileMode, settle func(*os.File) error) error {
	dir := filepath.Dir(file)
	sweepAside(dir, aside)
	first := fs.FileMode(0o644)
	if mode != 0 {
		first = 0o600 // nobody else reads it before it has its own
	}
	tmp, err := os.OpenFile(filepath.Join(dir, aside+strconv.FormatUint(rand.Uint64(), 10)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, first)
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	if mode != 0 {
		err = errors.Join(err, tmp.Chmod(mode))
	}
	err = errors.Join(err, settle(tmp), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

// abandoned is the age of what nobody is writing any more. If somebody is, on a slow
// disk, that one begins anew.
const abandoned = 10 * time.Millisecond

// sweepAside removes what was left by whoever was killed while it wrote.
func sweepAside(dir, aside string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), aside)
		if !ok || rest == "" || strings.Trim(rest, "0123456789") != "" {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
