package source

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
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
	dirs    map[string]*indexDir // by path, which ends with a separator
	read    int                  // how many paths were read
	changed bool
}

// indexDir is what is known of the files in a directory.
type indexDir struct {
	// read are those that were read, in the order of their names.
	read []indexEntry
	// found are those that were looked into since, by name, instead or in addition.
	found map[string]*indexEntry
}

// indexEntry is what is known of a file. It does not change, but for the last fields.
type indexEntry struct {
	name string // in its directory
	*record
	seen  atomic.Bool // asked for since the index was read
	place int32       // in the observation that it was last added to
}

// entry is nil for a name that is not known.
func (d *indexDir) entry(name string) *indexEntry {
	if d == nil {
		return nil
	}
	if e := d.found[name]; e != nil {
		return e
	}
	return d.before(name)
}

// before is what was known when the index was read.
func (d *indexDir) before(name string) *indexEntry {
	if at, ok := sort.Find(len(d.read), func(i int) int { return strings.Compare(name, d.read[i].name) }); ok {
		return &d.read[at]
	}
	return nil
}

// cutName is the directory of a path, with the separator, and the name in it.
func cutName(path string) (dir, name string) {
	cut := strings.LastIndexByte(path, filepath.Separator) + 1
	return path[:cut], path[cut:]
}

// proves reports whether a file with that stamp still is the one that was hashed.
func (e *indexEntry) proves(now stamp) bool { return e.stamp() == now && !e.racy() }

// stamp is what the file system says of a file.
type stamp struct {
	size, mtime, ctime int64 // times in nanoseconds
	inode              uint64
	mode               fs.FileMode
}

// NewIndex returns an empty index.
func NewIndex() *Index {
	return &Index{dirs: map[string]*indexDir{}}
}

// settled is how long a file must have been left alone when it is hashed. Time
// stamps are no finer than this on some file systems.
const settled = 20 * time.Millisecond

// coarse is the same where time stamps have whole seconds only.
const coarse = 2 * time.Second

// Of returns the hash of an absolute path. A link is not followed.
func (x *Index) Of(path string) (Hash, error) {
	e, err := x.of(path)
	if err != nil {
		return Hash{}, err
	}
	return e.hash(), nil
}

func (x *Index) of(path string) (*indexEntry, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	now := stampOf(info)
	dir, name := cutName(path)
	x.mu.RLock()
	known := x.dirs[dir].entry(name)
	x.mu.RUnlock()
	if known != nil {
		known.seen.Store(true)
		if known.proves(now) {
			return known, nil
		}
	}
	begun := time.Now()
	hash, err := hashOf(path, info)
	if err != nil {
		return nil, err
	}
	after, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	then := stampOf(after)
	e := &indexEntry{name: name, record: newRecord(then, then != now || recent(then, begun), hash)}
	e.seen.Store(true)
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.dirs[dir]
	if d == nil {
		d = &indexDir{}
		x.dirs[dir] = d
	}
	if d.found == nil {
		d.found = map[string]*indexEntry{}
	}
	d.found[name], x.changed = e, true
	return e, nil
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

// Identity is what tells a file from what is put in its place, even if that has the
// same content; "" if it is not there.
func Identity(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%+v", stampOf(info))
}

// Before returns the hash that a path had when the index was read.
func (x *Index) Before(path string) (Hash, bool) {
	dir, name := cutName(path)
	x.mu.RLock()
	defer x.mu.RUnlock()
	if d := x.dirs[dir]; d != nil {
		if e := d.before(name); e != nil {
			return e.hash(), true
		}
	}
	return Hash{}, false
}

// Changed reports whether the index knows more than when it was read.
func (x *Index) Changed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.changed
}

// oldest is how often an index is written with a path that nobody asks for: other
// targets may need it, or nobody does any more.
const oldest = 32

// AppendTo appends the index to a buffer, its paths in order. Those that were not asked
// for in a long time are forgotten.
func (x *Index) AppendTo(b []byte) []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	type directory struct {
		path string
		kept []*indexEntry
	}
	var dirs []directory
	entries, text := 0, 0
	for path, d := range x.dirs {
		kept := d.kept()
		if len(kept) == 0 {
			continue
		}
		dirs = append(dirs, directory{path, kept})
		entries += len(kept)
		text += len(path)
		for _, e := range kept {
			text += len(e.name)
		}
	}
	slices.SortFunc(dirs, func(a, b directory) int { return strings.Compare(a.path, b.path) })
	b = slices.Grow(b, text+entries*(recordSize+1)+len(dirs)*4)
	for _, n := range [...]int{len(dirs), entries, text} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for _, dir := range dirs {
		b = append(b, dir.path...)
		for _, e := range dir.kept {
			b = append(b, e.name...)
		}
	}
	for _, dir := range dirs {
		b = binary.AppendUvarint(b, uint64(len(dir.path)))
		b = binary.AppendUvarint(b, uint64(len(dir.kept)))
		for _, e := range dir.kept {
			b = e.appendTo(b)
		}
	}
	return b
}

