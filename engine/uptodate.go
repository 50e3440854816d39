package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/source"
	"github.com/rigx-build/rigx/nixgen"
)

// A build with nothing to do starts no process. What a unit is made from is
// boiled down to a fingerprint; if that is the one that its output was made
// from, and the output is in the store, it is up to date. Whatever is in doubt
// is built.

// The parts of a fingerprint.
const (
	partProgram  = iota // rigx itself
	partManifest        // the text of all files of the project and those it depends on
	partFlake           // flake.nix and flake.lock
	partNix             // the Nix in use and its configuration
	partNixpkgs         // the nixpkgs in use
	partSources         // the content of the unit's sources and of all it depends on
	parts
)

var partNames = [parts]string{"rigx", "rigx.toml", "flake.nix or flake.lock", "Nix or its configuration", "nixpkgs", "its sources"}

// fingerprint says what a unit is made from, part by part.
type fingerprint [parts]source.Hash

// generatedFiles are what Nix evaluates.
var generatedFiles = [...]string{"flake.nix", "flake.lock"}

// fingerprints computes the fingerprints of units.
type fingerprints struct {
	w        *Workspace
	st       *buildState
	selected []Selected
	shared   fingerprint // all parts but the sources
	// unknowable says why nothing can be told of any unit, "" if it can.
	unknowable string
	// observed are all files that count; lists of them are of their places.
	observed *source.Observation
	sets     map[*manifest.UnitFiles][]int
	// folders says which directories on the way to files are links: what lies behind
	// one is no source.
	folders string
	own     map[*manifest.Target]targetPrint // without what a target depends on
	targets map[*manifest.Target]targetPrint
	// others are the files of the projects this one depends on; nothing can be told of
	// what needs them if othersUnknowable says why.
	others           []int
	othersUnknowable string
	generated        string // see generatedStamp
}

// fingerprints observes all that the selected units are made from.
func (w *Workspace) fingerprints(ctx context.Context, st *buildState, selected []Selected) *fingerprints {
	f := &fingerprints{w: w, st: st, selected: selected, sets: map[*manifest.UnitFiles][]int{}, targets: map[*manifest.Target]targetPrint{}}
	var sharing sync.WaitGroup
	sharing.Go(f.share)
	seen, targets := st.index.NewObservation(), w.reached(selected)
	root := f.root()
	var whole []int // computed once
	local := false
	for _, t := range targets {
		for i := range t.Edges {
			local = local || t.Edges[i].Kind == manifest.ToLocal
		}
		for _, u := range t.Units() {
			files := w.Files.Of(u)
			switch {
			case files == nil:
			case files.Src.Whole:
				if whole == nil {
					whole = seen.Add(nil, "", w.projects(ctx)[0].wholeTree())
				}
				f.sets[files] = whole
			default:
				set := make([]int, 0, len(files.Src.Files)+len(files.VenvFiles))
				f.sets[files] = seen.Add(seen.Add(set, root, files.Src.Files), root, files.VenvFiles)
			}
		}
	}
	for _, s := range selected {
		local = local || s.Unit.Target == nil
	}
	if local {
		f.observeOthers(ctx, seen)
	}
	sharing.Wait()
	if f.unknowable != "" {
		return f
	}
	var looking sync.WaitGroup
	looking.Go(func() { f.folders = linkedFolders(root, seen.Dirs()) })
	seen.Observe()
	looking.Wait()
	f.observed = seen
	f.hashSources(targets)
	f.shareHost()
	return f
}

// observeOthers adds the files of the projects that this one depends on: of all targets,
// rather than of those that are used. It is built for real too often, never too seldom.
func (f *fingerprints) observeOthers(ctx context.Context, seen *source.Observation) {
	for _, p := range f.w.projects(ctx)[1:] {
		files, whole := p.sources(p.units())
		f.others = seen.Add(f.others, filepath.Clean(p.Dir)+string(filepath.Separator), append(files, "flake.lock"))
		if whole {
			f.others = seen.Add(f.others, "", p.wholeTree())
		}
		switch {
		case len(p.External) > 0:
			f.othersUnknowable = "the external inputs of " + p.Dir + " are not watched"
		case nixgen.IsRelative(p.Nixpkgs.Value) && f.w.ref() != hostRef:
			f.othersUnknowable = "the nixpkgs of " + p.Dir + " is a directory, which is not watched"
		case p.Nixpkgs.Value == hostRef && f.w.ref() != hostRef:
			f.othersUnknowable = "the programs of this machine, which " + p.Dir + " uses, are not watched"
		case hasErrors(p.files.Diagnostics()):
			f.othersUnknowable = "something is wrong in " + p.Dir
		}
	}
}

