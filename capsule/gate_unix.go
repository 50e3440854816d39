//go:build unix

package capsule

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// gate is a named pipe from which a capsule reads one line before it begins.
type gate struct {
	dir, path string
	// pipe is open both ways, so that a line written before anybody reads it
	// is kept.
	pipe *os.File
	once sync.Once
}

func newGate() (*gate, error) {
	dir, err := temporary()
	if err != nil {
		return nil, err
	}
	// Whoever the capsule runs as must be able to read it. The directory keeps
	// other users of this machine out.
	path := filepath.Join(dir, "gate")
	if err = syscall.Mkfifo(path, 0o644); err == nil {
		err = os.Chmod(path, 0o644)
	}
	var pipe *os.File
	if err == nil {
		pipe, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &gate{dir: dir, path: path, pipe: pipe}, nil
}

func (g *gate) open() (err error) {
	g.once.Do(func() { _, err = g.pipe.WriteString("go\n") })
	return err
}

func (g *gate) close() {
	g.pipe.Close()
	os.RemoveAll(g.dir)
}
