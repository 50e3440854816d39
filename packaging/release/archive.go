package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"path"
	"slices"
	"strings"
	"time"
)

// tarGzip packs files, and the directories that they are in, as if root had
// written them at that time.
func tarGzip(files []file, when time.Time) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	header := func(name string, mode int64, kind byte, size int) error {
		return t.WriteHeader(&tar.Header{
			Typeflag: kind, Name: name, Mode: mode, Size: int64(size), ModTime: when,
			Uname: "root", Gname: "root", Format: tar.FormatGNU,
		})
	}
	for _, dir := range directories(files) {
		if err := header(dir+"/", 0o755, tar.TypeDir, 0); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		err := header(f.name, f.mode, tar.TypeReg, len(f.data))
		if err == nil {
			_, err = t.Write(f.data)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// directories lists those that files are in, the outer ones first.
func directories(files []file) []string {
	var out []string
	for _, f := range files {
		for dir := path.Dir(f.name); dir != "." && !slices.Contains(out, dir); dir = path.Dir(dir) {
			out = append(out, dir)
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out
}

// zipped packs files for Windows.
func zipped(files []file, when time.Time) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: when}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(f.data)
		}
		if err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}
