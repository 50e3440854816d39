package source

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Observation is a set of files at one moment: they are added, then looked at
// together. Each has a place, which is how it is named from then on.
type Observation struct {
	index *Index
	files []observed
	// unknown are the places of files that the index did not know.
	unknown map[string]int
	name    []byte // of the file that is being added
	// dirs are the times at which directories last changed: what came and went
	// since may have been read.
	dirs map[string]int64
	// unsettled is set if a file changed so shortly before that a change while
	// it was read could go unnoticed.
	unsettled atomic.Bool
}

// observed is a file as it was seen.
type observed struct {
	path string
	// entry is nil for what is not there, or cannot be read.
	entry *indexEntry
}

// NewObservation returns one without files, with room for as many as are known.
func (x *Index) NewObservation() *Observation {
	return &Observation{index: x, files: make([]observed, 0, x.Len()), unknown: map[string]int{}, dirs: map[string]int64{}}
}

// Add adds files that were not added before, by what their absolute clean paths begin
// with and names with forward slashes that follow it. It appends the places of all of
// them to a list.
func (o *Observation) Add(to []int, root string, names []string) []int {
	o.index.mu.Lock() // the places of entries are written
	defer o.index.mu.Unlock()
	for _, name := range names {
		o.name = append(append(o.name[:0], root...), filepath.FromSlash(name)...)
		to = append(to, o.add())
	}
	return to
}

func (o *Observation) add() int {
	at := len(o.files)
	if e := o.index.entries[string(o.name)]; e != nil {
		if e.place < at && o.files[e.place].entry == e {
			return e.place
		}
		e.place = at
		o.files = append(o.files, observed{e.path, e})
		return at
	}
	if known, ok := o.unknown[string(o.name)]; ok {
		return known
	}
	path := string(o.name)
	o.unknown[path] = at
	o.files = append(o.files, observed{path: path})
	return at
}

// Observe hashes all files that were added. What cannot be read has no hash.
func (o *Observation) Observe() {
	begun := time.Now()
	var mu sync.Mutex
	o.inDirs(func(at int, now stamp) {
		file := &o.files[at]
		known := file.entry
		if file.entry = nil; known != nil {
			known.seen.Store(true)
		}
		switch {
		case now == stamp{}:
			return
		case known != nil && known.proves(now):
			file.entry = known
		default:
			e, err := o.index.of(file.path)
			if err != nil {
				return
			}
			file.entry = e
		}
		switch mode := file.entry.stamp.mode; {
		case mode.IsRegular() && recent(file.entry.stamp, begun):
			o.unsettled.Store(true)
		case mode.IsDir():
			changed := changeTime(file.path)
			mu.Lock()
			defer mu.Unlock()
			o.dirs[file.path] = changed
		}
	})
}

// run is a part of the files that lies in one directory.
type run struct{ from, to int }

// inDirs looks at all files, those of one directory together, several directories at
// once. visit is given the place and the stamp of each; one that is not there has the
// zero stamp.
func (o *Observation) inDirs(visit func(at int, now stamp)) {
	byDir := map[string][]run{}
	var last string // files of a directory follow each other, mostly
	begin := 0
	for i, file := range o.files {
		dir := file.path[:len(file.path)-len(filepath.Base(file.path))]
		if dir != last {
			if i > 0 {
				byDir[last] = append(byDir[last], run{begin, i})
			}
			last, begin = dir, i
		}
	}
	if len(o.files) > 0 {
		byDir[last] = append(byDir[last], run{begin, len(o.files)})
	}
	dirs := make(chan string, len(byDir))
	for dir := range byDir {
		dirs <- dir
	}
	close(dirs)
	var workers sync.WaitGroup
	for range min(workersOf, len(byDir)) {
		workers.Go(func() {
			for dir := range dirs {
				stampsIn(dir, o.files, byDir[dir], visit)
			}
		})
	}
	workers.Wait()
}

var workersOf = 2 * runtime.GOMAXPROCS(0)

// Paths are the absolute paths of all files, by their places. It may be used during
// Observe.
func (o *Observation) Paths(yield func(string) bool) {
	for i := range o.files {
		if !yield(o.files[i].path) {
			return
		}
	}
}

// Path is the absolute path of the file at a place.
func (o *Observation) Path(place int) string { return o.files[place].path }

// Hash of the file at a place; false if it could not be read.
func (o *Observation) Hash(place int) (Hash, bool) {
	if e := o.files[place].entry; e != nil {
		return e.hash, true
	}
	return Hash{}, false
}

// Size of the file at a place, in bytes; of a link, that of its target.
func (o *Observation) Size(place int) int64 { return o.stamp(place).size }

// Mode of the file at a place.
func (o *Observation) Mode(place int) fs.FileMode { return o.stamp(place).mode }

// stamp is the zero stamp for what could not be read.
func (o *Observation) stamp(place int) stamp {
	if e := o.files[place].entry; e != nil {
		return e.stamp
	}
	return stamp{}
}

// Write writes the content of the file at a place, or the target of a link. It is an
// error if that is another one by now, or a directory.
func (o *Observation) Write(w io.Writer, place int) error {
	path := o.files[place].path
	want, ok := o.Hash(place)
	if !ok || o.Mode(place).IsDir() {
		return &fs.PathError{Op: "read", Path: path, Err: errors.New("it is neither a file nor a link")}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	hash, err := hashTo(w, path, info)
	if err != nil {
		return err
	}
	if hash != want {
		return &fs.PathError{Op: "read", Path: path, Err: errors.New("it has changed")}
	}
	return nil
}

// Holds reports whether the files are still those that were observed, and were
// all the time since.
func (o *Observation) Holds() bool {
	if o.unsettled.Load() {
		return false
	}
	var changed atomic.Bool
	o.inDirs(func(at int, now stamp) {
		if now != o.stamp(at) {
			changed.Store(true)
		}
	})
	if changed.Load() {
		return false
	}
	for path, at := range o.dirs {
		if changeTime(path) != at {
			return false
		}
	}
	return true
}

// changeTime is when a file or directory last changed, 0 if it is not there.
func changeTime(path string) int64 {
	info, err := os.Lstat(path)
	if err != nil {
		return 0
	}
	return changed(info)
}
