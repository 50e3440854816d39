package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/problem"
)

// OutputDir is the directory of the links to what was built.
const OutputDir = "output"

// BuildOptions of [Workspace.Build].
type BuildOptions struct {
	// Jobs is how many derivations Nix builds at once; 0 leaves it to Nix.
	Jobs int
	// Report receives what Nix does, as it happens. It may be nil.
	Report func(nix.Event)
	// CopyTo is a store or cache that gets what was built; CopyFrom one that is
	// asked for it first. Both may be empty.
	CopyTo, CopyFrom string
	// Fetch brings what was built in another store to this machine.
	Fetch bool
	// Trial leaves output/ and what is remembered of the targets as they are.
	Trial bool
	// line receives each line that the builder of a selected derivation prints.
	line func(attr, text string)
}

// Result is the outcome for one selected attribute.
type Result struct {
	Selected
	// Output is the store path of the built result, and Link the path below
	// output/ that points to it. Empty if Err is set.
	Output, Link string
	Err          error
	// Log holds the last lines of the builder, if it failed.
	Log      []string
	Duration time.Duration
	// Problems are what compilers complained about, in it or in the dependency
	// that failed.
	Problems []problem.Problem
	// Cached is true if nothing had to be built.
	Cached bool
	// Stale says why Nix was asked at all, such as "src/a.c changed". It is empty
	// for what is up to date.
	Stale string
	// outputs are the store paths by output name.
	outputs map[string]string
	drvPath string
	// Fix is set if it failed because of a hash in rigx.toml.
	Fix *HashFix
}

