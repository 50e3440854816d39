package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// FS is the file system that projects are read through. Names are absolute
// paths of the operating system. Errors satisfy errors.Is(err, fs.ErrNotExist)
// and the like.
type FS interface {
	ReadFile(name string) (string, error)
	Stat(name string) (fs.FileInfo, error)
	// ReadDir lists a directory, in no particular order.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Readlink returns what a symbolic link holds.
	Readlink(name string) (string, error)
}

// Disk is the file system of the machine.
func Disk() FS { return disk{} }

type disk struct{}

func (disk) Readlink(name string) (string, error) { return os.Readlink(name) }

func (disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

func (disk) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	return dir.ReadDir(-1)
}

// ReadFile reads into a string at once: files of several megabytes are usual,
// and a second copy costs more than parsing a tenth of them. It does not begin to read
// what may never end: a pipe, a device, or a file of a size that no text has.
func (disk) ReadFile(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	switch {
	case info.IsDir():
		err = errors.New("it is a directory")
	case !info.Mode().IsRegular():
		err = errors.New("it is not a regular file")
	case info.Size() > maxText:
		err = fmt.Errorf("it is larger than %d MiB", maxText>>20)
	}
	if err != nil {
		return "", &fs.PathError{Op: "read", Path: name, Err: err}
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	b.Grow(int(info.Size()))
	if _, err := io.Copy(&b, io.LimitReader(f, maxText)); err != nil {
		return "", err
	}
	return b.String(), nil
}

// maxText bounds the bytes that are read of a file.
const maxText = 64 << 20

// Overlay lays the texts of open editor buffers, by absolute path, over base.
// A buffer that was never saved is there as well.
func Overlay(base FS, buffers map[string]string) FS {
	return &overlay{base, buffers}
}

type overlay struct {
	FS
	buffers map[string]string
}

func (o *overlay) ReadFile(name string) (string, error) {
	if text, ok := o.buffers[filepath.Clean(name)]; ok {
		return text, nil
	}
	return o.FS.ReadFile(name)
}

func (o *overlay) Stat(name string) (fs.FileInfo, error) {
	if text, ok := o.buffers[filepath.Clean(name)]; ok {
		return bufferInfo{filepath.Base(name), int64(len(text))}, nil
	}
	return o.FS.Stat(name)
}

func (o *overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := o.FS.ReadDir(name)
	name = filepath.Clean(name)
	for path, text := range o.buffers {
		if filepath.Dir(path) != name {
			continue
		}
		base := filepath.Base(path)
		known := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == base })
		if !known {
			entries = append(entries, fs.FileInfoToDirEntry(bufferInfo{base, int64(len(text))}))
			err = nil
		}
	}
	return entries, err
}

// bufferInfo describes a file that is only in the editor.
type bufferInfo struct {
	name string
	size int64
}

func (b bufferInfo) Name() string       { return b.name }
func (b bufferInfo) Size() int64        { return b.size }
func (b bufferInfo) Mode() fs.FileMode  { return 0o644 }
func (b bufferInfo) ModTime() time.Time { return time.Time{} }
func (b bufferInfo) IsDir() bool        { return false }
func (b bufferInfo) Sys() any           { return nil }
