package engine

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/rigx-build/rigx/engine/history"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/source"
	"github.com/rigx-build/rigx/nixgen/hostpkgs"
	"github.com/rigx-build/rigx/testbed/control"
)

// Options of a workspace.
type Options struct {
	// Nixpkgs overrides [nixpkgs].ref for this run: "host", a branch, tag or
	// commit, a flake URL, or a path.
	Nixpkgs string
	// Nix is passed on to the Nix that is found.
	Nix nix.Options
	// Remote is the [remotes.<name>] to use, if not empty.
	Remote string
	// CacheDir holds what can be computed again; the user's cache directory
	// when empty.
	CacheDir string
	// Anticipate reads what is remembered of earlier builds while the project is
	// loaded, as there will be another one.
	Anticipate bool
	// Notes receives remarks that concern the whole run, such as that
	// flake.nix was written anew. Nil discards them.
	Notes io.Writer
	// Testbeds are about the testbeds of scripts and tests.
	Testbeds TestbedOptions
}

// Workspace is an open project.
type Workspace struct {
	Manifest *manifest.Manifest
	// Files of the targets; nil until [Workspace.Resolve].
	Files *manifest.Files

	opts Options
	tree *source.Tree
	// listings are what the directories of the tree held in earlier runs.
	listings func() listings
	all      []project // see projects
	// warned are the warnings that were given.
	warned map[string]bool
	// hostStamp tells one host package set from another; it is nothing in
	// projects that use none.
	hostStamp func() source.Hash
	hostSet   *hostpkgs.Set
	// remembered gives what is known of earlier builds, once; it may be nil.
	remembered <-chan *buildState
}

// FindRoot returns the root directory of the project that dir lies in; see
// [manifest.FindRoot].
func FindRoot(dir string) (string, error) {
	root, _, err := findRoot(dir)
	return root, err
}

// findRoot returns the parsed rigx.toml as well, so that it is parsed once.
func findRoot(dir string) (string, *syntax.File, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return "", nil, failure(diagnostic.NoProject, "there is no directory %s", dir)
	}
	if root, file := manifest.FindRoot(source.Disk(), abs, nil); root != "" {
		return root, file, nil
	}
	return "", nil, &Error{
		Code:    diagnostic.NoProject,
		Message: "there is no " + manifest.FileName + " in " + abs + " or above it",
		Help:    []string{"change to the project's directory, or name it with -C DIR"},
	}
}

// Open loads the project whose root is found from dir upwards. A project with
// errors opens as well: see [Workspace.Diagnostics].
func Open(ctx context.Context, dir string, opts Options) (*Workspace, error) {
	root, rootFile, err := findRoot(dir)
	if err != nil {
		return nil, err
	}
	if opts.CacheDir == "" {
		if opts.CacheDir, err = history.CacheDir(); err != nil {
			if opts.CacheDir, err = temporaryCache(); err != nil {
				return nil, err
			}
		}
	}
	if opts.Notes == nil {
		opts.Notes = io.Discard
	}
	opts.Nix.CacheDir = opts.CacheDir
	disk := source.Disk()
	known := rememberedListings(opts.CacheDir, root)
	var remembered <-chan *buildState
	if opts.Anticipate {
		remembered = anticipate(opts.CacheDir, root)
	}
	parsed := func(path string) *syntax.File {
		if rootFile != nil && path == rootFile.Path {
			return rootFile
		}
		return nil
	}
	m := manifest.Load(ctx, disk, root, manifest.Options{Parsed: parsed})
	if abs, err := filepath.Abs(dir); err == nil {
		if stray := m.Stray(disk, abs); stray != "" && !hasErrors(m.Diagnostics()) {
			root, m, remembered = stray, manifest.Load(ctx, disk, stray, manifest.Options{}), nil
			known = rememberedListings(opts.CacheDir, root)
		}
	}
	w := &Workspace{
		Manifest:   m,
		opts:       opts,
		remembered: remembered,
		tree:       source.NewRememberingTree(root, func() *source.Listings { return known().Listings }),
		listings:   known,
		warned:     map[string]bool{},
	}
	w.hostStamp = sync.OnceValue(func() (stamp source.Hash) {
		if w.ref() == hostRef {
			stamp = hostpkgs.Stamp(os.Getenv("PATH"))
		}
		return stamp
	})
	if opts.Anticipate {
		go w.hostStamp()
	}
	return w, w.useRemote(opts.Remote)
}

// temporaryCache is for users without a directory of their own for caches.
func temporaryCache() (string, error) {
	dir := filepath.Join(os.TempDir(), "rigx-cache-"+strconv.Itoa(os.Getuid()))
	if err := control.OwnDir(dir); err != nil {
		return "", &Error{Code: diagnostic.Unwritable, Message: "there is no directory for what rigx remembers", Help: []string{"set XDG_CACHE_HOME to a directory of yours"}, Err: err}
	}
	return dir, nil
}

// Dir is the root directory of the project.
func (w *Workspace) Dir() string { return w.Manifest.Dir }

// Resolve expands globs and looks for the files of all targets. It is done
// once.
func (w *Workspace) Resolve(ctx context.Context) *manifest.Files {
	if w.Files == nil {
		w.Files = w.Manifest.ResolveFiles(ctx, w.tree)
	}
	return w.Files
}

// Diagnostics returns all findings, files included, by file and place.
func (w *Workspace) Diagnostics(ctx context.Context) []*diagnostic.Diagnostic {
	all := w.withoutScripts(ctx)
	for _, m := range w.Manifest.Projects() {
		all = append(all, m.CheckScripts(nil)...)
	}
	return diagnostic.Sorted(all, w.Manifest.AllFiles())
}

func (w *Workspace) withoutScripts(ctx context.Context) []*diagnostic.Diagnostic {
	return append(w.Manifest.Diagnostics(), w.Resolve(ctx).Diagnostics()...)
}

// Warnings are what seems wrong and stops nothing, by file and place, without what only a
// look into scripts would tell.
func (w *Workspace) Warnings(ctx context.Context) []*diagnostic.Diagnostic {
	all := w.withoutScripts(ctx)
	all = slices.DeleteFunc(all, func(d *diagnostic.Diagnostic) bool { return d.Severity != diagnostic.Warning })
	return diagnostic.Sorted(all, w.Manifest.AllFiles())
}

// Valid returns an [InvalidError] if there is any error among the diagnostics.
func (w *Workspace) Valid(ctx context.Context) error {
	if hasErrors(w.Manifest.Diagnostics()) || hasErrors(w.Resolve(ctx).Diagnostics()) {
		return &InvalidError{Diagnostics: w.Diagnostics(ctx), Manifest: w.Manifest}
	}
	return nil
}
