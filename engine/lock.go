package engine

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/nixgen"
)

// lockFile is the part of flake.lock that tells whether it covers the inputs.
type lockFile struct {
	Root  string `json:"root"`
	Nodes map[string]struct {
		Inputs   map[string]json.RawMessage `json:"inputs"`
		Original map[string]any             `json:"original"`
	} `json:"nodes"`
}

// ensureLocked writes flake.lock if it does not cover an input that is not
// overridden: a first build, or one after a dependency was added.
func (w *Workspace) ensureLocked(ctx context.Context, n *nix.Nix, in Inputs) error {
	missing := w.unlocked(in)
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintf(w.opts.Notes, "[rigx] locking %s\n", strings.Join(missing, ", "))
	return w.lock(ctx, n, in, false)
}

func (w *Workspace) unlocked(in Inputs) []string {
	var lock lockFile
	if data, err := os.ReadFile(w.lockPath()); err == nil {
		// What cannot be read covers nothing; Nix then says what is wrong with it.
		_ = json.Unmarshal(data, &lock)
	}
	var missing []string
	seen := map[*manifest.Manifest]bool{}
	var visit func(m *manifest.Manifest, node, prefix string)
	visit = func(m *manifest.Manifest, node, prefix string) {
		if m == nil || seen[m] {
			return
		}
		seen[m] = true
		have := lock.Nodes[node].Inputs
		if in.Overrides["nixpkgs"] == "" && have["nixpkgs"] == nil && !nixgen.IsRelative(m.Nixpkgs.Value) {
			missing = append(missing, prefix+"nixpkgs")
		}
		for _, g := range m.Git {
			if have[g.Name.Value] == nil {
				missing = append(missing, prefix+g.Name.Value)
			}
		}
		for _, dep := range m.Local {
			var to string
			_ = json.Unmarshal(have[dep.Name.Value], &to) // "": nothing of it is locked
			visit(dep.Manifest, to, prefix+dep.Name.Value+"/")
		}
	}
	visit(w.Manifest, lock.Root, "")
	return missing
}

// Lock writes flake.lock, moving every input to its newest revision if update
// is set, and otherwise only adding what is missing.
func (w *Workspace) Lock(ctx context.Context, update bool) error {
	if err := w.Generate(ctx); err != nil {
		return err
	}
	in, err := w.inputs(ctx)
	if err != nil {
		return err
	}
	n, err := w.nix(ctx, in)
	if err != nil {
		return err
	}
	return w.lock(ctx, n, in, update)
}

// lock has Nix lock flakes that have the inputs of the projects and nothing
// else. Nix wants what a relative path leads to inside of the flake that has it,
// so each local dependency is put there, and the lock is translated there and
// back.
func (w *Workspace) lock(ctx context.Context, n *nix.Nix, in Inputs, update bool) error {
	skeleton, err := w.skeleton(ctx)
	if err != nil {
		return err
	}
	req := nix.LockRequest{Skeleton: skeleton, Update: update, Overrides: map[string]string{}}
	overrideInputs(w.Manifest, "", in.Overrides, req.Overrides)
	text, err := n.Lock(ctx, req)
	var failed *nix.LockError
	if errors.As(err, &failed) {
		return lockError(in, failed)
	}
	if err != nil || text == nil {
		return err
	}
	if text, err = translate(text, w.Manifest, nixgen.LocalPath); err != nil {
		return err
	}
	if err := writeAtomic(w.lockPath(), string(text)); err != nil {
		return unwritable(w.lockPath(), err)
	}
	return nil
}

func (w *Workspace) lockPath() string { return filepath.Join(w.Dir(), "flake.lock") }

// skeleton is the project with its inputs and nothing else, locked as far as it is.
func (w *Workspace) skeleton(ctx context.Context) (nix.Skeleton, error) {
	s := nix.Skeleton{Flakes: map[string]string{}}
	if err := w.stage(ctx, w.Manifest, ".", s.Flakes); err != nil {
		return s, err
	}
	old, err := os.ReadFile(w.lockPath())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if s.Lock, err = translate(old, w.Manifest, stagedPath); err != nil {
		return s, fmt.Errorf("%s cannot be read: %w", w.lockPath(), err)
	}
	return s, nil
}

// overrideInputs adds overrides for the inputs of a project and of all it depends
// on.
func overrideInputs(m *manifest.Manifest, prefix string, overrides, into map[string]string) {
	for name, ref := range overrides {
		if name != "nixpkgs" || !nixgen.IsRelative(m.Nixpkgs.Value) { // which is not locked
			into[prefix+name] = ref
		}
	}
	for _, dep := range m.Local {
		if dep.Manifest != nil {
			overrideInputs(dep.Manifest, prefix+dep.Name.Value+"/", overrides, into)
		}
	}
}

func lockError(in Inputs, failed *nix.LockError) error {
	help := []string{"check the names in [nixpkgs] and [dependencies.git], and the network"}
	if in.Host == nil {
		help = append(help, "`--nixpkgs host` builds with the compilers and tools of this machine, without a network")
	}
	return &Error{Code: diagnostic.LockFailed, Message: "Nix cannot lock the inputs of the project", Help: help, Err: failed}
}

// stage gives each project a flake below at: one for each way that leads to it.
func (w *Workspace) stage(ctx context.Context, m *manifest.Manifest, at string, flakes map[string]string) error {
	opts, err := w.flakeOptions(ctx, m)
	if err != nil {
		return err
	}
	opts.LocalPath = stagedPath
	flakes[at] = nixgen.Inputs(m, opts)
	for _, dep := range m.Local {
		if dep.Manifest == nil {
			continue
		}
		if err := w.stage(ctx, dep.Manifest, path.Join(at, stagedPath(dep)), flakes); err != nil {
			return err
		}
	}
	return nil
}

// stagedPath is where a local dependency lies inside the flake that has it.
func stagedPath(dep *manifest.LocalDependency) string {
	return "./" + hex.EncodeToString([]byte(dep.Name.Value))
}

// translate gives the local dependencies in a lock other paths. What it does
// not know it leaves alone.
func translate(lock []byte, root *manifest.Manifest, path func(*manifest.LocalDependency) string) ([]byte, error) {
	if len(lock) == 0 {
		return lock, nil
	}
	var parsed struct {
		Nodes   map[string]map[string]any `json:"nodes"`
		Root    string                    `json:"root"`
		Version int                       `json:"version"`
	}
	if err := json.Unmarshal(lock, &parsed); err != nil {
		return nil, err
	}
	changed := false
	seen := map[string]bool{}
	var visit func(m *manifest.Manifest, node string)
	visit = func(m *manifest.Manifest, node string) {
		if seen[node] {
			return
		}
		seen[node] = true
		inputs, _ := parsed.Nodes[node]["inputs"].(map[string]any)
		for _, dep := range m.Local {
			to, ok := inputs[dep.Name.Value].(string)
			if !ok || dep.Manifest == nil {
				continue
			}
			for _, key := range []string{"locked", "original"} {
				if at, ok := parsed.Nodes[to][key].(map[string]any); ok && at["type"] == "path" && at["path"] != path(dep) {
					at["path"] = path(dep)
					changed = true
				}
			}
			visit(dep.Manifest, to)
		}
	}
	visit(root, parsed.Root)
	if !changed {
		return lock, nil
	}
	out, err := json.MarshalIndent(parsed, "", "  ")
	return append(out, '\n'), err
}
