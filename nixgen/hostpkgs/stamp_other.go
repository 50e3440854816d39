//go:build !linux

package hostpkgs

import (
	"os"
	"path/filepath"
)

// dirStamp tells the files of a directory that count, and their versions.
func dirStamp(dir string, counts func(name string) bool) []byte {
	b := []byte(dir)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !counts(e.Name()) {
			continue
		}
		b = append(append(b, 0), e.Name()...)
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil || info.IsDir() {
			continue // that it is there is enough
		}
		b = appendStamp(b, info.Size(), info.ModTime().UnixNano(), uint32(info.Mode()))
	}
	return b
}
