package source

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// stampsIn looks at files of a directory, relative to it, which is faster than by their
// paths.
func stampsIn(dir string, files []observed, runs []run, visit func(at int, now stamp)) {
	fd, err := openDir(dir)
	if err == nil {
		defer func() { _ = unix.Close(fd) }()
	}
	for _, r := range runs {
		for at := r.from; at < r.to; at++ {
			if err != nil {
				visit(at, stamp{})
				continue
			}
			visit(at, stampAt(fd, files[at].path))
		}
	}
}

// stampAt looks at a file of an open directory.
func stampAt(dir int, path string) stamp {
	var st unix.Stat_t
	if unix.Fstatat(dir, filepath.Base(path), &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return stamp{}
	}
	if st.Mode&^0o777 == unix.S_IFREG {
		return stamp{size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(), inode: st.Ino, mode: fs.FileMode(st.Mode & 0o777)}
	}
	// Links, directories and special bits are few.
	info, err := os.Lstat(path)
	if err != nil {
		return stamp{}
	}
	return stampOf(info)
}

// changed is when what info is about last changed, in nanoseconds.
func changed(info fs.FileInfo) int64 {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return sys.Ctim.Nano()
	}
	return info.ModTime().UnixNano()
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mtime: info.ModTime().UnixNano(), mode: info.Mode()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.ctime, s.inode = sys.Ctim.Nano(), sys.Ino
	}
	if s.mode.IsDir() {
		// What is in a directory is observed by itself.
		s.size, s.mtime, s.ctime = 0, 0, 0
	}
	return s
}
