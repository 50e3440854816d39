// Package history remembers how the targets of a project went when they were
// last built or tested: whether, how long it took, and what was complained
// about in which file.
//
// `rigx` writes it and `rigx-ls` reads it, whoever started the build. It lies in
// the cache directory of the user, one file for each project; losing it loses
// nothing else, and one that cannot be read counts as empty.
package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/rigx-build/rigx/engine/problem"
)

// History of a project.
type History struct {
	// Project is its directory, for whoever looks at the file.
	Project string `json:"project"`
	// Targets by name, with the variant if there are any: hello@release.
	Targets map[string]Record `json:"targets"`
	// Capsules are those that ran when rigx last looked.
	Capsules []Capsule `json:"capsules,omitempty"`
}

// Capsule is one that was started.
type Capsule struct {
	Target string `json:"target"`
	// Name of the container or virtual machine.
	Name string `json:"name"`
	// PID and Start are of its first process, to see whether it still runs.
	PID   int    `json:"pid,omitempty"`
	Start string `json:"start,omitempty"`
}

// Record says how a target went.
type Record struct {
	// Verb is what was done: build or test.
	Verb string `json:"verb"`
	// Status is 0 if it went well, else an exit status.
	Status int `json:"status"`
	// Seconds it took.
	Seconds float64 `json:"seconds"`
	// At is when it ended.
	At time.Time `json:"at"`
	// Derivation is the store path of what was built, if it was a derivation.
	Derivation string            `json:"drv,omitempty"`
	Problems   []problem.Problem `json:"problems,omitempty"`
}

// CacheDir is where rigx keeps what can be computed again.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "rigx"), nil
}

// Dir is the directory of all histories.
func Dir(cacheDir string) string { return filepath.Join(cacheDir, "history") }

// File is where the history of the project in root is kept.
func File(cacheDir, root string) string {
	id := sha256.Sum256([]byte(root))
	return filepath.Join(Dir(cacheDir), hex.EncodeToString(id[:8])+".json")
}

// Read returns what a file remembers.
func Read(file string) History {
	data, err := lockedfile.Read(file)
	if err != nil {
		data = nil
	}
	return decode(data)
}

func decode(data []byte) History {
	var h History
	if json.Unmarshal(data, &h) != nil {
		h = History{}
	}
	if h.Targets == nil {
		h.Targets = map[string]Record{}
	}
	return h
}

// Update changes what a file remembers; others that do so at the same time
// wait.
func Update(file string, change func(*History)) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return lockedfile.Transform(file, func(data []byte) ([]byte, error) {
		h := decode(data)
		change(&h)
		return json.MarshalIndent(h, "", "  ")
	})
}
