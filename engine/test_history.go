package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// testHistory says how each test of a project went when it last ran. It is
// kept in the cache directory: losing it loses nothing else.
type testHistory struct {
	// Project is its directory, for whoever looks at the file.
	Project string
	Tests   map[string]testRecord
}

type testRecord struct {
	Status  int
	Seconds float64
	At      time.Time
}

func (w *Workspace) testHistoryFile() string {
	id := sha256.Sum256([]byte(w.Dir()))
	return filepath.Join(w.opts.CacheDir, "tests", hex.EncodeToString(id[:8])+".json")
}

// testHistory reads the history. One that cannot be read counts as empty.
func (w *Workspace) testHistory() testHistory {
	h := testHistory{}
	if data, err := os.ReadFile(w.testHistoryFile()); err == nil && json.Unmarshal(data, &h) != nil {
		h = testHistory{}
	}
	h.Project = w.Dir()
	if h.Tests == nil {
		h.Tests = map[string]testRecord{}
	}
	return h
}

// remember adds results to the history. Tests that are gone are forgotten.
func (w *Workspace) remember(h testHistory, results []TestResult) {
	names := w.Manifest.TargetNames()
	for name := range h.Tests {
		if !slices.Contains(names, name) {
			delete(h.Tests, name)
		}
	}
	for _, r := range results {
		h.Tests[r.Target.Name] = testRecord{r.Status, r.Duration.Seconds(), time.Now()}
	}
	file := w.testHistoryFile()
	data, err := json.MarshalIndent(h, "", "  ")
	if err == nil && os.MkdirAll(filepath.Dir(file), 0o755) == nil {
		// Without it the next run only knows less.
		_ = writeAtomic(file, string(data))
	}
}
