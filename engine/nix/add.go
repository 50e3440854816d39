package nix

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

const storeDir = "/nix/store"

const (
	// waitingBytes are what archives that wait to be added may take. They are in memory
	// where there is a place, which containers have 64 MiB of.
	waitingBytes = 32 << 20
	// perFile is about what an archive needs for a file beside its content.
	perFile = 512
	// mostAdders are the processes that add at the same time. They take turns where
	// they write to Nix's database.
	mostAdders = 4
)

// AddSources adds directories to the store, each of the given files and named "source",
// and returns their store paths: the same that `builtins.path` has for them. Those
// that cannot be added have none.
//
// Nix takes several times as long to add a directory while it evaluates: it does one
// after the other, and asks for each file around whether it belongs to it.
func (n *Nix) AddSources(ctx context.Context, sources [][]File) []string {
	paths := make([]string, len(sources))
	if n.store != "" && !n.farStore() {
		return paths
	}
	dir, err := momentaryDir(inMemory())
	if err != nil {
		return paths
	}
	defer os.RemoveAll(dir)
	adders := int64(min(runtime.GOMAXPROCS(0), mostAdders))
	a := sourceAdder{n: n, sources: sources, paths: paths, most: waitingBytes / adders}
	total := int64(0)
	for _, files := range sources {
		total += archiveBytes(files)
	}
	rounds := (total + waitingBytes - 1) / waitingBytes
	a.room = (total + rounds*adders - 1) / max(rounds*adders, 1)
	var working sync.WaitGroup
	for adder := range adders {
		working.Go(func() {
			for load := 0; ctx.Err() == nil; load++ {
				c, err := newSourceCache(filepath.Join(dir, fmt.Sprintf("%d-%d", adder, load)))
				if err != nil || !a.addLoad(ctx, c) {
					return
				}
			}
		})
	}
	working.Wait()
	return paths
}

// archiveBytes is about how long the archive of these files is.
func archiveBytes(files []File) int64 {
	bytes := int64(0)
	for _, f := range files {
		bytes += perFile + f.Size
	}
	return bytes
}

// sourceAdder adds sources load by load, from several goroutines.
type sourceAdder struct {
	n       *Nix
	sources [][]File
	next    atomic.Int64 // the first of sources that nobody has taken
	// paths are the store paths of sources. Each is written by whoever took it.
	paths []string
	room  int64 // bytes of a load
	most  int64 // bytes of one archive
}

// addLoad archives sources into a cache until it is full, adds them and removes the
// cache. It returns false if nothing is left.
func (a *sourceAdder) addLoad(ctx context.Context, c sourceCache) bool {
	defer os.RemoveAll(c.dir)
	added, left := map[int]string{}, a.room
	for left > 0 {
		i := int(a.next.Add(1)) - 1
		if i >= len(a.sources) {
			break
		}
		bytes := archiveBytes(a.sources[i])
		if bytes > a.most {
			continue
		}
		left -= bytes
		path, err := c.archive(a.sources[i])
		if err != nil {
			continue
		}
		if a.paths[i] = path; !Registered(path) {
			added[i] = path
		}
	}
	if a.n.addAll(ctx, c, slices.Collect(maps.Values(added))) != nil {
		for i := range added {
			a.paths[i] = ""
		}
	}
	return left < a.room
}

// addAll adds paths that are in a cache.
func (n *Nix) addAll(ctx context.Context, c sourceCache, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	return n.run(ctx, io.Discard, io.Discard, append([]string{"copy", "--from", "file://" + c.dir}, paths...)...)
}

// sourceCache is a binary cache with sources only. What it says of them proves itself,
// so that nothing is signed:
// https://nix.dev/manual/nix/latest/store/types/local-binary-cache-store.
type sourceCache struct{ dir string }

func newSourceCache(dir string) (sourceCache, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return sourceCache{}, err
	}
	return sourceCache{dir}, os.WriteFile(filepath.Join(dir, "nix-cache-info"), []byte("StoreDir: "+storeDir+"\n"), 0o600)
}

// archive puts a directory of these files into the cache and returns its store path.
func (c sourceCache) archive(files []File) (string, error) {
	archive, err := os.CreateTemp(c.dir, "*.nar")
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	written := counting{w: io.MultiWriter(archive, hash)}
	err = writeArchive(&written, files)
	if closed := archive.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(archive.Name())
		return "", err
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	to := sourcePath("source", sum)
	var info bytes.Buffer
	fmt.Fprintf(&info, "StorePath: %s\nURL: %s\nCompression: none\n", to, filepath.Base(archive.Name()))
	fmt.Fprintf(&info, "NarHash: sha256:%[1]s\nNarSize: %d\nReferences: \nCA: fixed:r:sha256:%[1]s\n", base32(sum[:]), written.n)
	name, _, _ := strings.Cut(path.Base(to), "-")
	return to, os.WriteFile(filepath.Join(c.dir, name+".narinfo"), info.Bytes(), 0o600)
}
