package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/source"
)

// Nix copies the sources of a target to the store each time it evaluates it, and
// looks at whatever lies beside them. For hundreds of targets that takes longer than
// all the rest, so that what was copied is remembered by its content, and Nix is
// told where it is (`rigxSource` in evaluate.nix). Of what is new, if there is much of
// it, Nix gets copies that it need not look for.

// knownSources are the sets of source files of some targets.
type knownSources struct {
	// paths are those that are in the store as they are, by [nix.SourceKey].
	paths map[string]string
	// contents are all of them, by the same key.
	contents map[string]source.Hash
	copied   map[string]string // by the evaluation
	// unknown are those that are not in paths.
	unknown map[string]*manifest.UnitFiles
	prints  *fingerprints
}

// manySources are so many new sets that it takes longer to look for each among all
// files of the project than to copy them all twice. Tests change it.
var manySources = 32

const (
	// fewFiles and fewBytes are those of a set that is copied twice.
	fewFiles, fewBytes = 16, 1 << 20
	// spareBytes are what all of them may take: they are in memory, where there is a place.
	spareBytes = 32 << 20
)

// sources tells which sets of source files are in the store already, of those that
// something selected consists of.
func (f *fingerprints) sources(selected []Selected) *knownSources {
	k := &knownSources{paths: map[string]string{}, contents: map[string]source.Hash{}, copied: map[string]string{}, unknown: map[string]*manifest.UnitFiles{}, prints: f}
	if f.observed == nil {
		return k
	}
	for _, t := range f.w.reached(selected) {
		for _, u := range t.Units() {
			if files := f.w.Files.Of(u); files != nil && !files.Src.Whole {
				k.add(files)
			}
		}
	}
	return k
}

func (k *knownSources) add(files *manifest.UnitFiles) {
	f := k.prints
	h := f.newHash()
	for _, at := range f.sets[files][:len(files.Src.Files)] { // others follow
		if !f.write(h, at) {
			return
		}
	}
	key, content := nix.SourceKey(files.Src.Files), source.Hash(h.Sum(nil))
	k.contents[key] = content
	if path := f.st.known.Sources[content]; path != "" && nix.Registered(path) {
		k.paths[key] = path
		return
	}
	k.unknown[key] = files
}

// copy copies small sets of files that are not in the store, each to a directory of its own
// below one, and returns those directories.
func (k *knownSources) copy(below string) map[string]string {
	keys := k.small()
	if len(keys) < manySources || k.prints.folders != "" {
		return nil
	}
	copies := make(map[string]string, len(keys))
	var next atomic.Int64
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(keys); i = int(next.Add(1)) - 1 {
				dir := filepath.Join(below, strconv.Itoa(i))
				if k.copySet(dir, k.unknown[keys[i]]) != nil {
					os.RemoveAll(dir) // Nix finds them by itself, and says what is wrong
					continue
				}
				mu.Lock()
				copies[keys[i]] = dir
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return copies
}

// small lists unknown sets of few small files, as long as there is room for them.
func (k *knownSources) small() (keys []string) {
	room := int64(spareBytes)
	for key, files := range k.unknown {
		var size int64
		for _, at := range k.prints.sets[files][:len(files.Src.Files)] {
			size += k.prints.observed.Size(at)
		}
		if n := len(files.Src.Files); n > 0 && n <= fewFiles && size <= min(fewBytes, room) {
			keys, room = append(keys, key), room-size
		}
	}
	return keys
}

func (k *knownSources) copySet(dir string, files *manifest.UnitFiles) error {
	names, places := files.Src.Files, k.prints.sets[files]
	for i, name := range names {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := k.prints.observed.Copy(places[i], to); err != nil {
			return err
		}
	}
	return nil
}

// remember adds what was copied, if it held still meanwhile.
func (k *knownSources) remember(st *buildState, held bool) {
	for key, path := range k.copied {
		if content, ok := k.contents[key]; ok && held {
			st.known.Sources[content] = path
		}
	}
}
