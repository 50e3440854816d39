//go:build !linux

package source

import (
	"io/fs"
	"os"
)

// stampsIn looks at files of a directory, those at some places in paths.
func stampsIn(_ string, paths []string, places []int) []stamp {
	stamps := make([]stamp, len(places))
	for i, at := range places {
		if info, err := os.Lstat(paths[at]); err == nil {
			stamps[i] = stampOf(info)
		}
	}
	return stamps
}

// changed is when what info is about last changed, in nanoseconds.
func changed(info fs.FileInfo) int64 { return info.ModTime().UnixNano() }

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mtime: info.ModTime().UnixNano(), mode: info.Mode()}
	if s.mode.IsDir() {
		// What is in a directory is observed by itself.
		s.size, s.mtime = 0, 0
	}
	return s
}
