package hostpkgs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
)

// Set is a package set that is written to disk, ready for Nix.
type Set struct {
	// Dir is where it is, named after its content.
	Dir string `json:"dir"`
	// SandboxPaths are what a sandboxed build must see of the machine.
	SandboxPaths []string `json:"sandboxPaths"`
}

// remembered is the last set that was prepared.
type remembered struct {
	Key string `json:"key"`
	Set
}

// Prepare finds what the machine has and writes the package set that wraps it
// below cacheDir. With the stamp that the last call had, it is the same as
// then; see [Stamp].
func Prepare(ctx context.Context, searchPath, cacheDir string, stamp [sha256.Size]byte) (*Set, error) {
	key := hex.EncodeToString(stamp[:]) + own()
	file := filepath.Join(cacheDir, "host.json")
	var last remembered
	if data, err := os.ReadFile(file); err == nil && json.Unmarshal(data, &last) == nil && last.Key == key {
		if _, err := os.Stat(filepath.Join(last.Dir, "host.json")); err == nil {
			markUsed(last.Dir)
			return &last.Set, nil
		}
	}
	host, err := Discover(ctx, searchPath)
	if err != nil {
		return nil, err
	}
	dir, err := host.Materialize(cacheDir)
	if err != nil {
		return nil, err
	}
	last = remembered{key, Set{dir, host.SandboxPaths()}}
	if data, err := json.Marshal(last); err == nil {
		// Without it the next run looks again, no more.
		tmp := file + ".new"
		if os.WriteFile(tmp, data, 0o644) == nil {
			_ = os.Rename(tmp, file)
		}
	}
	return &last.Set, nil
}

// own is the digest of the package set that this program brings.
func own() string {
	h := sha256.New()
	_ = fs.WalkDir(set, "set", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			data, _ := set.ReadFile(path)
			h.Write([]byte(path))
			h.Write(data)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil))
}
