package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/nix"
)

// Environment is what the build of a target sees: its toolchain and what it
// depends on, pinned.
type Environment struct {
	// Name of the target, or of the project.
	Name string
	// Variables for programs that a person starts, sorted by name: those of the
	// toolchain, without what only a build has use for.
	Variables []EnvVar
	// Search holds the variables that are lists of directories, such as PATH;
	// these directories go before those that are there.
	Search []SearchVar
	// build has everything that the build itself sees.
	build map[string]string
}

// phase is the text of a phase of the build; a long one is not where others are, see
// nixgen.
func (e *Environment) phase(name string) string {
	if text, long := e.build[name+"Text"]; long {
		return text
	}
	return e.build[name+"Phase"]
}

// EnvVar is an environment variable.
type EnvVar struct{ Name, Value string }

// SearchVar is an environment variable that lists directories.
type SearchVar struct {
	Name string
	Dirs []string
}

// Apply returns an environment, as of [os.Environ], with this one laid over it.
func (e *Environment) Apply(environ []string) []string {
	out := slices.Clone(environ)
	set := func(name, value string) {
		out = slices.DeleteFunc(out, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		out = append(out, name+"="+value)
	}
	for _, v := range e.Variables {
		set(v.Name, v.Value)
	}
	for _, s := range e.Search {
		value := strings.Join(s.Dirs, ":")
		for _, v := range environ {
			if old, ok := strings.CutPrefix(v, s.Name+"="); ok && old != "" {
				value += ":" + old
			}
		}
		set(s.Name, value)
	}
	return out
}

// The variables that belong to the person and the machine, whatever a build
// does with them, and those that are put before what is there.
var (
	ownVariables = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(HOME|SHELL|CONFIG_SHELL|USER|LOGNAME|TERM|TZ|LANG|LC_.*|TMP|TMPDIR|TEMP|TEMPDIR|PWD|OLDPWD|SHLVL|_|__.*|NIX_BUILD_TOP|NIX_ENFORCE_PURITY|NIX_ENFORCE_NO_NATIVE|NIX_LOG_FD|NIX_REMOTE|NIX_STORE|NIX_BUILD_CORES|SSL_CERT_FILE|NIX_SSL_CERT_FILE|GZIP_NO_TIMESTAMPS|ZERO_AR_DATE|RIGX_.*)$`)
	})
	// The attributes of a derivation have small letters: src, buildPhase, out.
	toolVariable = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Z_][A-Za-z0-9_]*$`)
	})
	searchLists = []string{"PATH", "XDG_DATA_DIRS"}
)

func newEnvironment(name, dir string, all [][2]string) *Environment {
	e := &Environment{Name: name, build: map[string]string{}}
	for _, v := range all {
		name, value := v[0], v[1]
		e.build[name] = value
		switch {
		case slices.Contains(searchLists, name):
			var dirs []string
			for _, dir := range filepath.SplitList(value) {
				if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
					dirs = append(dirs, dir)
				}
			}
			e.Search = append(e.Search, SearchVar{name, dirs})
		case toolVariable().MatchString(name) && !ownVariables().MatchString(name):
			e.Variables = append(e.Variables, EnvVar{name, value})
		}
	}
	e.Variables = append(e.Variables, EnvVar{"RIGX_DEVELOP", name}, EnvVar{"RIGX_PROJECT_ROOT", dir})
	slices.SortFunc(e.Variables, func(a, b EnvVar) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(e.Search, func(a, b SearchVar) int { return strings.Compare(a.Name, b.Name) })
	return e
}

// Environment returns what the build of a target sees, or what those of all
// targets see when name is empty. What the target depends on is built if need
// be, the target itself is not. As long as nothing changed but the target's own
// sources, the answer is remembered and no process is started.
func (w *Workspace) Environment(ctx context.Context, name string, opts BuildOptions) (*Environment, error) {
	if err := w.Valid(ctx); err != nil {
		return nil, err
	}
	want, err := w.wanted(name)
	if err != nil {
		return nil, err
	}
	if err := w.environments(ctx, []*wantedEnvironment{want}, opts); err != nil {
		return nil, err
	}
	return want.env, want.err
}

