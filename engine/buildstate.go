package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/source"
)

// builtUnit is what is known of a unit that was built.
type builtUnit struct {
	Fingerprint fingerprint
	// Outputs are the store paths by output name.
	Outputs map[string]string
}

// buildState is what a project remembers of its builds.
type buildState struct {
	file  string
	index *source.Index
	known builtThings
	dirty bool
	// discarded says why what was in the file is not known.
	discarded error
	// used are the sets of source files that this run knew or got to know.
	used map[source.Hash]bool
}

// builtThings are what was built, and what it was built from.
type builtThings struct {
	Units map[string]builtUnit // by attribute
	// Sources are store paths of sets of source files, by their content.
	Sources map[source.Hash]string
}

func newBuildState(file string) *buildState {
	return &buildState{
		file: file, index: source.NewIndex(), used: map[source.Hash]bool{},
		known: builtThings{map[string]builtUnit{}, map[source.Hash]string{}},
	}
}

// stateMagic begins the file; the number is that of the format.
const stateMagic = "rigx builds 5\n"

// stateFile is where the builds of the project in a directory are remembered.
func stateFile(cacheDir, root string) string {
	id := sha256.Sum256([]byte(root))
	return filepath.Join(cacheDir, "builds", hex.EncodeToString(id[:8]))
}

// anticipate begins to read what is remembered of the builds of a project: it takes some
// time to find out what to build.
func anticipate(cacheDir, root string) <-chan *buildState {
	remembered := make(chan *buildState, 1)
	go func() { remembered <- loadBuildState(cacheDir, root) }()
	return remembered
}

// loadBuildState reads what is remembered. What is damaged is discarded: then
// everything is built for real, once.
func loadBuildState(cacheDir, root string) *buildState {
	st := newBuildState(stateFile(cacheDir, root))
	data, err := os.ReadFile(st.file)
	if err != nil {
		return st
	}
	if err := st.decode(data); err != nil {
		st = newBuildState(st.file)
		st.dirty, st.discarded = true, err
	}
	return st
}

// note says that something was discarded.
func (st *buildState) note(to io.Writer) {
	if st.discarded != nil {
		fmt.Fprintf(to, "[rigx] what is remembered of earlier builds is discarded: %v\n", st.discarded)
	}
}

func (st *buildState) decode(data []byte) error {
	body, err := unsealed(stateMagic, data)
	if err != nil {
		return err
	}
	index, rest, err := source.ReadIndex(body)
	if err != nil {
		return err
	}
	known, err := readBuiltThings(rest)
	if err != nil {
		return err
	}
	st.index, st.known = index, known
	return nil
}

// spareSources is how many sets of source files stay known that a run had no use for.
const spareSources = 256

// save writes the state.
func (st *buildState) save() {
	if !st.dirty && !st.index.Changed() {
		return
	}
	body := st.index.AppendTo(nil)
	// Each edit leaves a set behind, which may be in use again or never.
	many := len(st.known.Sources) > 2*len(st.used)+spareSources
	maps.DeleteFunc(st.known.Sources, func(content source.Hash, path string) bool {
		return many && !st.used[content] || !nix.Registered(path)
	})
	body = st.known.appendTo(body)
	writeSealed(st.file, stateMagic, body)
}

// writeSealed writes what can be made again, with a sum of it. Without it the next run
// takes longer, no more.
func writeSealed(file, magic string, body []byte) {
	sum := sha256.Sum256(body)
	if os.MkdirAll(filepath.Dir(file), 0o755) == nil {
		_ = writeDerived(file, magic+string(body)+string(sum[:]))
	}
}

// unsealed is the body of what writeSealed wrote.
func unsealed(magic string, data []byte) ([]byte, error) {
	body, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok || len(body) < sha256.Size {
		return nil, errors.New("it is of another version of rigx")
	}
	body, sum := body[:len(body)-sha256.Size], body[len(body)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, errors.New("it is damaged")
	}
	return body, nil
}

// appendTo writes all that is known: lists that begin with how many things there are, and
// texts that begin with their length. Hashes are as they are.
func (k builtThings) appendTo(b []byte) []byte {
	count := func(n int) { b = binary.AppendUvarint(b, uint64(n)) }
	text := func(s string) { count(len(s)); b = append(b, s...) }
	count(len(k.Units))
	for attr, unit := range k.Units {
		text(attr)
		for _, part := range unit.Fingerprint {
			b = append(b, part[:]...)
		}
		count(len(unit.Outputs))
		for name, path := range unit.Outputs {
			text(name)
			text(path)
		}
	}
	count(len(k.Sources))
	for content, path := range k.Sources {
		b = append(b, content[:]...)
		text(path)
	}
	return b
}

// readBuiltThings reads what appendTo wrote.
func readBuiltThings(b []byte) (builtThings, error) {
	k := newBuildState("").known
	r := thingsReader{rest: b}
	for range r.count() {
		if r.short {
			break
		}
		attr := r.text()
		unit := builtUnit{Outputs: map[string]string{}}
		for part := range unit.Fingerprint {
			unit.Fingerprint[part] = r.hash()
		}
		for range r.count() {
			name := r.text()
			unit.Outputs[name] = r.text()
		}
		k.Units[attr] = unit
	}
	for range r.count() {
		content := r.hash()
		k.Sources[content] = r.text()
	}
	if r.short || len(r.rest) > 0 {
		return k, errors.New("what it says of targets is damaged")
	}
	return k, nil
}

// thingsReader reads what appendTo wrote from its beginning.
type thingsReader struct {
	rest  []byte
	short bool // it ended too soon
}

// bytes takes some from the rest; nil if there are not that many.
func (r *thingsReader) bytes(n int) (b []byte) {
	if n > len(r.rest) {
		r.rest, r.short = nil, true
		return nil
	}
	b, r.rest = r.rest[:n], r.rest[n:]
	return b
}

// count is how many things or bytes follow, of which there cannot be more than the rest.
func (r *thingsReader) count() int {
	value, n := binary.Uvarint(r.rest)
	if r.bytes(max(n, 0)); n <= 0 || value > uint64(len(r.rest)) {
		r.rest, r.short = nil, true
		return 0
	}
	return int(value)
}

func (r *thingsReader) text() string { return string(r.bytes(r.count())) }

func (r *thingsReader) hash() (h source.Hash) {
	copy(h[:], r.bytes(len(h)))
	return h
}
