package engine

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/rigx-build/rigx/engine/history"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/problem"
)

func (w *Workspace) historyFile() string { return history.File(w.opts.CacheDir, w.Dir()) }

// remember adds records to the history of the project; targets that are gone
// are forgotten. Without it the next run only knows less, so failures to write
// are of no interest.
func (w *Workspace) remember(records map[string]history.Record) {
	if len(records) == 0 {
		return
	}
	names := map[string]bool{}
	for _, t := range w.Manifest.Targets {
		names[t.Name] = true // tests have no other
		for _, u := range t.Units() {
			names[u.Name()] = true
		}
	}
	_ = history.Update(w.historyFile(), func(h *history.History) {
		h.Project = w.Dir()
		for name, r := range records {
			h.Targets[name] = r
		}
		for name := range h.Targets {
			if !names[name] {
				delete(h.Targets, name)
			}
		}
	})
}

// complaints collects what builders complain about, by target.
type complaints struct {
	w        *Workspace
	names    map[string]string // of targets, by derivation
	scanners map[string]*problem.Scanner
	begun    map[string]bool // derivations
}

func (w *Workspace) newComplaints() *complaints {
	c := &complaints{w: w, names: map[string]string{}, scanners: map[string]*problem.Scanner{}, begun: map[string]bool{}}
	version := w.Manifest.Project.Version.Value
	for _, t := range w.Manifest.Targets {
		for _, u := range t.Units() {
			c.names[u.OutputName()+"-"+version] = u.Name()
		}
	}
	return c
}

// event reads the lines of builders of this project's targets.
func (c *complaints) event(e nix.Event) {
	switch e := e.(type) {
	case nix.BuildStarted:
		if c.begun[e.DrvPath] { // it was interrupted
			delete(c.scanners, c.names[e.Name])
		}
		c.begun[e.DrvPath] = true
	case nix.LogLine:
		if name, ok := c.names[e.Name]; ok {
			c.line(name, e.Text)
		}
	}
}

func (c *complaints) line(target, text string) {
	s := c.scanners[target]
	if s == nil {
		s = problem.NewScanner(c.w.hasFile)
		c.scanners[target] = s
	}
	s.Line(text)
}

func (c *complaints) of(target string) []problem.Problem {
	if s := c.scanners[target]; s != nil {
		return s.Problems()
	}
	return nil
}

// ofBuilt are the complaints about a unit that was built or, if that failed
// because of another, about that one.
func (c *complaints) ofBuilt(u manifest.Unit, failed *nix.BuildError) []problem.Problem {
	if failed != nil && failed.Dependency {
		return c.of(c.names[nix.DerivationName(failed.DrvPath)])
	}
	if u.Target == nil {
		return nil
	}
	return c.of(u.Name())
}

// hasFile reports whether a path relative to the project is a file of it.
func (w *Workspace) hasFile(file string) bool {
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return false
	}
	info, err := os.Stat(filepath.Join(w.Dir(), filepath.FromSlash(file)))
	return err == nil && info.Mode().IsRegular()
}

// rememberTests adds how tests went.
func (w *Workspace) rememberTests(results []TestResult) {
	records := map[string]history.Record{}
	for _, r := range results {
		records[r.Target.Name] = history.Record{
			Verb: "test", Status: r.Status, Seconds: r.Duration.Seconds(), At: time.Now(), Problems: r.Problems,
		}
	}
	w.remember(records)
}

// rememberBuilds adds what was built, and what failed on the way.
func (w *Workspace) rememberBuilds(results []Result, c *complaints) {
	old := history.Read(w.historyFile()).Targets
	records := map[string]history.Record{}
	for _, r := range results {
		if r.Unit.Target == nil {
			continue // of another project
		}
		name := r.Unit.Name()
		if r.Cached && old[name].Status == 0 && !old[name].At.IsZero() {
			continue // nothing was done, so nothing is known anew
		}
		record := history.Record{Verb: "build", Seconds: r.Duration.Seconds(), At: time.Now(), Derivation: r.drvPath, Problems: c.of(name)}
		if r.Err != nil {
			record.Status = 1
			var failed *nix.BuildError
			if errors.As(r.Err, &failed) && failed.ExitStatus > 0 {
				record.Status = failed.ExitStatus
			}
			if failed != nil && failed.Dependency {
				// The dependency has its own record.
				if dep, ok := c.names[nix.DerivationName(failed.DrvPath)]; ok && dep != name {
					records[dep] = history.Record{Verb: "build", Status: 1, At: record.At, Derivation: failed.DrvPath, Problems: c.of(dep)}
				}
			}
		}
		records[name] = record
	}
	w.remember(records)
}

// Durations are how long the targets took when they were last built, by the
// names of their derivations, as [nix.BuildStarted] has them.
func (w *Workspace) Durations() map[string]time.Duration {
	last := history.Read(w.historyFile()).Targets
	out := make(map[string]time.Duration, len(last))
	for derivation, target := range w.newComplaints().names {
		if r := last[target]; r.Verb == "build" && r.Status == 0 && r.Seconds > 0 {
			out[derivation] = time.Duration(r.Seconds * float64(time.Second))
		}
	}
	return out
}

// lastDerivation is what was last built of something selected, "" if nothing
// is known of it.
func (w *Workspace) lastDerivation(s Selected) string {
	if s.Unit.Target == nil {
		return ""
	}
	return history.Read(w.historyFile()).Targets[s.Unit.Name()].Derivation
}