// linkedFolders lists the links among some directories below root and those that they
// are in.
func linkedFolders(root string, dirs iter.Seq[string]) string {
	var links []string
	seen := map[string]bool{}
	for dir := range dirs {
		for dir = filepath.Clean(dir); len(dir) > len(root) && strings.HasPrefix(dir, root) && !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			if to, err := os.Readlink(dir); err == nil {
				links = append(links, dir+" -> "+to)
			}
		}
	}
	slices.Sort(links)
	return strings.Join(links, "\n")
}

// share computes the parts that all units have in common, but for what shareHost does.
func (f *fingerprints) share() {
	w := f.w
	sum := func(part int, write func(h hash.Hash)) {
		h := sha256.New()
		write(h)
		f.shared[part] = source.Hash(h.Sum(nil))
	}
	if w.opts.Nix.Store != "" {
		f.unknowable = "the store is another one than this machine's"
		return
	}
	sum(partProgram, func(h hash.Hash) {
		self, _ := os.Executable()
		fmt.Fprintln(h, Version, self, statText(self))
	})
	sum(partManifest, func(h hash.Hash) {
		for _, file := range w.Manifest.AllFiles() {
			fmt.Fprintf(h, "%s %d\n%s\n", file.Path, len(file.Tree.Text), file.Tree.Text)
		}
		for _, in := range w.Manifest.External {
			for _, b := range in.Buckets {
				fmt.Fprintln(h, b.Env.Value, os.Getenv(b.Env.Value))
			}
		}
	})
	for _, name := range generatedFiles {
		path := filepath.Join(w.Dir(), name)
		if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
			f.unknowable = name + " is a link"
			return
		}
	}
	sum(partFlake, func(h hash.Hash) {
		for _, name := range generatedFiles {
			sum, err := f.st.index.Of(filepath.Join(w.Dir(), name))
			fmt.Fprintln(h, name, sum, err != nil)
		}
	})
	path, err := nix.Locate()
	if err != nil {
		f.unknowable = err.Error()
		return
	}
	sum(partNix, func(h hash.Hash) { nixText(h, path) })
	f.shareNixpkgs(sum)
}

func (f *fingerprints) shareNixpkgs(sum func(int, func(hash.Hash))) {
	w := f.w
	switch {
	case w.ref() == hostRef:
	case w.opts.Nixpkgs != "":
		f.unknowable = "--nixpkgs " + w.opts.Nixpkgs + " may lead elsewhere by now"
	case nixgen.IsRelative(w.ref()):
		f.unknowable = "nixpkgs is a directory, which is not watched"
	default:
		sum(partNixpkgs, func(h hash.Hash) { fmt.Fprintln(h, w.ref()) })
		if missing := w.unlocked(Inputs{Overrides: map[string]string{}}); len(missing) > 0 {
			f.unknowable = strings.Join(missing, ", ") + " is not locked"
		}
	}
}

// shareHost adds what is known of the packages of this machine, which takes a while.
func (f *fingerprints) shareHost() {
	if f.w.ref() == hostRef {
		f.shared[partNixpkgs] = f.w.hostStamp()
	}
}

// nixText writes what tells one Nix and its configuration from another.
func nixText(to io.Writer, path string) {
	real, _ := filepath.EvalSymlinks(path)
	fmt.Fprintln(to, path, real, statText(real))
	nix.WriteConfiguration(to)
	var env []string
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "NIX_") || strings.HasPrefix(v, "NIXPKGS_") {
			env = append(env, v)
		}
	}
	slices.Sort(env)
	fmt.Fprintln(to, env)
}

// statText is what tells one version of a program from another.
func statText(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano(), info.Mode())
}

