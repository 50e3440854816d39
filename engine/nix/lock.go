package nix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Skeleton is a project with its inputs and nothing else. Where Nix wants a flake, it gets
// this in a directory of its own, so that no tree is copied into the store.
type Skeleton struct {
	// Flakes are texts by relative directory with forward slashes: "." for the one
	// itself, and those that it names by a relative path, which must lie below it.
	Flakes map[string]string
	// Lock is the text of flake.lock as it is; empty if there is none.
	Lock []byte
}

// write puts it into a new directory, which the caller removes.
func (s Skeleton) write() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "rigx-lock-"); err != nil {
		return "", err
	}
	for rel, text := range s.Flakes {
		at := filepath.Join(dir, filepath.FromSlash(rel))
		err = errors.Join(err, os.MkdirAll(at, 0o755), os.WriteFile(filepath.Join(at, "flake.nix"), []byte(text), 0o644))
	}
	if len(s.Lock) > 0 {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "flake.lock"), s.Lock, 0o644))
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return dir, err
}

// directoryRef is the flake reference of an absolute directory.
func directoryRef(dir string) string { return "path:" + (&url.URL{Path: dir}).EscapedPath() }

// LockRequest says what to lock.
type LockRequest struct {
	Skeleton
	// Update moves all inputs to their newest revision; otherwise only what is
	// missing is added.
	Update bool
	// Overrides are inputs to lock to something else, without writing that to
	// flake.lock: the lock is then for this run only. "a/b" is the input b of the
	// input a.
	Overrides map[string]string
}

// LockError says that an input could not be locked.
type LockError struct {
	// Message is what Nix said.
	Message string
}

func (e *LockError) Error() string { return e.Message }

// Lock returns the text of a new flake.lock; nil for a flake without inputs. It
// fails with a [LockError] if Nix does.
func (n *Nix) Lock(ctx context.Context, req LockRequest) ([]byte, error) {
	dir, err := req.write()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	args := []string{"flake", "lock", directoryRef(dir)}
	if req.Update {
		args = n.Version.updateFlake(directoryRef(dir))
	}
	for name, ref := range req.Overrides {
		if filepath.IsAbs(ref) {
			ref = directoryRef(ref)
		}
		args = append(args, "--override-input", name, ref)
	}
	var errOut bytes.Buffer
	if err := n.run(ctx, &errOut, &errOut, args...); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &LockError{Message: cleanMessage(errOut.String())}
	}
	data, err := os.ReadFile(filepath.Join(dir, "flake.lock"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if data, err = withoutInputs(data, req.Overrides); err != nil {
		return nil, fmt.Errorf("reading the lock that nix wrote: %w", err)
	}
	return data, nil
}

// withoutInputs takes inputs out of a lock, with the nodes that
// nothing else needs. What an input was overridden with is for this run, and
// often a path of this machine.
func withoutInputs(data []byte, overrides map[string]string) ([]byte, error) {
	if len(overrides) == 0 {
		return data, nil
	}
	var lock struct {
		Nodes   map[string]map[string]any `json:"nodes"`
		Root    string                    `json:"root"`
		Version int                       `json:"version"`
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, err
	}
	for path := range overrides {
		node := lock.Root
		for {
			name, rest, deeper := strings.Cut(path, "/")
			inputs, _ := lock.Nodes[node]["inputs"].(map[string]any)
			if !deeper {
				delete(inputs, name)
				break
			}
			node, _ = inputs[name].(string)
			path = rest
		}
	}
	needed := map[string]bool{}
	var visit func(node string)
	visit = func(node string) {
		if needed[node] {
			return
		}
		needed[node] = true
		inputs, _ := lock.Nodes[node]["inputs"].(map[string]any)
		for _, to := range inputs {
			if name, ok := to.(string); ok {
				visit(name)
			}
		}
	}
	visit(lock.Root)
	maps.DeleteFunc(lock.Nodes, func(node string, _ map[string]any) bool { return !needed[node] })
	out, err := json.MarshalIndent(lock, "", "  ")
	return append(out, '\n'), err
}
