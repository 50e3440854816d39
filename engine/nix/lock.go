package nix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// LockRequest says what to lock.
type LockRequest struct {
	// Dir holds flake.nix and, afterwards, flake.lock.
	Dir string
	// Update moves all inputs to their newest revision; otherwise only what is
	// missing is added.
	Update bool
	// Flake is the text of a flake with the inputs to lock. It is locked in a
	// directory of its own, so that the tree is not copied into the store. If it
	// is empty, the flake in Dir is locked in place, as relative paths need it.
	Flake string
	// Overrides are inputs to lock to something else, without writing that to
	// flake.lock: the lock is then for this run only.
	Overrides map[string]string
}

// LockError says that an input could not be locked.
type LockError struct {
	// Message is what Nix said.
	Message string
}

func (e *LockError) Error() string { return e.Message }

// Lock writes flake.lock. It fails with a [LockError] if Nix does.
func (n *Nix) Lock(ctx context.Context, req LockRequest) error {
	dir := req.Dir
	if req.Flake != "" {
		tmp, err := os.MkdirTemp("", "rigx-lock-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		if err := os.WriteFile(filepath.Join(tmp, "flake.nix"), []byte(req.Flake), 0o644); err != nil {
			return err
		}
		data, err := os.ReadFile(filepath.Join(req.Dir, "flake.lock"))
		if err == nil {
			err = os.WriteFile(filepath.Join(tmp, "flake.lock"), data, 0o644)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		dir = tmp
	}
	args := []string{"flake", "lock", "path:" + dir}
	if req.Update {
		args[1] = "update"
	}
	for name, ref := range req.Overrides {
		if filepath.IsAbs(ref) {
			ref = "path:" + ref
		}
		args = append(args, "--override-input", name, ref)
	}
	var errOut bytes.Buffer
	if err := n.run(ctx, &errOut, &errOut, args...); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &LockError{Message: cleanMessage(errOut.String())}
	}
	data, err := os.ReadFile(filepath.Join(dir, "flake.lock"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // a flake without inputs has no lock
	}
	if err != nil {
		return err
	}
	if data, err = withoutInputs(data, req.Overrides); err != nil {
		return fmt.Errorf("reading the lock that nix wrote: %w", err)
	}
	target := filepath.Join(req.Dir, "flake.lock")
	tmp := fmt.Sprintf("%s.tmp-%d", target, os.Getpid())
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, target)
}

// withoutInputs takes inputs of the root out of a lock, with the nodes that
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
	if inputs, ok := lock.Nodes[lock.Root]["inputs"].(map[string]any); ok {
		for name := range overrides {
			delete(inputs, name)
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
