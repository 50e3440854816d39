//go:build !linux

package source

import (
	"io/fs"
	"os"
)

// stampsIn looks at files of a directory.
func stampsIn(_ string, files []observed, runs []run, visit func(at int, now stamp)) {
	for _, r := range runs {
		for at := r.from; at < r.to; at++ {
			var now stamp
			if info, err := os.Lstat(files[at].path); err == nil {
				now = stampOf(info)
			}
			visit(at, now)
		}
	}
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
