package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// Affected tells which targets may build or behave in another way than at a
// revision of git: those whose definition or sources differ in the work tree,
// what depends on them, and all if the locked inputs, the nixpkgs or the version
// of the project differ. Host tests and scripts see the whole project, so any
// change of it counts for them. What is in doubt is affected.
func (w *Workspace) Affected(ctx context.Context, revision string) (func(*manifest.Target) bool, error) {
	if err := w.Valid(ctx); err != nil {
		return nil, err
	}
	then, err := source.OpenRevision(ctx, w.Dir(), revision)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e := &Error{Code: diagnostic.NoRevision, Message: "nothing can be compared with " + revision, Err: err}
		if !errors.Is(err, source.ErrNoGit) {
			e.Help = []string{"in CI, fetch enough of the history: `fetch-depth: 0` of actions/checkout"}
		}
		return nil, e
	}
	names, err := then.Changed()
	if err != nil {
		return nil, err
	}
	a := &affected{w: w, before: manifest.Load(ctx, then, w.Dir(), manifest.Options{}), known: map[*manifest.Target]bool{}, dirs: map[string]bool{}}
	for _, name := range names {
		a.changed = append(a.changed, filepath.Join(then.Top, filepath.FromSlash(name)))
	}
	slices.Sort(a.changed)
	if a.everything() {
		return func(*manifest.Target) bool { return true }, nil
	}
	a.filesBefore = a.before.ResolveFiles(ctx, source.NewTree(then, w.Dir()))
	a.others = w.projects(ctx)[1:]
	for _, m := range a.before.Projects()[1:] {
		tree := source.NewTree(then, m.Dir)
		a.others = append(a.others, project{m, m.ResolveFiles(ctx, tree), tree})
	}
	return a.target, nil
}

type affected struct {
	w           *Workspace
	before      *manifest.Manifest
	filesBefore *manifest.Files
	changed     []string // absolute paths, sorted
	known       map[*manifest.Target]bool
	// others are the projects that it depends, or depended, on, and dirs whether anything
	// changed in those that were looked at.
	others []project
	dirs   map[string]bool
}

// everything reports whether all targets are affected.
func (a *affected) everything() bool {
	shared := func(m *manifest.Manifest) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%q %q\n", m.Project.Version.Value, m.Nixpkgs.Value)
		for _, g := range m.Git {
			fmt.Fprintf(&b, "%q %q %q %q %v %v %q\n", g.Name.Value, g.URL.Value, g.Rev.Value, g.Attr.Value, g.Flake, g.Submodules, values(g.Follows))
		}
		for _, l := range m.Local {
			fmt.Fprintf(&b, "%q %q %v\n", l.Name.Value, l.Dir, l.Flake)
		}
		for _, e := range m.External {
			for _, bucket := range e.Buckets {
				fmt.Fprintf(&b, "%q %q %q %q\n", e.Name.Value, bucket.Name.Value, bucket.Env.Value, bucket.Hash.Value)
			}
		}
		return b.String()
	}
	return len(a.before.Files) == 0 || len(a.before.Targets) == 0 || shared(a.before) != shared(a.w.Manifest) ||
		a.touches(a.w.lockPath())
}

func (a *affected) touches(file string) bool {
	_, found := slices.BinarySearch(a.changed, file)
	return found
}

// below reports whether anything in a directory changed that may be part of a
// build.
func (a *affected) below(dir string) bool {
	return slices.ContainsFunc(a.changed, func(file string) bool {
		rel, err := filepath.Rel(dir, file)
		if err != nil || !filepath.IsLocal(rel) {
			return false
		}
		return !slices.ContainsFunc(strings.Split(filepath.ToSlash(rel), "/"), func(part string) bool {
			return slices.Contains(source.DefaultIgnored, part)
		})
	})
}

func (a *affected) target(t *manifest.Target) bool {
	if answer, ok := a.known[t]; ok {
		return answer
	}
	answer := a.itself(t)
	for i := range t.Edges {
		if answer {
			break
		}
		switch e := &t.Edges[i]; e.Kind {
		case manifest.ToTarget:
			answer = a.target(e.Unit.Target)
		case manifest.ToLocal:
			answer = a.local(e.Name)
		}
	}
	a.known[t] = answer
	return answer
}

// local reports whether anything changed in the project that `localdep.target`
// comes from, or in one that it depends on: in its directory, in its files, or in
// what its targets are made from.
func (a *affected) local(name string) bool {
	dep, _, ok := a.w.Manifest.LocalTarget(name)
	if !ok || dep.Manifest == nil {
		return true
	}
	for _, m := range dep.Manifest.Projects() {
		changed, known := a.dirs[m.Dir]
		if !known {
			changed = slices.ContainsFunc(a.others, func(p project) bool { return p.Dir == m.Dir && a.project(p) })
			a.dirs[m.Dir] = changed
		}
		if changed {
			return true
		}
	}
	return false
}

// project reports whether anything changed in a project that this one depends on. What
// is in directories that the environment names is not known.
func (a *affected) project(p project) bool {
	if a.below(p.Dir) || len(p.External) > 0 || slices.ContainsFunc(p.Files, func(f *syntax.File) bool { return a.touches(f.Path) }) {
		return true
	}
	files, _ := p.sources(p.units())
	return slices.ContainsFunc(files, func(file string) bool {
		return a.touches(filepath.Join(p.Dir, filepath.FromSlash(file)))
	})
}

// itself reports whether a target differs, whatever it depends on.
func (a *affected) itself(t *manifest.Target) bool {
	old := a.before.Target(t.Name)
	if old == nil || definition(old) != definition(t) {
		return true
	}
	if !t.Buildable() {
		return a.below(a.w.Dir())
	}
	for _, side := range []struct {
		files *manifest.Files
		t     *manifest.Target
	}{{a.w.Files, t}, {a.filesBefore, old}} {
		for _, u := range side.t.Units() {
			files := side.files.Of(u)
			if files == nil || files.Src.Whole && a.below(a.w.Dir()) {
				return true
			}
			for _, list := range [][]string{files.Src.Files, files.VenvFiles} {
				for _, file := range list {
					if a.touches(filepath.Join(a.w.Dir(), filepath.FromSlash(path.Clean(file)))) {
						return true
					}
				}
			}
		}
	}
	return false
}

// definition is a target as text: all that it sets, but for what only people
// read.
func definition(t *manifest.Target) string {
	var b strings.Builder
	describe := func(f *manifest.Fields) { describeFields(&b, f) }
	fmt.Fprintf(&b, "%s %q\n", t.Kind, t.Dir())
	describe(&t.Fields)
	for _, v := range t.Variants {
		fmt.Fprintf(&b, "variant %q\n", v.Name.Value)
		describe(&v.Fields)
	}
	return b.String()
}

func describeFields(b *strings.Builder, f *manifest.Fields) {
	for _, v := range f.Values() {
		if v.Field == schema.Description {
			continue
		}
		fmt.Fprintf(b, "%s %q %v %v", v.Field.Name, values(v.Strings), v.Bool, v.Number)
		rows := append([][]manifest.Pair{v.Pairs}, v.Rows...)
		for _, row := range rows {
			for _, p := range row {
				fmt.Fprintf(b, " %q=%q", p.Key.Value, p.Value.Value)
			}
			b.WriteByte(';')
		}
		b.WriteByte('\n')
		for i := range v.Records {
			fmt.Fprintf(b, "record %q\n", v.Records[i].Name.Value)
			describeFields(b, &v.Records[i].Fields)
		}
	}
}
