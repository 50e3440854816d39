package source

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Hash is the SHA-256 of what a path holds: its content and whether it may be
// executed, the target of a link, or that it is a directory.
type Hash [sha256.Size]byte

// An Index knows the hashes of files, and looks into a file again only if its
// size, times, inode or mode changed: as git's index does. A file that changed
// so shortly before it was hashed that another change might bear the same time
// is hashed again the next time.
//
// It is safe for concurrent use.
type Index struct {
	mu      sync.RWMutex
	entries map[string]*indexEntry
	changed bool
	// was has the hashes that were replaced since, nil for what was not known.
	was map[string]*Hash
}

type indexEntry struct {
	stamp stamp
	hash  Hash
	racy  bool
	seen  atomic.Bool // asked for since the index was read
}

// stamp is what the file system says of a file.
type stamp struct {
	size, mtime, ctime int64 // times in nanoseconds
	inode              uint64
	mode               fs.FileMode
}

// NewIndex returns an empty index.
func NewIndex() *Index {
	return &Index{entries: map[string]*indexEntry{}, was: map[string]*Hash{}}
}

// settled is how long a file must have been left alone when it is hashed. Time
// stamps are no finer than this on some file systems.
const settled = 20 * time.Millisecond

// coarse is the same where time stamps have whole seconds only.
const coarse = 2 * time.Second

// Of returns the hash of an absolute path. A link is not followed.
func (x *Index) Of(path string) (Hash, error) {
	hash, _, err := x.of(path)
	return hash, err
}

func (x *Index) of(path string) (Hash, stamp, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Hash{}, stamp{}, err
	}
	now := stampOf(info)
	x.mu.RLock()
	known, ok := x.trusted(path, now)
	x.mu.RUnlock()
	if ok {
		return known, now, nil
	}
	begun := time.Now()
	hash, err := hashOf(path, info)
	if err != nil {
		return Hash{}, now, err
	}
	after, err := os.Lstat(path)
	if err != nil {
		return Hash{}, now, err
	}
	e := &indexEntry{stamp: stampOf(after), hash: hash}
	e.seen.Store(true)
	e.racy = e.stamp != now || recent(e.stamp, begun)
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, replaced := x.was[path]; !replaced {
		x.was[path] = nil
		if old, known := x.entries[path]; known {
			x.was[path] = &old.hash
		}
	}
	x.entries[path], x.changed = e, true
	return hash, e.stamp, nil
}

// trusted returns the hash that is known of a path, and whether the file is still
// the one that was hashed. The index is locked.
func (x *Index) trusted(path string, now stamp) (Hash, bool) {
	e := x.entries[path]
	if e == nil {
		return Hash{}, false
	}
	e.seen.Store(true)
	return e.hash, e.stamp == now && !e.racy
}

// recent reports whether a file was changed so shortly before a moment, or
// after it by its own account, that its time stamp proves nothing.
func recent(s stamp, at time.Time) bool {
	latest := max(s.mtime, s.ctime)
	room := settled
	if latest%int64(time.Second) == 0 {
		room = coarse
	}
	return latest > at.Add(-room).UnixNano()
}

func hashOf(path string, info fs.FileInfo) (Hash, error) {
	return hashTo(io.Discard, path, info)
}

// hashTo is hashOf, and writes the content of a file, or the target of a link, to w.
func hashTo(w io.Writer, path string, info fs.FileInfo) (hash Hash, err error) {
	h := sha256.New()
	switch mode := info.Mode(); {
	case mode.IsRegular():
		kind := "file\n"
		if mode&0o100 != 0 {
			kind = "program\n"
		}
		h.Write([]byte(kind))
		f, err := os.Open(path)
		if err != nil {
			return hash, err
		}
		defer f.Close()
		b := buffers.Get().(*[]byte)
		defer buffers.Put(b)
		if _, err := io.CopyBuffer(io.MultiWriter(h, w), onlyReader{f}, *b); err != nil {
			return hash, err
		}
	case mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return hash, err
		}
		h.Write([]byte("link\n"))
		if _, err := io.WriteString(io.MultiWriter(h, w), target); err != nil {
			return hash, err
		}
	case mode.IsDir():
		h.Write([]byte("directory\n"))
	default:
		return hash, &fs.PathError{Op: "hash", Path: path, Err: errors.New("it is neither a file, a link nor a directory")}
	}
	return Hash(h.Sum(nil)), nil
}

