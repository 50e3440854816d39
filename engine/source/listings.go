package source

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Listings remember what directories held. One that has not changed since, by its time
// stamps, need not be read again, which takes several times as long as looking at those:
// git's untracked cache does the same. A listing is remembered only if its directory had
// been left alone for a while, and only on file systems that are known to keep these
// times: everywhere else each directory is read.
//
// They are safe for concurrent use.
type Listings struct {
	read map[string]keptListing // by absolute path

	mu      sync.Mutex
	asked   map[string]keptListing // in this run
	changed bool
}

// keptListing is a directory as it was, its entries packed.
type keptListing struct {
	stamp   dirStamp
	entries []byte
}

// dirStamp is what the file system says of a directory; times in nanoseconds.
type dirStamp struct {
	device, inode uint64
	mtime, ctime  int64
}

// quiet is how much longer than a file a directory must have been left alone, as a new
// name would go unnoticed for good. Tests change it.
var quiet = time.Second

// NewListings returns those of no directory.
func NewListings() *Listings { return &Listings{asked: map[string]keptListing{}} }

// Changed reports whether there is more to remember than what was read.
func (l *Listings) Changed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

func (l *Listings) keep(dir string, kept keptListing, isNew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[dir] = kept
	l.changed = l.changed || isNew
}

// AppendTo appends to a buffer what is to be remembered: the directories that were asked
// for in this run.
func (l *Listings) AppendTo(b []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	b = binary.AppendUvarint(b, uint64(len(l.asked)))
	for _, dir := range slices.Sorted(maps.Keys(l.asked)) {
		kept := l.asked[dir]
		b = binary.AppendUvarint(b, uint64(len(dir)))
		b = append(b, dir...)
		for _, n := range [...]uint64{kept.stamp.device, kept.stamp.inode, uint64(kept.stamp.mtime), uint64(kept.stamp.ctime)} {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		b = binary.AppendUvarint(b, uint64(len(kept.entries)))
		b = append(b, kept.entries...)
	}
	return b
}

var errListings = errors.New("the listings are damaged")

// ReadListings reads what AppendTo wrote. The buffer must not be changed afterwards.
func ReadListings(b []byte) (*Listings, error) {
	const stampSize = 4 * 8
	dirs, b, ok := readCount(b, 2+stampSize)
	if !ok {
		return nil, errListings
	}
	text := func() (part []byte, ok bool) {
		length, rest, ok := readCount(b, 1)
		if ok {
			part, b = rest[:length:length], rest[length:]
		}
		return part, ok
	}
	l := NewListings()
	l.read = make(map[string]keptListing, dirs)
	for range dirs {
		dir, ok := text()
		if !ok || len(b) < stampSize {
			return nil, errListings
		}
		record := b[:stampSize]
		b = b[stampSize:]
		entries, ok := text()
		if !ok {
			return nil, errListings
		}
		field := func(i int) uint64 { return binary.LittleEndian.Uint64(record[8*i:]) }
		l.read[string(dir)] = keptListing{dirStamp{field(0), field(1), int64(field(2)), int64(field(3))}, entries}
	}
	if len(b) > 0 {
		return nil, errListings
	}
	return l, nil
}

// What an entry is, in a packed listing.
const (
	packedDir = 1 << iota
	packedLink
)

// pack packs entries: what each is, the length of its name, and the name.
func pack(entries []entry) []byte {
	size := 0
	for _, e := range entries {
		size += len(e.name) + 2
	}
	b := make([]byte, 0, size)
	for _, e := range entries {
		var kind byte
		if e.dir {
			kind |= packedDir
		}
		if e.link {
			kind |= packedLink
		}
		b = binary.AppendUvarint(append(b, kind), uint64(len(e.name)))
		b = append(b, e.name...)
	}
	return b
}

// unpack is the reverse; false if what is packed is damaged.
func unpack(b []byte) (entries []entry, ok bool) {
	const usual = 16 // bytes of an entry
	entries = make([]entry, 0, len(b)/usual)
	text := string(b) // which all names are parts of
	for at := 0; at < len(b); {
		length, n := binary.Uvarint(b[at+1:])
		begin := at + 1 + n
		if n <= 0 || length > uint64(len(b)-begin) {
			return nil, false
		}
		kind := b[at]
		at = begin + int(length)
		entries = append(entries, entry{name: text[begin:at], dir: kind&packedDir != 0, link: kind&packedLink != 0})
	}
	return entries, true
}

func sortEntries(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
}
