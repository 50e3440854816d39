package source

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
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
	dirs  map[string]*observedDir // by path
	// times are those at which directories that were added last changed: what came and
	// went since may have been read.
	times map[string]int64
	// unsettled is set if a file changed so shortly before that a change while
	// it was read could go unnoticed.
	unsettled atomic.Bool
}

// observed is a file as it was seen.
type observed struct {
	dir  *observedDir
	name string
	// entry is nil for what is not there, or cannot be read.
	entry *indexEntry
}

func (f *observed) path() string { return f.dir.path + f.name }

// observedDir is a directory with files that were added.
type observedDir struct {
	path string // with a separator at the end
	// known is nil if the index knew nothing of it.
	known *indexDir
	// next is where the index has the name that is expected next: they are added in order,
	// mostly.
	next int
	// unknown are the places of files that the index did not know.
	unknown map[string]int
	places  []span
}

// span is a part of the files, all of one directory.
type span struct{ from, to int }

// NewObservation returns one without files, with room for as many as are known.
func (x *Index) NewObservation() *Observation {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return &Observation{index: x, files: make([]observed, 0, x.read), dirs: make(map[string]*observedDir, len(x.dirs)), times: map[string]int64{}}
}

// Add adds files that were not added before, by what their absolute clean paths begin
// with and names with forward slashes that follow it. It appends the places of all of
// them to a list.
func (o *Observation) Add(to []int, root string, names []string) []int {
	o.index.mu.Lock() // the places of entries are written
	defer o.index.mu.Unlock()
	var dir *observedDir
	var last string // what the name began with that was in dir
	for _, name := range names {
		within, base := cutName(filepath.FromSlash(name))
		if dir == nil || within != last {
			dir, last = o.dir(root+within), within
		}
		to = append(to, o.add(dir, base))
	}
	return to
}

func (o *Observation) dir(path string) *observedDir {
	d := o.dirs[path]
	if d == nil {
		d = &observedDir{path: path, known: o.index.dirs[path]}
		o.dirs[path] = d
	}
	return d
}

func (o *Observation) add(d *observedDir, name string) int {
	at := len(o.files)
	e := d.entry(name)
	if e != nil {
		if place := int(e.place); place < at && o.files[place].entry == e {
			return place
		}
		e.place, name = int32(at), e.name
	} else {
		if known, ok := d.unknown[name]; ok {
			return known
		}
		if d.unknown == nil {
			d.unknown = map[string]int{}
		}
		d.unknown[name] = at
	}
	o.files = append(o.files, observed{d, name, e})
	if n := len(d.places); n > 0 && d.places[n-1].to == at {
		d.places[n-1].to++
	} else {
		d.places = append(d.places, span{at, at + 1})
	}
	return at
}

// entry is what the index knows of a file.
func (d *observedDir) entry(name string) *indexEntry {
	if d.known == nil {
		return nil
	}
	if read := d.known.read; len(d.known.found) == 0 && d.next < len(read) && read[d.next].name == name {
		d.next++
		return &read[d.next-1]
	}
	return d.known.entry(name)
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
			e, err := o.index.of(file.path())
			if err != nil {
				return
			}
			file.entry, now = e, e.stamp()
		}
		switch mode := now.mode; {
		case mode.IsRegular() && recent(now, begun):
			o.unsettled.Store(true)
		case mode.IsDir():
			path := file.path()
			changed := changeTime(path)
			mu.Lock()
			defer mu.Unlock()
			o.times[path] = changed
		}
	})
}

// inDirs looks at all files, those of one directory together, several directories at
// once. visit is given the place and the stamp of each; one that is not there has the
// zero stamp.
func (o *Observation) inDirs(visit func(at int, now stamp)) {
	dirs := make(chan *observedDir, len(o.dirs))
	for _, dir := range o.dirs {
		dirs <- dir
	}
	close(dirs)
	var workers sync.WaitGroup
	for range min(workersOf, len(o.dirs)) {
		workers.Go(func() {
			for dir := range dirs {
				dir.stamps(o.files, visit)
			}
		})
	}
	workers.Wait()
}

var workersOf = 2 * runtime.GOMAXPROCS(0)

// Dirs are the absolute paths of the directories that files are in, each with a separator
// at its end. It may be used during Observe.
func (o *Observation) Dirs() iter.Seq[string] { return maps.Keys(o.dirs) }

// Path is the absolute path of the file at a place.
func (o *Observation) Path(place int) string { return o.files[place].path() }

// AppendPath appends the absolute path of the file at a place.
func (o *Observation) AppendPath(b []byte, place int) []byte {
	f := &o.files[place]
	return append(append(b, f.dir.path...), f.name...)
}

// Hash of the file at a place; false if it could not be read.
func (o *Observation) Hash(place int) (Hash, bool) {
	if e := o.files[place].entry; e != nil {
		return e.hash(), true
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
		return e.stamp()
	}
	return stamp{}
}

// Write writes the content of the file at a place, or the target of a link. It is an
// error if that is another one by now, or a directory.
func (o *Observation) Write(w io.Writer, place int) error {
	path := o.Path(place)
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
	for path, at := range o.times {
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
