package lsp

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// fileCache keeps what was read from disk from one state to the next.
type fileCache struct {
	mu      sync.Mutex
	parsed  map[string]cachedFile
	trees   map[string]cachedTree
	scripts manifest.Scripts
}

type cachedFile struct {
	modified time.Time
	size     int64
	file     *syntax.File
}

type cachedTree struct {
	tree *source.Tree
	made time.Time
}

// treeAge is how long a directory tree is believed. Most clients report what
// comes and goes; the others must not see stale errors for longer.
const treeAge = 2 * time.Second

func newFileCache() *fileCache {
	return &fileCache{parsed: map[string]cachedFile{}, trees: map[string]cachedTree{}}
}

// read parses a file, unless it is the one that was parsed before. A file that
// changed within the last moments may change again without a new time stamp,
// so it is not kept.
func (c *fileCache) read(path string) *syntax.File {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	c.mu.Lock()
	old, ok := c.parsed[path]
	c.mu.Unlock()
	if ok && old.modified.Equal(info.ModTime()) && old.size == info.Size() {
		return old.file
	}
	text, err := source.Disk().ReadFile(path)
	if err != nil {
		return nil
	}
	file := syntax.NewFile(path, filepath.Base(path), text)
	if time.Since(info.ModTime()) > treeAge {
		c.mu.Lock()
		c.parsed[path] = cachedFile{info.ModTime(), info.Size(), file}
		c.mu.Unlock()
	}
	return file
}

// tree is the directory tree below root.
func (c *fileCache) tree(root string) *source.Tree {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.trees[root]; ok && time.Since(t.made) < treeAge {
		return t.tree
	}
	t := source.NewTree(source.Disk(), root)
	c.trees[root] = cachedTree{t, time.Now()}
	return t
}

// forget drops what may have changed on disk.
func (c *fileCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.parsed)
	clear(c.trees)
}