// environments fills in env or err of each. Those that are remembered cost
// nothing, the others one evaluation and one build together. The error returned
// means that nothing could be tried.
func (w *Workspace) environments(ctx context.Context, wants []*wantedEnvironment, opts BuildOptions) error {
	if w.opts.Nix.Store != "" {
		return failure(diagnostic.NotBuildable, "an environment is made in the store of this machine, not in %s", nix.Redacted(w.opts.Nix.Store))
	}
	var needs []Selected
	for _, want := range wants {
		needs = append(needs, want.needs...)
	}
	if err := w.checkExternal(needs); err != nil {
		return err
	}
	st := loadBuildState(w.opts.CacheDir, w.Dir())
	st.note(w.opts.Notes)
	prints := w.fingerprints(ctx, st, needs)
	var rest []*wantedEnvironment
	needs = nil
	for _, want := range wants {
		if want.env = w.recall(want, prints); want.env == nil {
			rest = append(rest, want)
			needs = append(needs, want.needs...)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	unlock, _, err := w.lockProject(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := w.prepare(ctx, needs)
	if err != nil {
		return err
	}
	prints = prints.afterGenerating(ctx)
	if err := s.environments(ctx, rest, opts); err != nil {
		return err
	}
	held := prints.hold()
	for _, want := range rest {
		if want.err == nil {
			w.keep(ctx, s, want, prints, held)
		}
	}
	st.save()
	return nil
}

// wantedEnvironment says what an environment is of.
type wantedEnvironment struct {
	name string
	req  nix.EnvironmentRequest
	// needs is what is built before, and must not have changed.
	needs []Selected
	// files are those of the target's own that matter, such as uv.lock.
	files []string

	// The outcome: the environment, where in the store it is, or why there is
	// none.
	env  *Environment
	path string
	err  error
}

func (w *Workspace) wanted(name string) (*wantedEnvironment, error) {
	want := &wantedEnvironment{name: name}
	if name == "" {
		want.name = w.Manifest.Project.Name.Value
		for _, s := range w.everything() {
			want.req.All = append(want.req.All, s.Attr)
		}
		for _, t := range w.Manifest.Targets {
			if !t.Buildable() || t.Kind == schema.Test || t.Kind == schema.Capsule {
				want.req.Packages = append(want.req.Packages, values(t.List(schema.DepsNixpkgs))...)
			}
		}
		slices.Sort(want.req.Packages)
		want.req.Packages = slices.Compact(want.req.Packages)
		return want, nil
	}
	base, err := w.ownName(name)
	if err != nil {
		return nil, err
	}
	t := w.Manifest.Target(base)
	if t == nil || t.Buildable() && t.Kind != schema.Test && t.Kind != schema.Capsule {
		selected, err := w.Select([]string{name})
		if err != nil {
			return nil, err
		}
		unit := selected[0].Unit
		if unit.Target == nil {
			return nil, &Error{
				Code: diagnostic.NotBuildable, Message: "`" + name + "` is of another project",
				Help: []string{"run `rigx develop` in the directory of that project"},
			}
		}
		if t != nil { // all variants were selected
			unit = t.First()
		}
		want.ofUnit(w, unit)
		return want, nil
	}
	want.needs = dependencies(t)
	if t.Buildable() && t.Kind == schema.Test {
		want.ofUnit(w, t.First())
		return want, nil
	}
	want.req.Packages = values(t.List(schema.DepsNixpkgs))
	for _, dep := range want.needs {
		want.req.Targets = append(want.req.Targets, dep.Attr)
	}
	return want, nil
}

func (want *wantedEnvironment) ofUnit(w *Workspace, u manifest.Unit) {
	want.req.Attr = u.Attr()
	want.needs = dependencies(u.Target)
	if files := w.Files.Of(u); files != nil {
		want.files = files.VenvFiles
	}
}

// dependencies are the targets that a target names.
func dependencies(t *manifest.Target) []Selected {
	var out []Selected
	for i := range t.Edges {
		switch e := &t.Edges[i]; e.Kind {
		case manifest.ToTarget:
			out = append(out, Selected{e.Unit.Attr(), e.Unit})
		case manifest.ToLocal:
			out = append(out, Selected{Attr: e.Name})
		}
	}
	return out
}

// environments builds what is needed, and then the environments.
func (s *session) environments(ctx context.Context, wants []*wantedEnvironment, opts BuildOptions) error {
	if err := s.buildNeeds(ctx, wants, opts); err != nil {
		return err
	}
	var good []*wantedEnvironment
	var requests []nix.EnvironmentRequest
	for _, want := range wants {
		if want.err == nil {
			good = append(good, want)
			requests = append(requests, want.req)
		}
	}
	drvs, err := s.nix.EvaluateEnvironments(ctx, s.w.evalRequest(s.in), requests)
	var failed *nix.EvalError
	if errors.As(err, &failed) {
		return s.evalError("the project", failed)
	}
	if err != nil {
		return err
	}
	var wanted []*wantedEnvironment
	var evaluated []nix.Derivation
	for i, drv := range drvs {
		if drv.Err != nil {
			good[i].err = s.evalError(good[i].name, drv.Err)
			continue
		}
		wanted = append(wanted, good[i])
		evaluated = append(evaluated, drv)
	}
	built, err := s.nix.Build(ctx, nix.BuildRequest{Derivations: evaluated, KeepGoing: true, Jobs: opts.Jobs, OnEvent: opts.Report})
	if err != nil {
		return err
	}
	for i, b := range built {
		want := wanted[i]
		if b.Err != nil {
			want.err = &Error{Code: diagnostic.NixFailed, Message: "the environment of `" + want.name + "` cannot be built", Err: b.Err}
			continue
		}
		want.path = b.Outputs["out"]
		variables, err := nix.ReadEnvironment(want.path)
		if err != nil {
			want.err = err
			continue
		}
		want.env = newEnvironment(want.name, s.w.Dir(), variables)
	}
	return nil
}

// buildNeeds builds what environments need, each once.
func (s *session) buildNeeds(ctx context.Context, wants []*wantedEnvironment, opts BuildOptions) error {
	var needs []Selected
	at := map[string]int{}
	for _, want := range wants {
		for _, need := range want.needs {
			if _, known := at[need.Attr]; !known {
				at[need.Attr] = len(needs)
				needs = append(needs, need)
			}
		}
	}
	results, err := s.build(ctx, needs, opts)
	if err != nil {
		return err
	}
	for _, want := range wants {
		for _, need := range want.needs {
			if r := &results[at[need.Attr]]; r.Err != nil && want.err == nil {
				want.err = &Error{
					Code: diagnostic.NixFailed, Message: "`" + want.name + "` needs `" + r.Attr + "`, which failed", Err: r.Err,
					Help: []string{"`rigx build " + r.Attr + "` shows how"},
				}
			}
		}
	}
	return nil
}

// keptEnvironment is what is remembered of one.
type keptEnvironment struct {
	Fingerprint string
	// Path in the store.
	Path string
}

// environmentFile is where one is remembered; the link beside it keeps it from
// being collected.
func (w *Workspace) environmentFile(want *wantedEnvironment) (file, link string) {
	project := sha256.Sum256([]byte(w.Dir()))
	id := sha256.Sum256([]byte(want.name + "\x00" + want.req.Attr))
	file = filepath.Join(w.opts.CacheDir, "environments", hex.EncodeToString(project[:8]), hex.EncodeToString(id[:8]))
	return file, file + ".root"
}

// environmentPrint is the fingerprint of an environment, "" if it has none.
func (w *Workspace) environmentPrint(want *wantedEnvironment, prints *fingerprints) string {
	if prints.unknowable != "" {
		return ""
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %x\n", []any{want.name, want.req}, prints.shared)
	for _, dep := range want.needs {
		print, why := prints.of(dep)
		if why != "" {
			return ""
		}
		fmt.Fprintf(h, "%s %x\n", dep.Attr, print[partSources])
	}
	for _, file := range want.files {
		sum, err := prints.st.index.Of(filepath.Join(w.Dir(), filepath.FromSlash(file)))
		if err != nil {
			return ""
		}
		fmt.Fprintf(h, "%s %x\n", file, sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// recall returns an environment that still holds, or nil.
func (w *Workspace) recall(want *wantedEnvironment, prints *fingerprints) *Environment {
	file, link := w.environmentFile(want)
	var kept keptEnvironment
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &kept) != nil || kept.Fingerprint == "" {
		return nil
	}
	if kept.Fingerprint != w.environmentPrint(want, prints) || !nix.Registered(kept.Path) {
		return nil
	}
	if to, err := os.Readlink(link); err != nil || to != kept.Path || !nix.Rooted(link) {
		return nil
	}
	variables, err := nix.ReadEnvironment(kept.Path)
	if err != nil {
		return nil
	}
	return newEnvironment(want.name, w.Dir(), variables)
}

// keep remembers an environment, but not for long if something changed meanwhile.
// Without it the next time takes longer, no more.
func (w *Workspace) keep(ctx context.Context, s *session, want *wantedEnvironment, prints *fingerprints, held bool) {
	file, link := w.environmentFile(want)
	if os.MkdirAll(filepath.Dir(file), 0o755) != nil || s.nix.Link(ctx, nix.Link{Path: link, To: want.path})[0] != nil {
		return
	}
	kept := keptEnvironment{Path: want.path}
	if held {
		kept.Fingerprint = w.environmentPrint(want, prints)
	}
	if data, err := json.Marshal(kept); err == nil {
		_ = writeDerived(file, string(data))
	}
}

// EnvironmentFiles lists the files that decide, besides sources, what an
// environment is: whoever remembers one watches them.
func (w *Workspace) EnvironmentFiles() []string {
	var out []string
	for _, f := range w.Manifest.AllFiles() {
		out = append(out, f.Path)
	}
	return append(out, w.lockPath())
}

// CacheFile writes a file below the cache directory, unless it is there as it
// should be, and returns its path.
func (w *Workspace) CacheFile(name, text string) (string, error) {
	file := filepath.Join(w.opts.CacheDir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", unwritable(file, err)
	}
	if _, err := writeIfChanged(file, text); err != nil {
		return "", unwritable(file, err)
	}
	return file, nil
}
