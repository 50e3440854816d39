package engine

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
)

const (
	// quiet is how long nothing may happen before a build begins: saving one
	// file is several events, and a checkout is thousands.
	quiet = 15 * time.Millisecond
	// patience is how long a build is put off while things go on happening.
	patience = 250 * time.Millisecond
)

// WatchOptions of [Watch].
type WatchOptions struct {
	// Workspace is how the project is opened, each time anew.
	Workspace Options
	// Names select what is built, as for [Workspace.Select].
	Names []string
	Build BuildOptions
	// Started is called before each build with the changed files, relative to
	// the root; there are none for the first.
	Started func(w *Workspace, changed []string)
	// Finished is called with the outcome, unless a newer change made the build
	// pointless. Project errors come this way too.
	Finished func(results []Result, err error)
}

// Watch builds, and builds again each time a file changes that the selected
// targets use, until ctx ends. A build that a newer change made pointless is
// cancelled. Watch fails only if the project cannot be opened at all or files
// cannot be watched.
func Watch(ctx context.Context, dir string, opts WatchOptions) error {
	ws, err := Open(ctx, dir, opts.Workspace)
	if err != nil {
		return err
	}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return watchError(err)
	}
	defer func() { _ = events.Close() }()
	w := &watch{opts: opts, dir: ws.Dir(), events: events, finished: make(chan outcome, 1)}
	defer w.cancel()
	if err := w.attend(w.look(ctx, ws)); err != nil {
		return err
	}
	// What changed while the watches were set up is seen by opening it again.
	if err := w.round(ctx, nil, true); err != nil {
		return err
	}
	return w.loop(ctx)
}

// watch is one run of [Watch].
type watch struct {
	opts   WatchOptions
	dir    string
	events *fsnotify.Watcher
	seen   view

	// stop cancels the build that is going on, if there is one.
	stop     context.CancelFunc
	finished chan outcome
}

type outcome struct {
	results []Result
	err     error
}

// A view is what the outcome of a build depends on.
type view struct {
	// manifests are the files that say what to build, files those that the
	// targets are built from. Both are absolute.
	manifests, files map[string]bool
	// locks are the flake.lock files that there are: a first build writes them itself.
	locks map[string]bool
	// generated are the paths that builds write.
	generated map[string]bool
	// dirs are the directories whose listings decide which files those are.
	dirs []string
}

func (v view) uses(file string) bool { return v.manifests[file] || v.files[file] }

// affected lists the files that make another build necessary, sorted: those
// of the changed ones that are used, and those that came or went, alone or with
// their directory.
func (v view) affected(now view, changed []string) []string {
	var out []string
	other := false // the manifest says something else now
	for _, f := range changed {
		if v.uses(f) || now.uses(f) || v.locks[f] {
			out = append(out, f)
			other = other || v.manifests[f] || now.manifests[f]
		}
	}
	for _, pair := range [][2]view{{v, now}, {now, v}} {
		for f := range pair[0].files {
			if !other && !pair[1].files[f] {
				out = append(out, f)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w *watch) loop(ctx context.Context) error {
	var (
		changed  = map[string]bool{}
		overflow bool
		since    time.Time
		timer    = time.NewTimer(time.Hour)
	)
	wait := func() {
		now := time.Now()
		if len(changed) == 0 && !overflow {
			since = now
		}
		timer.Reset(min(quiet, max(0, patience-now.Sub(since))))
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-w.events.Events:
			if !w.seen.generated[e.Name] {
				wait()
				changed[e.Name] = true
			}
		case err := <-w.events.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return watchError(err)
			}
			wait()
			overflow = true
		case <-timer.C:
			if len(changed) == 0 && !overflow {
				continue
			}
			files := make([]string, 0, len(changed))
			for f := range changed {
				files = append(files, f)
			}
			if err := w.round(ctx, files, overflow); err != nil {
				return err
			}
			clear(changed)
			overflow = false
		case o := <-w.finished:
			w.stop = nil
			w.report(o)
		}
	}
}

func (w *watch) report(o outcome) {
	if w.opts.Finished != nil {
		w.opts.Finished(o.results, o.err)
	}
}

// cancel ends the build that is going on and waits until it has.
func (w *watch) cancel() {
	if w.stop != nil {
		w.stop()
		<-w.finished
		w.stop = nil
	}
}

// round looks at the project again after something changed, and begins a build
// if that matters, or if it must.
func (w *watch) round(ctx context.Context, changed []string, must bool) error {
	ws := w.open(ctx)
	if ws == nil {
		return nil
	}
	before, now := w.seen, w.look(ctx, ws)
	if err := w.attend(now); err != nil {
		return err
	}
	if relevant := before.affected(now, changed); must || len(relevant) > 0 {
		w.cancel()
		w.build(ctx, ws, w.relative(relevant))
	}
	return nil
}

// open opens the project, or reports why it cannot.
func (w *watch) open(ctx context.Context) *Workspace {
	ws, err := Open(ctx, w.dir, w.opts.Workspace)
	if err != nil {
		w.cancel()
		w.report(outcome{err: err})
	}
	return ws
}

// build begins a build, or reports what is wrong with the project.
func (w *watch) build(ctx context.Context, ws *Workspace, changed []string) {
	if w.opts.Started != nil {
		w.opts.Started(ws, changed)
	}
	var selected []Selected
	err := ws.Valid(ctx)
	if err == nil {
		selected, err = ws.Select(w.opts.Names)
	}
	if err != nil {
		w.report(outcome{err: err})
		return
	}
	building, stop := context.WithCancel(ctx)
	w.stop = stop
	go func() {
		results, err := ws.Build(building, selected, w.opts.Build)
		w.finished <- outcome{results, err}
	}()
}

func (w *watch) relative(files []string) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = f
		if rel, err := filepath.Rel(w.dir, f); err == nil {
			out[i] = filepath.ToSlash(rel)
		}
	}
	return out
}

