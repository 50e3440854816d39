package history_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rigx-build/rigx/engine/history"
)

// TestUpdate: many at once lose nothing, and a file that is broken counts as
// empty.
func TestUpdate(t *testing.T) {
	file := history.File(t.TempDir(), "/a/project")
	if h := history.Read(file); len(h.Targets) != 0 {
		t.Error(h)
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			err := history.Update(file, func(h *history.History) { h.Targets[fmt.Sprint(i)] = history.Record{Verb: "build", Status: i} })
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if h := history.Read(file); len(h.Targets) != 20 || h.Targets["7"].Status != 7 {
		t.Error(h)
	}
	if err := os.WriteFile(file, []byte(`{"targets": 5}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if h := history.Read(file); len(h.Targets) != 0 || h.Targets == nil {
		t.Error(h)
	}
	if other := history.File(filepath.Dir(file), "/another/project"); filepath.Base(other) == filepath.Base(file) {
		t.Error("two projects share a file")
	}
}
