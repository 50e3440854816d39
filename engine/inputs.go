package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/nixgen"
	"github.com/rigx-build/rigx/nixgen/hostpkgs"
)

// hostRef is the nixpkgs.ref that means the programs of this machine.
const hostRef = "host"

// Inputs says where the inputs of the flake come from in this run.
type Inputs struct {
	// Overrides maps inputs to a directory or flake reference that takes the
	// place of what flake.lock says.
	Overrides map[string]string
	// Host is set when nixpkgs is the host package set.
	Host *hostpkgs.Host
}

// ref is the nixpkgs that this run uses.
func (w *Workspace) ref() string {
	if w.opts.Nixpkgs != "" {
		return w.opts.Nixpkgs
	}
	return w.Manifest.Nixpkgs.Value
}

// inputs decides which nixpkgs is meant.
func (w *Workspace) inputs(ctx context.Context) (Inputs, error) {
	in := Inputs{Overrides: map[string]string{}}
	switch {
	case w.ref() == hostRef:
		host, dir, err := w.host(ctx)
		if err != nil {
			return in, err
		}
		in.Host = host
		in.Overrides["nixpkgs"] = dir
	case w.opts.Nixpkgs != "":
		in.Overrides["nixpkgs"] = nixgen.NixpkgsURL(w.opts.Nixpkgs)
	}
	return in, nil
}

// host finds the programs of this machine and writes the package set that
// wraps them.
func (w *Workspace) host(ctx context.Context) (*hostpkgs.Host, string, error) {
	host, err := hostpkgs.Discover(ctx, os.Getenv("PATH"))
	if err != nil {
		return nil, "", fmt.Errorf("looking for the compilers and tools of this machine: %w", err)
	}
	dir, err := host.Materialize(w.opts.CacheDir)
	if err != nil {
		return nil, "", fmt.Errorf("writing the host package set: %w", err)
	}
	return host, dir, nil
}

// nix finds Nix and prepares it for this project's inputs.
func (w *Workspace) nix(ctx context.Context, in Inputs) (*nix.Nix, error) {
	opts := w.opts.Nix
	if in.Host != nil {
		opts.Settings = append(opts.Settings[:len(opts.Settings):len(opts.Settings)],
			nix.Setting{Name: "extra-sandbox-paths", Value: strings.Join(in.Host.SandboxPaths(), " ")})
		opts.Offline = opts.Offline || len(w.Manifest.Git) == 0
	}
	return nix.Find(ctx, opts)
}

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
	var wanted []string
	if in.Overrides["nixpkgs"] == "" {
		wanted = append(wanted, "nixpkgs")
	}
	for _, g := range w.Manifest.Git {
		wanted = append(wanted, g.Name.Value)
	}
	var lock lockFile
	if data, err := os.ReadFile(filepath.Join(w.Dir(), "flake.lock")); err == nil {
		// What cannot be read covers nothing; Nix then says what is wrong with it.
		_ = json.Unmarshal(data, &lock)
	}
	have := lock.Nodes[lock.Root].Inputs
	var missing []string
	for _, name := range wanted {
		if have[name] == nil {
			missing = append(missing, name)
		}
	}
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

func (w *Workspace) lock(ctx context.Context, n *nix.Nix, in Inputs, update bool) error {
	req := nix.LockRequest{Dir: w.Dir(), Update: update, Overrides: in.Overrides}
	if len(w.Manifest.Local) == 0 {
		opts, err := w.flakeOptions(ctx, w.Manifest)
		if err != nil {
			return err
		}
		req.Flake = nixgen.Inputs(w.Manifest, opts)
	} else if err := w.Generate(ctx); err != nil {
		return err
	}
	err := n.Lock(ctx, req)
	var failed *nix.LockError
	if !errors.As(err, &failed) {
		return err
	}
	help := []string{"check the names in [nixpkgs] and [dependencies.git], and the network"}
	if in.Host == nil {
		help = append(help, "`--nixpkgs host` builds with the compilers and tools of this machine, without a network")
	}
	return &Error{Code: diagnostic.LockFailed, Message: "Nix cannot lock the inputs of the project", Help: help, Err: failed}
}
