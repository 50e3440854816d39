//go:build !linux

package source

import (
	"io/fs"
	"os"
)

// stamps looks at the files of the directory.
func (d *observedDir) stamps(files []observed, visit func(at int, now stamp)) {
	for _, places := range d.places {
		for at := places.from; at < places.to; at++ {
			var now stamp
			if info, err := os.Lstat(files[at].path()); err == nil {
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