// look says what the build of the selected targets depends on.
func (w *watch) look(ctx context.Context, ws *Workspace) view {
	v := view{manifests: map[string]bool{}, files: map[string]bool{}, locks: map[string]bool{}, generated: map[string]bool{}}
	dirs := map[string]bool{ws.Dir(): true}
	use := func(root string, files []string) {
		for _, f := range files {
			f = filepath.Join(root, filepath.FromSlash(f))
			v.files[f] = true
			dirs[filepath.Dir(f)] = true
		}
	}
	for _, p := range ws.projects(ctx) {
		units := p.units() // of another project, any may matter
		if p.Manifest == ws.Manifest {
			units = w.closure(ws)
		}
		files, whole := p.sources(units)
		use(p.Dir, files)
		if whole {
			use(p.Dir, p.tree.WholeTree())
		}
		for _, f := range p.Files {
			v.manifests[f.Path] = true
			dirs[filepath.Dir(f.Path)] = true
		}
		if p.tree.Exists("flake.lock") {
			v.locks[filepath.Join(p.Dir, "flake.lock")] = true
		}
		v.generated[filepath.Join(p.Dir, "flake.nix")] = true
		v.generated[filepath.Join(p.Dir, OutputDir)] = true
		for _, rel := range p.tree.Dirs() {
			dirs[filepath.Join(p.Dir, filepath.FromSlash(rel))] = true
		}
	}
	for d := range dirs {
		v.dirs = append(v.dirs, d)
	}
	return v
}

// closure lists the selected units and all they depend on in this project.
func (w *watch) closure(ws *Workspace) []manifest.Unit {
	selected, err := ws.Select(w.opts.Names)
	if err != nil {
		// A name that is misspelt, or gone for now: watch everything.
		selected = ws.everything()
	}
	seen := map[manifest.Unit]bool{}
	var out []manifest.Unit
	add := func(u manifest.Unit) {
		if u.Target != nil && !seen[u] {
			seen[u] = true
			out = append(out, u)
		}
	}
	for _, s := range selected {
		add(s.Unit)
	}
	for i := 0; i < len(out); i++ {
		for _, e := range out[i].Target.Edges {
			add(e.Unit)
		}
	}
	return out
}

// attend watches the directories of a view, and no others.
func (w *watch) attend(v view) error {
	wanted := make(map[string]bool, len(v.dirs))
	for _, d := range v.dirs {
		wanted[d] = true
	}
	// A directory that is gone is not among them any more.
	watched := map[string]bool{}
	for _, d := range w.events.WatchList() {
		watched[d] = true
		if !wanted[d] {
			_ = w.events.Remove(d)
		}
	}
	for d := range wanted {
		if watched[d] {
			continue
		}
		if err := w.events.Add(d); err != nil && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE)) {
			return watchError(err)
		}
		// Otherwise it vanished, and its parent tells when it comes back.
	}
	w.seen = v
	return nil
}

func watchError(err error) error {
	e := &Error{Code: diagnostic.CannotWatch, Message: "cannot watch the project's files", Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		e.Help = []string{"the system allows too few watches: sudo sysctl fs.inotify.max_user_watches=524288"}
	case errors.Is(err, syscall.EMFILE):
		e.Help = []string{"too many files or watchers are open: sudo sysctl fs.inotify.max_user_instances=1024, or ulimit -n 4096"}
	}
	return e
}