// kept are the entries that are worth writing, by name.
func (d *indexDir) kept() []*indexEntry {
	kept := make([]*indexEntry, 0, len(d.read)+len(d.found))
	keep := func(e *indexEntry) {
		if e.seen.Load() || e.age() < oldest {
			kept = append(kept, e)
		}
	}
	for i := range d.read {
		if e := &d.read[i]; d.found[e.name] == nil {
			keep(e)
		}
	}
	for _, e := range d.found {
		keep(e)
	}
	slices.SortFunc(kept, func(a, b *indexEntry) int { return strings.Compare(a.name, b.name) })
	return kept
}

// appendTo writes the length of the name, and the record.
func (e *indexEntry) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(e.name)))
	written := *e.record
	written[recordAge]++
	if e.seen.Load() {
		written[recordAge] = 0
	}
	return append(b, written[:]...)
}

// record is what is known of a file, as it is written: there are many, of which few change,
// so that they are used as they were read.
type record [recordSize]byte

// Where the parts of a record are, behind the stamp: whether a change could have gone
// unnoticed, how often the index was written since the file was last asked for, the hash.
const (
	stampFields = 5
	recordRacy  = stampFields * 8
	recordAge   = recordRacy + 1
	recordHash  = recordAge + 1
	recordSize  = recordHash + sha256.Size
)

func newRecord(s stamp, racy bool, hash Hash) *record {
	r := &record{}
	for i, n := range [stampFields]int64{s.size, s.mtime, s.ctime, int64(s.inode), int64(s.mode)} {
		binary.LittleEndian.PutUint64(r[8*i:], uint64(n))
	}
	if racy {
		r[recordRacy] = 1
	}
	copy(r[recordHash:], hash[:])
	return r
}

func (r *record) stamp() stamp {
	field := func(i int) uint64 { return binary.LittleEndian.Uint64(r[8*i:]) }
	return stamp{int64(field(0)), int64(field(1)), int64(field(2)), field(3), fs.FileMode(field(4))}
}

func (r *record) racy() bool { return r[recordRacy] != 0 }

func (r *record) age() byte { return r[recordAge] }

func (r *record) hash() Hash { return Hash(r[recordHash:]) }

var errIndex = errors.New("the index is damaged")

// ReadIndex reads what AppendTo wrote, and returns the rest of the buffer, which must not be
// changed afterwards.
func ReadIndex(b []byte) (*Index, []byte, error) {
	count := func(size int) (n int, ok bool) {
		n, b, ok = readCount(b, size)
		return n, ok
	}
	dirs, ok1 := count(2)
	entries, ok2 := count(1 + recordSize)
	length, ok3 := count(1)
	if !ok1 || !ok2 || !ok3 {
		return nil, nil, errIndex
	}
	text := string(b[:length]) // which all paths and names are parts of
	b = b[length:]
	x := &Index{dirs: make(map[string]*indexDir, dirs), read: entries}
	rest, headers := make([]indexEntry, entries), make([]indexDir, dirs)
	for i := range headers {
		length, ok1 := count(1)
		n, ok2 := count(1 + recordSize)
		if !ok1 || !ok2 || length > len(text) || n > len(rest) {
			return nil, nil, errIndex
		}
		d := &headers[i]
		x.dirs[text[:length]], text = d, text[length:]
		d.read, rest = rest[:n:n], rest[n:]
		for i := range d.read {
			length, ok := count(1)
			if !ok || length > len(text) || len(b) < recordSize {
				return nil, nil, errIndex
			}
			d.read[i].name, d.read[i].record = text[:length], (*record)(b[:recordSize])
			text, b = text[length:], b[recordSize:]
		}
	}
	if len(rest) > 0 || text != "" {
		return nil, nil, errIndex
	}
	return x, b, nil
}

// readCount reads a number of things of which each takes at least that many bytes of what
// follows; if there cannot be so many, it is not ok.
func readCount(b []byte, size int) (count int, rest []byte, ok bool) {
	value, n := binary.Uvarint(b)
	if n <= 0 || value > uint64(len(b)-n)/uint64(size) {
		return 0, b, false
	}
	return int(value), b[n:], true
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
