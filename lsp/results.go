package lsp

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/engine/history"
	"github.com/rigx-build/rigx/engine/problem"
)

// results are what is known of the last builds and tests, whoever ran them.
type results struct {
	mu sync.Mutex
	// byRoot are the histories of the projects that were seen.
	byRoot map[string]history.History
	// told are the source files for which the client was sent problems.
	told map[string]bool
}

// of returns the history of a project.
func (r *results) of(root string) history.History {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byRoot[root]
}

// capsulesEvery is how often the server looks whether those capsules still run
// that did.
const capsulesEvery = time.Second

// running are the capsules of all projects that run.
func (r *results) running() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for root, h := range r.byRoot {
		for _, c := range h.Capsules {
			if capsule.Alive(c.PID, c.Start) {
				out = append(out, root+"\x00"+c.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// running reports whether a capsule of that name, as typed, runs.
func running(h history.History, name string) bool {
	return slices.ContainsFunc(h.Capsules, func(c history.Capsule) bool {
		return c.Target == name && capsule.Alive(c.PID, c.Start)
	})
}

// watchResults reads the history of a project whenever it is written, until
// ctx ends. New projects come through s.seen.
func (s *Server) watchResults(ctx context.Context) {
	cache := s.opts.CacheDir
	if cache == "" {
		var err error
		if cache, err = history.CacheDir(); err != nil {
			return
		}
	}
	dir := history.Dir(cache)
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer func() { _ = watcher.Close() }()
		if err = os.MkdirAll(dir, 0o755); err == nil {
			err = watcher.Add(dir)
		}
	}
	if err != nil {
		s.logError("the results of builds are not shown: " + err.Error())
		return
	}
	roots := map[string]string{} // by file
	look := time.NewTicker(capsulesEvery)
	defer look.Stop()
	var ran []string
	for {
		select {
		case <-look.C:
			// Nobody writes down that a capsule has ended by itself.
			if runs := s.results.running(); !slices.Equal(runs, ran) {
				ran = runs
				s.refreshLenses()
			}
		case <-ctx.Done():
			return
		case root := <-s.seen:
			file := history.File(cache, root)
			if _, known := roots[file]; !known {
				roots[file] = root
				s.guarded("results", func() { s.readResults(ctx, file, root) })
			}
		case e := <-watcher.Events:
			if root, ok := roots[e.Name]; ok && !e.Has(fsnotify.Chmod) {
				s.guarded("results", func() { s.readResults(ctx, e.Name, root) })
			}
		case err := <-watcher.Errors:
			s.logError("watching the results of builds: " + err.Error())
		}
	}
}

func (s *Server) readResults(ctx context.Context, file, root string) {
	h := history.Read(file)
	s.results.mu.Lock()
	s.results.byRoot[root] = h
	s.results.mu.Unlock()
	s.refreshLenses()
	s.publishProblems(ctx)
}

// publishProblems puts what compilers complained about into the source files,
// and takes out what they no longer do.
func (s *Server) publishProblems(ctx context.Context) {
	s.results.mu.Lock()
	defer s.results.mu.Unlock()
	now := map[string][]protocol.Diagnostic{}
	for root, h := range s.results.byRoot {
		for _, name := range slices.Sorted(maps.Keys(h.Targets)) {
			for _, p := range h.Targets[name].Problems {
				path := filepath.Join(root, filepath.FromSlash(p.File))
				d := s.toProblem(path, name, p)
				same := func(other protocol.Diagnostic) bool { return other.Range == d.Range && other.Message == d.Message }
				if filepath.IsLocal(filepath.FromSlash(p.File)) && !slices.ContainsFunc(now[path], same) {
					now[path] = append(now[path], d)
				}
			}
		}
	}
	for path := range s.results.told {
		if now[path] == nil {
			now[path] = []protocol.Diagnostic{}
		}
	}
	for path, found := range now {
		_ = s.client.PublishDiagnostics(ctx, &protocol.PublishDiagnosticsParams{URI: uri.File(path), Diagnostics: found})
		s.results.told[path] = true
		if len(found) == 0 {
			delete(s.results.told, path)
		}
	}
}

var problemSeverity = map[problem.Severity]protocol.DiagnosticSeverity{
	problem.Error: protocol.DiagnosticSeverityError, problem.Warning: protocol.DiagnosticSeverityWarning, problem.Note: protocol.DiagnosticSeverityInformation,
}

func (s *Server) toProblem(path, target string, p problem.Problem) protocol.Diagnostic {
	line := lineOf(path, p.Line)
	start := len(line) - len(strings.TrimLeft(line, " \t"))
	end := len(line)
	if p.Column > 0 {
		start = min(p.Column-1, len(line))
		end = wordEnd(line, start)
	}
	at := func(n int) protocol.Position {
		return protocol.Position{Line: uint32(p.Line - 1), Character: uint32(units(s.encoding, line[:n]))}
	}
	return protocol.Diagnostic{
		Range:    protocol.Range{Start: at(start), End: at(end)},
		Severity: problemSeverity[p.Severity],
		Source:   protocol.NewOptional("rigx " + target),
		Message:  protocol.String(p.Message),
	}
}

// wordEnd is the end of the name or number at a place, or of one character.
func wordEnd(line string, start int) int {
	end := start
	for end < len(line) {
		c := line[end]
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			break
		}
		end++
	}
	return max(end, min(start+1, len(line)))
}

// lineOf is a line of a file on disk, "" if it is not there.
func lineOf(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if n--; n == 0 {
			return strings.TrimRight(line, "\r\n")
		}
	}
	return ""
}

// outcome says how a target went, for its lens: "" if that is not known.
func outcome(h history.History, name string) string {
	r, ok := h.Targets[name]
	switch {
	case !ok:
		return ""
	case r.Status == 0:
		return fmt.Sprintf(" ✓ %s", seconds(r.Seconds))
	}
	errors := 0
	for _, p := range r.Problems {
		if p.Severity == problem.Error {
			errors++
		}
	}
	if errors > 0 {
		return fmt.Sprintf(" ✗ %d", errors)
	}
	return " ✗"
}

func seconds(s float64) string {
	switch {
	case s < 0.0005:
		return ""
	case s < 1:
		return fmt.Sprintf("%.0f ms", s*1000)
	case s < 100:
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%.0f min", s/60)
}