// buffers for reading files: most are smaller than what io.Copy allocates for each.
var buffers = sync.Pool{New: func() any { return new(make([]byte, 1<<15)) }}

// onlyReader hides that a file could copy itself, which it does with a buffer of its own.
type onlyReader struct{ io.Reader }

// MarshalText writes the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return errIndex
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Before returns the hash that a path had when the index was read.
func (x *Index) Before(path string) (Hash, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if was, replaced := x.was[path]; replaced {
		if was == nil {
			return Hash{}, false
		}
		return *was, true
	}
	if e := x.entries[path]; e != nil {
		return e.hash, true
	}
	return Hash{}, false
}

// Observation is a set of files at one moment.
type Observation struct {
	paths []string
	// files are what was seen of each path; the zero stamp is what was not there.
	files []observed
	// dirs are the times at which directories last changed: what came and went
	// since may have been read.
	dirs map[string]int64
	// unsettled is set if a file changed so shortly before that a change while
	// it was read could go unnoticed.
	unsettled bool
}

// observed is a file as it was seen.
type observed struct {
	hash  Hash
	stamp stamp
}

// Observe hashes files, given as absolute clean paths, each once. What cannot be
// read has no hash.
func (x *Index) Observe(paths []string) *Observation {
	o := &Observation{paths: paths, files: make([]observed, len(paths)), dirs: map[string]int64{}}
	begun := time.Now()
	var mu sync.Mutex
	inDirs(paths, func(places []int, stamps []stamp) {
		trusted := make([]bool, len(places))
		x.mu.RLock()
		for i, at := range places {
			o.files[at].hash, trusted[i] = x.trusted(paths[at], stamps[i])
		}
		x.mu.RUnlock()
		dirs, unsettled := map[string]int64{}, false
		for i, at := range places {
			file := &o.files[at]
			if file.stamp = stamps[i]; !trusted[i] && file.stamp != (stamp{}) {
				var err error
				if file.hash, file.stamp, err = x.of(paths[at]); err != nil {
					file.stamp = stamp{}
				}
			}
			if file.stamp == (stamp{}) {
				file.hash = Hash{} // whatever it was
				continue
			}
			if file.stamp.mode.IsDir() {
				dirs[paths[at]] = changeTime(paths[at])
			}
			unsettled = unsettled || file.stamp.mode.IsRegular() && recent(file.stamp, begun)
		}
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(o.dirs, dirs)
		o.unsettled = o.unsettled || unsettled
	})
	return o
}

// inDirs looks at files, those of one directory together, several directories
// at once. visit is given places in paths, and the stamps of the files there; one
// that is not there has the zero stamp.
func inDirs(paths []string, visit func(places []int, stamps []stamp)) {
	byDir := map[string]*[]int{}
	var last string // files of a directory follow each other, mostly
	var places *[]int
	for i, path := range paths {
		dir := path[:len(path)-len(filepath.Base(path))]
		if places == nil || dir != last {
			if last, places = dir, byDir[dir]; places == nil {
				places = new([]int)
				byDir[dir] = places
			}
		}
		*places = append(*places, i)
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
				places := *byDir[dir]
				visit(places, stampsIn(dir, paths, places))
			}
		})
	}
	workers.Wait()
}

var workersOf = 2 * runtime.GOMAXPROCS(0)

