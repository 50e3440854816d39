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
	entries map[string]*indexEntry
	changed bool
	// was has the hashes that were replaced since, nil for what was not known.
	was map[string]*Hash
}

// indexEntry is what is known of a file. It does not change, but for the last fields.
type indexEntry struct {
	path  string
	stamp stamp
	hash  Hash
	racy  bool
	seen  atomic.Bool // asked for since the index was read
	age   byte        // how often the index was written since it was last asked for
	place int         // in the observation that it was last added to
}

// proves reports whether a file with that stamp still is the one that was hashed.
func (e *indexEntry) proves(now stamp) bool { return e.stamp == now && !e.racy }

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
	e, err := x.of(path)
	if err != nil {
		return Hash{}, err
	}
	return e.hash, nil
}

func (x *Index) of(path string) (*indexEntry, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	now := stampOf(info)
	x.mu.RLock()
	known := x.entries[path]
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
	e := &indexEntry{path: path, stamp: stampOf(after), hash: hash}
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

// oldest is how often an index is written with a path that nobody asks for: other
// targets may need it, or nobody does any more.
const oldest = 32

// AppendTo appends the index to a buffer, its paths in order. Those that were not asked
// for in a long time are forgotten.
func (x *Index) AppendTo(b []byte) []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	kept, text := make([]*indexEntry, 0, len(x.entries)), 0
	for _, e := range x.entries {
		if e.seen.Load() || e.age < oldest {
			kept, text = append(kept, e), text+len(e.path)
		}
	}
	slices.SortFunc(kept, func(a, b *indexEntry) int { return strings.Compare(a.path, b.path) })
	b = binary.AppendUvarint(b, uint64(len(kept)))
	b = binary.AppendUvarint(b, uint64(text))
	for _, e := range kept {
		b = append(b, e.path...)
	}
	for _, e := range kept {
		b = binary.AppendUvarint(b, uint64(len(e.path)))
		for _, n := range [stampFields]int64{e.stamp.size, e.stamp.mtime, e.stamp.ctime, int64(e.stamp.inode), int64(e.stamp.mode)} {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		racy := byte(0)
		if e.racy {
			racy = 1
		}
		age := e.age + 1
		if e.seen.Load() {
			age = 0
		}
		b = append(b, racy, age)
		b = append(b, e.hash[:]...)
	}
	return b
}

const (
	stampFields = 5
	// recordSize is what an entry takes behind its path and the length of it.
	recordSize = stampFields*8 + 2 + sha256.Size
)

var errIndex = errors.New("the index is damaged")

// ReadIndex reads what AppendTo wrote, and returns the rest of the buffer.
func ReadIndex(b []byte) (*Index, []byte, error) {
	var sizes [2]uint64 // how many paths, and their text
	for i := range sizes {
		value, n := binary.Uvarint(b)
		if n <= 0 || value > uint64(len(b)) {
			return nil, nil, errIndex
		}
		sizes[i], b = value, b[n:]
	}
	count, length := sizes[0], sizes[1]
	if length > uint64(len(b)) || count > (uint64(len(b))-length)/(1+recordSize) {
		return nil, nil, errIndex
	}
	text := string(b[:length]) // which all paths are parts of
	b = b[length:]
	x := NewIndex()
	x.entries = make(map[string]*indexEntry, count)
	slab := make([]indexEntry, count)
	for i := range slab {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(text)) || len(b)-n < recordSize {
			return nil, nil, errIndex
		}
		record := b[n : n+recordSize]
		b = b[n+recordSize:]
		var fields [stampFields]int64
		for i := range fields {
			fields[i], record = int64(binary.LittleEndian.Uint64(record)), record[8:]
		}
		e := &slab[i]
		e.path, text = text[:length], text[length:]
		e.stamp = stamp{fields[0], fields[1], fields[2], uint64(fields[3]), fs.FileMode(fields[4])}
		e.racy, e.age = record[0] != 0, record[1]
		copy(e.hash[:], record[2:])
		x.entries[e.path] = e
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
