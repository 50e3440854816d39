package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// list is what [disk.ReadDir] finds, in no particular order. It does without a file and
// an object for each name, which take longer than reading the directory.
func (d disk) list(name string) ([]entry, error) {
	fd, err := openDir(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	entries, _, err := readEntries(fd, name)
	return entries, err
}

// readEntries reads an open directory. They are not whole if it cannot be told what some
// name is, which is left out then.
func readEntries(fd int, name string) (entries []entry, whole bool, err error) {
	buffer := dirBuffers.Get().(*[]byte)
	defer dirBuffers.Put(buffer)
	whole = true
	for {
		n, err := unix.Getdents(fd, *buffer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, false, &fs.PathError{Op: "read", Path: name, Err: err}
		case n == 0:
			return entries, whole, nil
		}
		var all bool
		entries, all = appendEntries(entries, name, (*buffer)[:n])
		whole = whole && all
	}
}

// openDir is without what os.Open does: it asks four times what kind of file it is.
func openDir(name string) (fd int, err error) {
	for {
		// Some file systems are interrupted while they open.
		if fd, err = unix.Open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

var dirBuffers = sync.Pool{New: func() any { return new(make([]byte, 1<<15)) }}

// Where the fields of a linux_dirent64 are, behind its inode, which is 0 for what is
// gone: its length, type and name; see getdents(2).
const (
	direntLength = 16
	direntType   = 18
	direntName   = 19
)

// appendEntries appends what getdents(2) wrote about a directory; not whole as readEntries
// has it.
func appendEntries(entries []entry, dir string, b []byte) (_ []entry, whole bool) {
	whole = true
	const usual = 32 // of an entry with a name of a dozen letters
	entries = slices.Grow(entries, len(b)/usual)
	text := string(b) // which all names are parts of
	for len(b) > direntName {
		length := min(max(int(binary.NativeEndian.Uint16(b[direntLength:])), direntName), len(b))
		end := bytes.IndexByte(b[direntName:length], 0)
		if end < 0 {
			end = length - direntName
		}
		e := entry{name: text[direntName : direntName+end]}
		kind, gone := b[direntType], binary.NativeEndian.Uint64(b) == 0
		b, text = b[length:], text[length:]
		switch kind {
		case unix.DT_DIR:
			e.dir = true
		case unix.DT_LNK:
			e.link = true
		case unix.DT_UNKNOWN: // some file systems do not say
			info, err := os.Lstat(filepath.Join(dir, e.name))
			if err != nil {
				whole = false
				continue
			}
			e.dir, e.link = info.IsDir(), info.Mode()&fs.ModeSymlink != 0
		}
		if e.name != "." && e.name != ".." && !gone {
			entries = append(entries, e)
		}
	}
	return entries, whole
}