// Hash of the file whose path is at that place among those that were observed.
func (o *Observation) Hash(place int) (Hash, bool) {
	file := &o.files[place]
	return file.hash, file.stamp != stamp{}
}

// Size of the file at that place among those that were observed, in bytes; of a link,
// that of its target.
func (o *Observation) Size(place int) int64 { return o.files[place].stamp.size }

// Mode of the file at that place among those that were observed.
func (o *Observation) Mode(place int) fs.FileMode { return o.files[place].stamp.mode }

// Write writes the content of the file at that place among those that were observed, or
// the target of a link. It is an error if that is another one by now, or a directory.
func (o *Observation) Write(w io.Writer, place int) error {
	path, file := o.paths[place], &o.files[place]
	if file.stamp.mode.IsDir() {
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
	if hash != file.hash {
		return &fs.PathError{Op: "read", Path: path, Err: errors.New("it has changed")}
	}
	return nil
}

// Holds reports whether the files are still those that were observed, and were
// all the time since.
func (o *Observation) Holds() bool {
	if o.unsettled {
		return false
	}
	var changed atomic.Bool
	inDirs(o.paths, func(places []int, stamps []stamp) {
		for i, at := range places {
			if stamps[i] != o.files[at].stamp {
				changed.Store(true)
			}
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

// Len is how many paths the index knows.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.entries)
}

// Changed reports whether the index knows more than when it was read.
func (x *Index) Changed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.changed
}

// AppendTo appends the index to a buffer: the paths that were asked for since
// it was read. Others are forgotten.
func (x *Index) AppendTo(b []byte) []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	count := 0
	for _, e := range x.entries {
		if e.seen.Load() {
			count++
		}
	}
	b = binary.AppendUvarint(b, uint64(count))
	for path, e := range x.entries {
		if !e.seen.Load() {
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(path)))
		b = append(b, path...)
		for _, n := range []int64{e.stamp.size, e.stamp.mtime, e.stamp.ctime, int64(e.stamp.inode), int64(e.stamp.mode)} {
			b = binary.AppendVarint(b, n)
		}
		racy := byte(0)
		if e.racy {
			racy = 1
		}
		b = append(b, racy)
		b = append(b, e.hash[:]...)
	}
	return b
}

var errIndex = errors.New("the index is damaged")

// ReadIndex reads what AppendTo wrote, and returns the rest of the buffer.
func ReadIndex(b []byte) (*Index, []byte, error) {
	x := NewIndex()
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)/sha256.Size) {
		return nil, nil, errIndex
	}
	b = b[n:]
	x.entries = make(map[string]*indexEntry, count)
	text := string(b) // which all paths are parts of
	slab := make([]indexEntry, count)
	for i := range count {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return nil, nil, errIndex
		}
		at := len(text) - len(b) + n
		path := text[at : at+int(length)]
		b = b[n+int(length):]
		var fields [5]int64
		for i := range fields {
			value, n := binary.Varint(b)
			if n <= 0 {
				return nil, nil, errIndex
			}
			fields[i], b = value, b[n:]
		}
		if len(b) < 1+sha256.Size {
			return nil, nil, errIndex
		}
		e := &slab[i]
		e.racy, e.stamp = b[0] != 0, stamp{fields[0], fields[1], fields[2], uint64(fields[3]), fs.FileMode(fields[4])}
		copy(e.hash[:], b[1:])
		x.entries[path] = e
		b = b[1+sha256.Size:]
	}
	return x, b, nil
}

// Everything lists what is below a directory, directories and links too, as
// absolute paths in order, but for the names that a derivation's whole tree
// leaves out.
func Everything(root string) []string {
	var out []string
	var visit func(dir string)
	visit = func(dir string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return
		}
		for _, e := range entries {
			if slices.Contains(DefaultIgnored, e.Name()) {
				continue
			}
			path := filepath.Join(dir, e.Name())
			out = append(out, path)
			if e.IsDir() {
				visit(path)
			}
		}
	}
	visit(root)
	return out
}
