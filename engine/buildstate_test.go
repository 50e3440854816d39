package engine

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rigx-build/rigx/engine/source"
)

// written is a state as it is saved, with two targets and a set of sources.
func written(t testing.TB) (builtThings, []byte) {
	file := filepath.Join(t.TempDir(), "state")
	st := newBuildState(file)
	st.known.Units["hello-release"] = builtUnit{fingerprint{{1}, {2}, {3}, {4}, {5}, {6}}, map[string]string{"out": "/nix/store/x", "dev": "/nix/store/y"}}
	st.known.Units[""] = builtUnit{Outputs: map[string]string{}}
	dir := t.TempDir()
	if err := os.Chtimes(dir, time.Time{}, time.Unix(1, 0)); err != nil { // as what is in the store
		t.Fatal(err)
	}
	st.known.Sources[source.Hash{7}] = dir
	if _, err := st.index.Of(dir); err != nil {
		t.Fatal(err)
	}
	st.dirty = true
	st.save()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return st.known, data
}

// TestBuildState: what is read is what was written, and what is cut short or has one
// other bit is not read.
func TestBuildState(t *testing.T) {
	known, data := written(t)
	read := newBuildState("")
	if err := read.decode(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(known, read.known); diff != "" {
		t.Error(diff)
	}
	for _, dir := range known.Sources {
		if _, ok := read.index.Before(dir); !ok {
			t.Errorf("%s is not known", dir)
		}
	}
	for i := range data {
		if newBuildState("").decode(data[:i]) == nil {
			t.Errorf("%d of %d bytes are read", i, len(data))
		}
		data[i] ^= 4
		if newBuildState("").decode(data) == nil {
			t.Errorf("read although byte %d is another one", i)
		}
		data[i] ^= 4
	}
	body := known.appendTo(nil)
	for i := range body {
		if _, err := readBuiltThings(body[:i]); err == nil {
			t.Errorf("%d of %d bytes about targets are read", i, len(body))
		}
	}
	if _, err := readBuiltThings(append(body, 0)); err == nil {
		t.Error("what follows is not seen")
	}
}

// FuzzBuildState: a file may say anything and have the right sum.
func FuzzBuildState(f *testing.F) {
	_, data := written(f)
	f.Add(data[len(stateMagic) : len(data)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		st := newBuildState("")
		if st.decode([]byte(stateMagic+string(body)+string(sum[:]))) != nil {
			return
		}
		again, err := readBuiltThings(st.known.appendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(st.known, again); diff != "" {
			t.Error(diff)
		}
	})
}
