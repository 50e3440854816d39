package source

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// stamps looks at the files of the directory, relative to it, which is faster than by
// their paths.
func (d *observedDir) stamps(files []observed, visit func(at int, now stamp)) {
	fd, err := openDir(d.path)
	if err == nil {
		defer func() { _ = unix.Close(fd) }()
	}
	for _, places := range d.places {
		for at := places.from; at < places.to; at++ {
			var now stamp
			if err == nil {
				now = stampAt(fd, &files[at])
			}
			visit(at, now)
		}
	}
}

// stampAt looks at a file of an open directory.
func stampAt(dir int, f *observed) stamp {
	var st unix.Stat_t
	if unix.Fstatat(dir, f.name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return stamp{}
	}
	if st.Mode&^0o777 == unix.S_IFREG {
		return stamp{size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(), inode: st.Ino, mode: fs.FileMode(st.Mode & 0o777)}
	}
	// Links, directories and special bits are few.
	info, err := os.Lstat(f.path())
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
