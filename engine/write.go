package engine

import (
	"errors"
	"os"
	"path/filepath"
)

// writeAtomic replaces a file, or what a link leads to, in one step: whoever
// reads it sees the old text or the new one. The file keeps its permissions.
func writeAtomic(file, text string) error {
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
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}
