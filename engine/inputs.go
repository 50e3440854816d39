package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
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
	Host *hostpkgs.Set
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
		host, err := w.host(ctx)
		if err != nil {
			return in, err
		}
		in.Host = host
		in.Overrides["nixpkgs"] = host.Dir
	case strings.HasPrefix(w.opts.Nixpkgs, "/") || nixgen.IsRelative(w.opts.Nixpkgs):
		dir, err := filepath.Abs(w.opts.Nixpkgs)
		if err != nil {
			return in, err
		}
		in.Overrides["nixpkgs"] = dir
	case w.opts.Nixpkgs != "":
		in.Overrides["nixpkgs"] = nixgen.NixpkgsURL(w.opts.Nixpkgs)
	}
	return in, nil
}

// evalRequest asks for attributes of the project, or of its nixpkgs.
func (w *Workspace) evalRequest(in Inputs, attrs ...string) nix.EvalRequest {
	return nix.EvalRequest{ProjectDir: w.Dir(), Attrs: attrs, Overrides: in.Overrides, Nixpkgs: nixgen.NixpkgsURL(w.Manifest.Nixpkgs.Value)}
}

// host finds the programs of this machine and writes the package set that
// wraps them.
func (w *Workspace) host(ctx context.Context) (*hostpkgs.Set, error) {
	if w.hostSet == nil {
		// Only those who need the set compute its stamp, and some need it without
		// using it themselves.
		stamp := w.hostStamp()
		if w.ref() != hostRef {
			stamp = hostpkgs.Stamp(os.Getenv("PATH"))
		}
		set, err := hostpkgs.Prepare(ctx, os.Getenv("PATH"), w.opts.CacheDir, stamp)
		if err != nil {
			var pathErr *fs.PathError
			if errors.As(err, &pathErr) {
				return nil, unwritable(pathErr.Path, err)
			}
			return nil, fmt.Errorf("preparing the package set of this machine: %w", err)
		}
		w.hostSet = set
	}
	return w.hostSet, nil
}

// nix finds Nix and prepares it for this project's inputs.
func (w *Workspace) nix(ctx context.Context, in Inputs) (*nix.Nix, error) {
	opts := w.opts.Nix
	if in.Host != nil {
		// Instead of what is configured, not beside it: a distribution's own /bin/sh
		// would be written into our /bin, which is the machine's.
		opts.Settings = append(opts.Settings[:len(opts.Settings):len(opts.Settings)],
			nix.Setting{Name: "sandbox-paths", Value: strings.Join(in.Host.SandboxPaths, " ")})
		fetches := slices.ContainsFunc(w.Manifest.Projects(), func(m *manifest.Manifest) bool { return len(m.Git) > 0 })
		opts.Offline = opts.Offline || !fetches
	}
	return nix.Find(ctx, opts)
}
