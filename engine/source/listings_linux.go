package source

import (
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// list lists a directory of the disk, its entries by name.
func (l *Listings) list(dir string) ([]entry, error) {
	var st unix.Stat_t
	if kept, ok := l.read[dir]; ok && unix.Stat(dir, &st) == nil && dirStampOf(&st) == kept.stamp {
		if entries, ok := unpack(kept.entries); ok {
			l.keep(dir, kept, false)
			return entries, nil
		}
	}
	begun := time.Now()
	fd, err := openDir(dir)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	// Before it is read: what comes or goes while it is read changes these times again.
	stamped := keepsTimes(fd) && unix.Fstat(fd, &st) == nil
	entries, whole, err := readEntries(fd, dir)
	if err != nil {
		return nil, err
	}
	sortEntries(entries)
	now := dirStampOf(&st)
	if stamped && whole && !recent(stamp{mtime: now.mtime, ctime: now.ctime}, begun.Add(-quiet)) {
		l.keep(dir, keptListing{now, pack(entries)}, true)
	}
	return entries, nil
}

func dirStampOf(st *unix.Stat_t) dirStamp {
	return dirStamp{st.Dev, st.Ino, st.Mtim.Nano(), st.Ctim.Nano()}
}

// zfsMagic is the type of OpenZFS, which is not part of Linux.
const zfsMagic = 0x2fc12fc1

// keepsTimes reports whether an open directory is on a file system that changes the times
// of a directory whenever a name in it comes or goes, and whose clock is this machine's.
// Overlays do not: the names are those of several directories, the times those of one. Nor
// is that true of encrypted directories, whose names change when the key comes or goes.
func keepsTimes(fd int) bool {
	var attributes unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &attributes) != nil || attributes.Attributes&unix.STATX_ATTR_ENCRYPTED != 0 {
		return false
	}
	var st unix.Statfs_t
	for {
		err := unix.Fstatfs(fd, &st)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false
		}
		switch uint32(st.Type) {
		case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, zfsMagic:
			return true
		}
		return false
	}
}
