package source

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// stampsIn looks at files of a directory, those at some places in paths, relative
// to it, which is faster than by their paths.
func stampsIn(dir string, paths []string, places []int) []stamp {
	stamps := make([]stamp, len(places))
	// Not os.Open, which asks four times what kind of file it is.
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return stamps
	}
	defer func() { _ = unix.Close(fd) }()
	for i, at := range places {
		path := paths[at]
		var st unix.Stat_t
		if unix.Fstatat(fd, filepath.Base(path), &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		if st.Mode&^0o777 != unix.S_IFREG {
			// Links, directories and special bits are few.
			if info, err := os.Lstat(path); err == nil {
				stamps[i] = stampOf(info)
			}
			continue
		}
		stamps[i] = stamp{size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(), inode: st.Ino, mode: fs.FileMode(st.Mode & 0o777)}
	}
	return stamps
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