// Build builds what was selected. What is up to date costs no process; for the
// rest there is one evaluation of all derivations, one build of all, and a link
// for each that succeeded. A target that fails does not stop the others; its
// error is in its own result. The error that Build itself returns means that
// nothing could be tried. Two builds of one workspace must not run at once.
func (w *Workspace) Build(ctx context.Context, selected []Selected, opts BuildOptions) ([]Result, error) {
	remembered := w.remembered
	w.remembered = nil
	if remembered == nil {
		remembered = anticipate(w.opts.CacheDir, w.Dir())
	}
	go w.hostStamp()
	if err := w.Valid(ctx); err != nil {
		return nil, err
	}
	if err := w.checkExternal(selected); err != nil {
		return nil, err
	}
	results := make([]Result, len(selected))
	st := <-remembered
	st.note(w.opts.Notes)
	prints, stale := w.upToDate(ctx, st, selected, results)
	w.rememberListings()
	if opts.CopyTo != "" {
		stale = everyPlace(len(selected)) // Nix knows what the other one lacks
	}
	if len(stale) == 0 {
		return results, nil
	}
	unlock, waited, err := w.lockProject(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if waited && opts.CopyTo == "" {
		// The other one may have built the same.
		st = loadBuildState(w.opts.CacheDir, w.Dir())
		if prints, stale = w.upToDate(ctx, st, selected, results); len(stale) == 0 {
			return results, nil
		}
	}
	rest := make([]Selected, len(stale))
	for i, at := range stale {
		rest[i] = selected[at]
	}
	w.opts.Nix.Cache = opts.CopyFrom
	s, err := w.prepare(ctx, rest)
	if err != nil {
		return nil, err
	}
	prints = prints.afterGenerating(ctx)
	holds := make(chan bool, 1)
	s.evaluated = func() { go func() { holds <- prints.hold() }() }
	s.sources = prints.sources(rest)
	if !opts.Trial {
		s.early = map[string]bool{}
	}
	built, err := s.build(ctx, rest, opts)
	if err != nil {
		return nil, err
	}
	if !opts.Trial {
		s.link(ctx, built)
	}
	record := <-holds
	s.sources.remember(st, record)
	for i, at := range stale {
		built[i].Stale = results[at].Stale
		results[at] = built[i]
		if !opts.Trial {
			prints.record(&results[at], record)
		}
	}
	saved := make(chan struct{})
	go func() {
		defer close(saved)
		st.save()
	}()
	if !opts.Trial {
		w.rememberBuilds(results, s.complaints)
	}
	<-saved
	s.share(ctx, results, opts)
	return results, nil
}

// everyPlace lists the places of n things.
func everyPlace(n int) []int {
	places := make([]int, n)
	for i := range places {
		places[i] = i
	}
	return places
}

// session is a project ready for Nix: flake.nix is written, the inputs are
// decided and locked.
type session struct {
	w   *Workspace
	nix *nix.Nix
	in  Inputs
	// complaints of the last build.
	complaints *complaints
	// evaluated is called once the derivations are known, before they are built.
	evaluated func()
	// sources are those that Nix need not copy again; nil if none are known.
	sources *knownSources
	// early are the attributes that got a link while others were still being built;
	// nil if none is to get one.
	early map[string]bool
}

func (w *Workspace) prepare(ctx context.Context, selected []Selected) (*session, error) {
	if err := w.Valid(ctx); err != nil {
		return nil, err
	}
	if err := w.checkExternal(selected); err != nil {
		return nil, err
	}
	in, err := w.inputs(ctx)
	if err != nil {
		return nil, err
	}
	n, err := w.nix(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := w.Generate(ctx); err != nil {
		return nil, err
	}
	if err := w.ensureLocked(ctx, n, in); err != nil {
		return nil, err
	}
	return &session{w: w, nix: n, in: in}, nil
}

func (s *session) build(ctx context.Context, selected []Selected, opts BuildOptions) ([]Result, error) {
	s.complaints = s.w.newComplaints()
	results := make([]Result, len(selected))
	attrs := make([]string, len(selected))
	for i, sel := range selected {
		results[i].Selected = sel
		attrs[i] = sel.Attr
	}
	if len(selected) == 0 {
		return results, nil
	}
	index := make(map[string]int, len(attrs))
	for i, attr := range attrs {
		index[attr] = i
	}
	built, err := s.realise(ctx, attrs, opts, func(drvs []nix.Derivation) {
		for i, d := range drvs {
			if d.Err != nil {
				s.explainEval(ctx, &results[i], d.Err)
			}
		}
	})
	var failed *nix.EvalError
	var far *nix.UnreachableError
	switch {
	case errors.As(err, &failed):
		return nil, s.evalError("the project", failed)
	case errors.As(err, &far):
		return nil, &Error{Code: diagnostic.StoreUnreachable, Message: far.Error(), Help: []string{"try `ssh` with the same host; options for it are in NIX_SSHOPTS"}}
	case err != nil:
		return nil, err
	}
	for _, b := range built {
		r := &results[index[b.Attr]]
		r.Problems = s.complaints.ofBuilt(r.Unit, b.Err)
		r.Duration, r.Cached, r.drvPath = b.Duration, b.Cached, b.DrvPath
		if b.Err != nil {
			r.Err, r.Log = b.Err, b.Err.Log
			if b.Err.Hash != nil {
				s.explainHash(r, b.Err)
			} else if b.Err.System != "" {
				r.Err = foreign(b.Err)
			}
			continue
		}
		r.Output, r.outputs = b.Outputs["out"], b.Outputs
	}
	return results, nil
}

// fewAttributes are evaluated and built by one process, which would keep the memory
// that many need for as long as they build.
const fewAttributes = 32

// realise evaluates attributes and builds those that can be. evaluated is called
// with all derivations before the first is built.
func (s *session) realise(ctx context.Context, attrs []string, o BuildOptions, evaluated func([]nix.Derivation)) ([]nix.Built, error) {
	report, expect := s.report(ctx, o)
	eval := s.w.evalRequest(s.in, attrs...)
	if s.sources != nil {
		s.sources.add(ctx, s.nix)
		eval.Sources, eval.Copied = s.sources.paths, func(key, path string) { s.sources.copied[key] = path }
	}
	build := nix.BuildRequest{Jobs: o.Jobs, KeepGoing: true, OnEvent: report}
	known := func(drvs []nix.Derivation) {
		if s.evaluated != nil {
			s.evaluated()
		}
		for _, d := range drvs {
			if d.Err == nil {
				build.Derivations = append(build.Derivations, d)
			}
		}
		expect(build.Derivations)
		evaluated(drvs)
	}
	if len(attrs) <= fewAttributes {
		if built, ok, err := s.nix.Realise(ctx, eval, build, known); ok || err != nil {
			return built, err
		}
	}
	drvs, err := s.nix.Evaluate(ctx, eval)
	if err != nil {
		return nil, err
	}
	known(drvs)
	if o.line == nil {
		build.Brief = func() bool { return s.brief(build.Derivations) }
	}
	return s.nix.Build(ctx, build)
}

// brief reports whether none of some derivations took long when it was last built.
func (s *session) brief(drvs []nix.Derivation) bool {
	lasted := s.w.Durations()
	return !slices.ContainsFunc(drvs, func(d nix.Derivation) bool { return lasted[nix.DerivationName(d.DrvPath)] > nix.Moment })
}

// report hands on what Nix does: to the options' Report, the lines of the expected
// derivations' builders to line, and to the complaints.
// What is built for output/ gets its link there at once.
func (s *session) report(ctx context.Context, o BuildOptions) (report func(nix.Event), expect func([]nix.Derivation)) {
	wanted := map[string]nix.Derivation{}
	expect = func(drvs []nix.Derivation) {
		for _, d := range drvs {
			wanted[d.DrvPath] = d
		}
	}
	report = func(e nix.Event) {
		s.complaints.event(e)
		switch e := e.(type) {
		case nix.LogLine:
			if d, ok := wanted[e.DrvPath]; ok && o.line != nil {
				o.line(d.Attr, e.Text)
			}
		case nix.BuildFinished:
			if d, ok := wanted[e.DrvPath]; ok && s.early != nil {
				s.linkEarly(ctx, d)
			}
		}
		if o.Report != nil {
			o.Report(e)
		}
	}
	return report, expect
}

// evalError says what an error of Nix means in terms of the project.
func (s *session) evalError(what string, failed *nix.EvalError) error {
	if missing, ok := strings.CutPrefix(failed.Message, "rigx-host: "); ok {
		return &Error{Code: diagnostic.HostMissing, Message: missing}
	}
	if name, ok := failed.MissingAttr(); ok {
		return s.noPackage(name)
	}
	return &Error{Code: diagnostic.NixFailed, Message: "Nix cannot evaluate `" + what + "`", Err: failed}
}

// noPackage says that nixpkgs lacks an attribute, and who wants it.
func (s *session) noPackage(name string) error {
	e := &Error{Code: diagnostic.NoPackage, Message: "nixpkgs (" + s.w.ref() + ") has no `" + name + "`"}
	if s.in.Host != nil {
		e.Code = diagnostic.HostMissing
		e.Message = "the host package set has no `" + name + "`: there is no program or library of that name on this machine"
		e.Help = []string{"install it, or use a pinned nixpkgs"}
	}
	for _, t := range s.w.Manifest.Targets {
		for _, edge := range t.Edges {
			if edge.Kind == manifest.ToNixpkgs && slices.Contains(strings.Split(edge.Name, "."), name) {
				at := edge.At.File.Position(edge.At.Span.Start)
				e.Help = append(e.Help, fmt.Sprintf("%s:%d: `%s` wants it", edge.At.File.Name, at.Line+1, t.Name))
				return e
			}
		}
	}
	return e
}

// link points output/<attr> at each result that there is; the links keep them from
// being collected as garbage. A result that cannot be linked has failed.
func (s *session) link(ctx context.Context, results []Result) {
	dir := filepath.Join(s.w.Dir(), OutputDir)
	missing := os.MkdirAll(dir, 0o755)
	var links []nix.Link
	var of []*Result
	for i := range results {
		switch r := &results[i]; {
		case r.Err != nil && s.early[r.Attr]:
			_ = nix.Unlink(filepath.Join(dir, r.Attr))
		case r.Err != nil:
		case missing != nil:
			r.Err = unwritable(dir, missing)
		default:
			r.Link = filepath.Join(OutputDir, r.Attr)
			links, of = append(links, nix.Link{Path: filepath.Join(dir, r.Attr), To: r.Output}), append(of, r)
		}
	}
	for i, err := range s.nix.Link(ctx, links...) {
		if err != nil {
			of[i].Err = unwritable(links[i].Path, err)
		}
	}
}

// linkEarly makes the link of a target that seems to be built, unless it has one: that
// one is good until all is known. With a daemon it would take a conversation each.
func (s *session) linkEarly(ctx context.Context, d nix.Derivation) {
	if s.w.opts.Nix.Store != "" || nix.UsesDaemon() || !nix.Registered(d.Outputs["out"]) {
		return
	}
	link := filepath.Join(s.w.Dir(), OutputDir, d.Attr)
	if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) || os.MkdirAll(filepath.Dir(link), 0o755) != nil {
		return
	}
	if s.nix.Link(ctx, nix.Link{Path: link, To: d.Outputs["out"]})[0] == nil {
		s.early[d.Attr] = true
	}
}

// Clean removes the links below output/, and output/ itself unless something
// else is in it. It returns how many links it removed.
func (w *Workspace) Clean(ctx context.Context) (int, error) {
	dir := filepath.Join(w.Dir(), OutputDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	removed := 0
	var errs []error
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err != nil || !nix.InStore(to) {
			errs = append(errs, fmt.Errorf("%s is not a link that rigx made; remove it yourself if it is not needed", filepath.Join(OutputDir, e.Name())))
			continue
		}
		if err := nix.Unlink(filepath.Join(dir, e.Name())); err != nil {
			errs = append(errs, err)
			continue
		}
		removed++
	}
	if len(errs) == 0 {
		errs = append(errs, os.Remove(dir))
	}
	return removed, errors.Join(errs...)
}
