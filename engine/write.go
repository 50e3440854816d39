package engine

import (
	"errors"
	"os"
	"path/filepath"
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
	mode := os.FileMode(0o644)
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
		if info, err := os.Stat(file); err == nil {
			mode = info.Mode().Perm()
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	err = errors.Join(err, tmp.Chmod(mode), settle(tmp), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}