// targetPrint is the last part of a fingerprint for a target and all that it
// depends on.
type targetPrint struct {
	hash  source.Hash
	local bool   // something of another project is among it
	why   string // there is none
}

// hashSources hashes the sources of targets, of several at once.
func (f *fingerprints) hashSources(targets []*manifest.Target) {
	prints := make([]targetPrint, len(targets))
	var next atomic.Int32
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(targets)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(targets); i = int(next.Add(1)) - 1 {
				prints[i] = f.hashOwn(targets[i])
			}
		})
	}
	workers.Wait()
	f.own = make(map[*manifest.Target]targetPrint, len(targets))
	for i, t := range targets {
		f.own[t] = prints[i]
	}
}

// hashOwn hashes the sources of a target.
func (f *fingerprints) hashOwn(t *manifest.Target) (print targetPrint) {
	h := f.newHash()
	for _, u := range t.Units() {
		files := f.w.Files.Of(u)
		if files == nil {
			continue
		}
		fmt.Fprintf(h, "\n%s %d\n", u.Attr(), len(f.sets[files]))
		for _, at := range f.sets[files] {
			if !h.add(at) && print.why == "" {
				print.why = "cannot read " + f.observed.Path(at)
			}
		}
	}
	print.hash = h.sum()
	return print
}

// target hashes the sources of a target, and what it depends on, once.
func (f *fingerprints) target(t *manifest.Target) targetPrint {
	if print, ok := f.targets[t]; ok {
		return print
	}
	print, ok := f.own[t]
	if !ok {
		print.why = "its sources were not looked at"
	}
	h := sha256.New()
	h.Write(print.hash[:])
	for i := range t.Edges {
		switch e := &t.Edges[i]; e.Kind {
		case manifest.ToExternal:
			print.why = "the external input `" + e.Name + "` is not watched"
		case manifest.ToLocal:
			print.local = true
		case manifest.ToTarget:
			dep := f.target(e.Unit.Target)
			h.Write(dep.hash[:])
			print.local = print.local || dep.local
			if print.why == "" {
				print.why = dep.why
			}
		}
	}
	print.hash = source.Hash(h.Sum(nil))
	f.targets[t] = print
	return print
}

// fileHash is a hash of files, by their paths and what they hold.
type fileHash struct {
	hash.Hash
	seen *source.Observation
	line []byte
}

func (f *fingerprints) newHash() *fileHash {
	h := &fileHash{sha256.New(), f.observed, nil}
	_, _ = io.WriteString(h, f.folders)
	return h
}

// add adds the file at a place, and reports whether it can be read.
func (h *fileHash) add(place int) bool {
	hash, ok := h.seen.Hash(place)
	h.line = append(h.seen.AppendPath(h.line[:0], place), hash[:]...)
	h.Write(h.line)
	return ok
}

func (h *fileHash) sum() source.Hash { return source.Hash(h.Sum(nil)) }

// of returns the fingerprint of something selected, or why it has none.
func (f *fingerprints) of(s Selected) (fingerprint, string) {
	if f.unknowable != "" {
		return fingerprint{}, f.unknowable
	}
	sources := targetPrint{local: true}
	if s.Unit.Target != nil {
		sources = f.target(s.Unit.Target)
	}
	if sources.local {
		if sources.why == "" {
			sources.why = f.othersUnknowable
		}
		h := f.newHash()
		h.Write(sources.hash[:])
		for _, at := range f.others {
			h.add(at) // a flake.lock may be missing
		}
		sources.hash = h.sum()
	}
	print := f.shared
	print[partSources] = sources.hash
	return print, sources.why
}

// check reports whether something selected was made from what there is now; if not, it
// says why.
func (f *fingerprints) check(s Selected) (why string) {
	print, why := f.of(s)
	if why != "" {
		return why
	}
	built, ok := f.st.known.Units[s.Attr]
	if !ok {
		return "it was not built before"
	}
	for part := range parts {
		if built.Fingerprint[part] != print[part] {
			return f.whatChanged(part, s)
		}
	}
	return ""
}

