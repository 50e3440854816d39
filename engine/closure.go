package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
)

// output builds one thing and returns its store path.
func (w *Workspace) output(ctx context.Context, name string, opts BuildOptions) (Result, error) {
	selected, err := w.Select([]string{name})
	if err != nil {
		return Result{}, err
	}
	results, err := w.Build(ctx, selected[:1], opts)
	if err != nil {
		return Result{}, err
	}
	if results[0].Err != nil {
		return results[0], &Error{Code: diagnostic.NixFailed, Message: "`" + results[0].Attr + "` cannot be built", Err: results[0].Err}
	}
	return results[0], nil
}

// Size builds a target if need be and lists what its result needs at run time,
// the largest first.
func (w *Workspace) Size(ctx context.Context, name string, opts BuildOptions) ([]nix.PathInfo, error) {
	r, err := w.output(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	n, err := nix.Find(ctx, w.opts.Nix)
	if err != nil {
		return nil, err
	}
	infos, err := n.Closure(ctx, r.Output)
	slices.SortStableFunc(infos, func(a, b nix.PathInfo) int {
		switch {
		case a.NarSize > b.NarSize:
			return -1
		case a.NarSize < b.NarSize:
			return 1
		}
		return 0
	})
	return infos, err
}

// Why builds a target if need be and returns the shortest chain of store paths
// from its result to something that it needs at run time: another target, or a
// store path or package whose name is, or begins with, what. It is empty if the
// target does not need it.
func (w *Workspace) Why(ctx context.Context, name, what string, opts BuildOptions) ([]string, error) {
	r, err := w.output(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	n, err := nix.Find(ctx, w.opts.Nix)
	if err != nil {
		return nil, err
	}
	infos, err := n.Closure(ctx, r.Output)
	if err != nil {
		return nil, err
	}
	wanted := func(nix.PathInfo) bool { return false }
	if selected, err := w.Select([]string{what}); err == nil {
		paths := map[string]bool{}
		for _, s := range selected {
			if to, err := os.Readlink(filepath.Join(w.Dir(), OutputDir, s.Attr)); err == nil {
				paths[to] = true
			}
		}
		wanted = func(p nix.PathInfo) bool { return paths[p.Path] }
	}
	chain := shortest(infos, r.Output, func(p nix.PathInfo) bool {
		return p.Path != r.Output && (wanted(p) || p.Path == what || p.Name() == what || strings.HasPrefix(p.Name(), what+"-"))
	})
	return chain, nil
}

// shortest finds a way from one store path to the nearest that is wanted.
func shortest(infos []nix.PathInfo, from string, wanted func(nix.PathInfo) bool) []string {
	byPath := make(map[string]nix.PathInfo, len(infos))
	for _, p := range infos {
		byPath[p.Path] = p
	}
	came := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		p, ok := byPath[queue[0]]
		if !ok {
			continue
		}
		if wanted(p) {
			var chain []string
			for at := p.Path; at != ""; at = came[at] {
				chain = append(chain, at)
			}
			slices.Reverse(chain)
			return chain
		}
		for _, ref := range p.References {
			if _, seen := came[ref]; !seen {
				came[ref] = p.Path
				queue = append(queue, ref)
			}
		}
	}
	return nil
}

// Stale is a link below output/ that belongs to no target any more.
type Stale struct {
	// Link relative to the project, and the store path that it leads to.
	Link, Path string
}

// StaleLinks lists the links below output/ of targets and variants that are
// gone, and how many bytes only they keep in the store, as far as the project
// can tell: another project may keep them too.
func (w *Workspace) StaleLinks(ctx context.Context) (stale []Stale, frees int64, err error) {
	entries, err := os.ReadDir(filepath.Join(w.Dir(), OutputDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	var kept []string
	for _, e := range entries {
		path, err := os.Readlink(filepath.Join(w.Dir(), OutputDir, e.Name()))
		if err != nil || !nix.InStore(path) {
			continue // somebody else's
		}
		if w.hasOutput(e.Name()) {
			kept = append(kept, path)
		} else {
			stale = append(stale, Stale{filepath.Join(OutputDir, e.Name()), path})
		}
	}
	n, err := nix.Find(ctx, w.opts.Nix)
	if err != nil || len(stale) == 0 {
		return stale, 0, err
	}
	there := func(paths []string) []string {
		return slices.DeleteFunc(paths, func(path string) bool { return !nix.Registered(path) })
	}
	living, err := n.Closure(ctx, there(kept)...)
	if err != nil {
		return stale, 0, err
	}
	var dead []string
	for _, s := range stale {
		dead = append(dead, s.Path)
	}
	infos, err := n.Closure(ctx, there(dead)...)
	if err != nil {
		return stale, 0, err
	}
	for _, p := range infos {
		if !slices.ContainsFunc(living, func(l nix.PathInfo) bool { return l.Path == p.Path }) {
			frees += p.NarSize
		}
	}
	return stale, frees, nil
}

// hasOutput reports whether a link below output/ is that of a target, or of one
// of another project.
func (w *Workspace) hasOutput(attr string) bool {
	if _, ok := w.Manifest.Attr(attr); ok {
		return true
	}
	_, _, ok := w.Manifest.LocalTarget(attr)
	return ok
}

// Drop removes stale links.
func (w *Workspace) Drop(stale []Stale) error {
	var errs []error
	for _, s := range stale {
		errs = append(errs, nix.Unlink(filepath.Join(w.Dir(), s.Link)))
	}
	return errors.Join(errs...)
}
