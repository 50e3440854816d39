package nix

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// A File is one of those that a directory in the store is to hold.
type File struct {
	// Name is its path below the directory, with slashes.
	Name string
	// Mode of a regular file or a symbolic link; of the permissions Nix keeps only
	// whether the owner may execute it.
	Mode fs.FileMode
	// Size of what Write writes, in bytes: the content, or the target of a link.
	Size  int64
	Write func(io.Writer) error
}

// archive writes what Nix calls a NAR, its form of a directory in one stream:
// https://nix.dev/manual/nix/latest/protocols/nix-archive. The first error stays.
type archive struct {
	w   *bufio.Writer
	err error
}

// writeArchive writes a directory of these files.
func writeArchive(w io.Writer, files []File) error {
	files = slices.Clone(files)
	// Entries of a directory are in the order of their names, so that "a/b" is before "a-b".
	slices.SortFunc(files, func(a, b File) int {
		return cmp.Compare(strings.ReplaceAll(a.Name, "/", "\x00"), strings.ReplaceAll(b.Name, "/", "\x00"))
	})
	a := &archive{w: bufio.NewWriterSize(w, 1<<16)}
	a.words("nix-archive-1")
	a.directory("", files)
	if a.err != nil {
		return a.err
	}
	return a.w.Flush()
}

// directory writes the node of a directory that holds all of the files, whose names
// begin with prefix.
func (a *archive) directory(prefix string, files []File) {
	a.words("(", "type", "directory")
	for len(files) > 0 && a.err == nil {
		name, _, isDir := strings.Cut(files[0].Name[len(prefix):], "/")
		n := 1
		if isDir {
			inside := prefix + name + "/"
			for n < len(files) && strings.HasPrefix(files[n].Name, inside) {
				n++
			}
		}
		a.words("entry", "(", "name", name, "node")
		if isDir {
			a.directory(prefix+name+"/", files[:n])
		} else {
			a.file(files[0])
		}
		a.words(")")
		files = files[n:]
	}
	a.words(")")
}

func (a *archive) file(f File) {
	switch {
	case f.Mode.IsRegular() && f.Mode&0o100 != 0:
		a.words("(", "type", "regular", "executable", "", "contents")
	case f.Mode.IsRegular():
		a.words("(", "type", "regular", "contents")
	case f.Mode&fs.ModeSymlink != 0:
		a.words("(", "type", "symlink", "target")
	default:
		a.err = cmp.Or(a.err, error(&fs.PathError{Op: "archive", Path: f.Name, Err: errors.New("it is neither a file nor a link")}))
	}
	if a.err != nil {
		return
	}
	a.length(f.Size)
	content := counting{w: a.w}
	if a.err = f.Write(&content); a.err == nil && content.n != f.Size {
		a.err = &fs.PathError{Op: "archive", Path: f.Name, Err: fmt.Errorf("%d bytes long, and not %d", content.n, f.Size)}
	}
	a.pad(f.Size)
	a.words(")")
}

func (a *archive) words(words ...string) {
	for _, word := range words {
		a.length(int64(len(word)))
		_, _ = a.w.WriteString(word) // Flush has the error
		a.pad(int64(len(word)))
	}
}

func (a *archive) length(n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	_, _ = a.w.Write(b[:])
}

// pad fills what has n bytes up to a multiple of eight.
func (a *archive) pad(n int64) {
	var zeros [8]byte
	_, _ = a.w.Write(zeros[:-n&7])
}

// counting counts what is written.
type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// sourcePath is the store path of a source of that name whose archive has a hash:
// https://nix.dev/manual/nix/latest/protocols/store-path.
func sourcePath(name string, archive [sha256.Size]byte) string {
	sum := sha256.Sum256([]byte("source:sha256:" + hex.EncodeToString(archive[:]) + ":" + storeDir + ":" + name))
	var folded [20]byte
	for i, b := range sum {
		folded[i%len(folded)] ^= b
	}
	return storeDir + "/" + base32(folded[:]) + "-" + name
}