// lost says what is not there any more of what was built of each that is selected, or "".
func (w *Workspace) lost(st *buildState, selected []Selected) []string {
	lost := make([]string, len(selected))
	for i, s := range selected {
		if built, ok := st.known.Units[s.Attr]; ok {
			lost[i] = w.lostOf(built, s.Attr)
		}
	}
	return lost
}

func (w *Workspace) lostOf(built builtUnit, attr string) string {
	for _, path := range built.Outputs {
		if !nix.Registered(path) {
			return path + " is not in the store"
		}
	}
	link := filepath.Join(w.Dir(), OutputDir, attr)
	if to, err := os.Readlink(link); err != nil || to != built.Outputs["out"] || !nix.Rooted(link) {
		return filepath.Join(OutputDir, attr) + " does not lead to it"
	}
	return ""
}

// whatChanged names the part of a fingerprint that is another one, and the file
// if it is a source that can be told.
func (f *fingerprints) whatChanged(part int, s Selected) string {
	why := partNames[part] + " changed"
	if part != partSources {
		return why
	}
	for _, t := range f.w.reached([]Selected{s}) {
		for _, u := range t.Units() {
			for _, at := range f.sets[f.w.Files.Of(u)] {
				path := f.observed.Path(at)
				before, known := f.st.index.Before(path)
				now, _ := f.observed.Hash(at)
				if known && before == now {
					continue
				}
				name, err := filepath.Rel(f.w.Dir(), path)
				if err != nil {
					name = path
				}
				if !known {
					return name + " is new"
				}
				return name + " changed"
			}
		}
	}
	return why
}

// upToDate fills in the results of what is up to date, and returns the places of the
// others.
func (w *Workspace) upToDate(ctx context.Context, st *buildState, selected []Selected, results []Result) (f *fingerprints, stale []int) {
	var lost []string
	var looking sync.WaitGroup
	looking.Go(func() { lost = w.lost(st, selected) })
	f = w.fingerprints(ctx, st, selected)
	looking.Wait()
	for i, s := range selected {
		results[i] = Result{Selected: s, Stale: cmp.Or(f.check(s), lost[i])}
		if results[i].Stale != "" {
			stale = append(stale, i)
			continue
		}
		outputs := f.st.known.Units[s.Attr].Outputs
		results[i].Output, results[i].outputs = outputs["out"], outputs
		results[i].Link, results[i].Cached = filepath.Join(OutputDir, s.Attr), true
	}
	return f, stale
}

// afterGenerating returns what holds once flake.nix and flake.lock are written:
// the same, unless they are others now.
func (f *fingerprints) afterGenerating(ctx context.Context) *fingerprints {
	before := f.shared
	f.unknowable, f.generated = "", f.generatedStamp()
	f.share()
	f.shareHost()
	if f.unknowable == "" && f.shared[partFlake] == before[partFlake] && f.observed != nil {
		return f
	}
	again := f.w.fingerprints(ctx, f.st, f.selected)
	again.generated = f.generated
	return again
}

// generatedStamp tells whether somebody else replaced the files that Nix evaluates,
// perhaps by ones that are the same again.
func (f *fingerprints) generatedStamp() string {
	var b strings.Builder
	for _, m := range f.w.Manifest.Projects() {
		for _, name := range generatedFiles {
			fmt.Fprintln(&b, source.Identity(filepath.Join(m.Dir, name)))
		}
	}
	return b.String()
}

// hold reports whether nothing changed since the files were observed, and since
// flake.nix was written.
func (f *fingerprints) hold() bool {
	return f.observed != nil && f.generatedStamp() == f.generated && f.observed.Holds() && linkedFolders(f.root(), f.observed.Dirs()) == f.folders
}

// root is what the paths of the project's files begin with.
func (f *fingerprints) root() string { return filepath.Clean(f.w.Dir()) + string(filepath.Separator) }

// record remembers a unit that was built, if what it was made from held still
// meanwhile. A unit that was not is forgotten.
func (f *fingerprints) record(r *Result, held bool) {
	f.st.dirty = true
	delete(f.st.known.Units, r.Attr)
	if r.Err != nil || !held {
		return
	}
	if print, why := f.of(r.Selected); why == "" {
		f.st.known.Units[r.Attr] = builtUnit{print, r.outputs}
	}
}
