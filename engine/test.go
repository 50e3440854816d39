package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rigx-build/rigx/engine/history"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/problem"
	"github.com/rigx-build/rigx/engine/source"
)

// TestOptions of [Workspace.Test].
type TestOptions struct {
	// Filters are names or patterns (*, ?, […]); a test runs if it matches any.
	// None means all.
	Filters []string
	// OnlyFailed leaves out the tests that did not fail when they last ran.
	OnlyFailed bool
	// Keep leaves out the tests that it is false for, if it is not nil.
	Keep func(*manifest.Target) bool
	// Shard of the tests that are left, in their order; the zero value is all.
	Shard Shard
	// Jobs is how many tests may run at once; below 2 they run one by one.
	Jobs int
	// Report receives what Nix does. It may be nil.
	Report func(nix.Event)
	// Started and Finished are called for each test, never two at a time.
	// Either may be nil.
	Started  func(*manifest.Target)
	Finished func(TestResult)
	// Output receives what tests print while they run one by one. With several
	// jobs, and if it is nil, the output is in the results only.
	Output io.Writer
}

// Shard is one of several equal parts of the tests, Index counting from 1: every
// machine runs another one.
type Shard struct{ Index, Count int }

// ParseShard reads "2/5".
func ParseShard(text string) (Shard, error) {
	index, count, ok := strings.Cut(text, "/")
	s := Shard{}
	var err1, err2 error
	s.Index, err1 = strconv.Atoi(index)
	s.Count, err2 = strconv.Atoi(count)
	if !ok || err1 != nil || err2 != nil || s.Index < 1 || s.Index > s.Count {
		return Shard{}, fmt.Errorf("%q is no part of the tests; the second of five is 2/5", text)
	}
	return s, nil
}

// of deals the tests out like cards, so that neighbours, which often take as long
// as each other, go to different machines.
func (s Shard) of(tests []*manifest.Target) []*manifest.Target {
	if s.Count == 0 {
		return tests
	}
	var out []*manifest.Target
	for i := s.Index - 1; i < len(tests); i += s.Count {
		out = append(out, tests[i])
	}
	return out
}

// TestResult is the outcome of one test.
type TestResult struct {
	Target *manifest.Target
	// Status is 0 if the test passed, else the exit status of its script, or 1.
	Status int
	// Output is what the test printed, at most its last [MaxTestOutput] bytes; a
	// sandboxed test that was cached printed nothing. Streamed says that all of
	// it went to TestOptions.Output already.
	Output   []byte
	Streamed bool
	// Problems are what the test, or what it needs, complained about.
	Problems []problem.Problem
	Err      error
	Duration time.Duration
}

// MaxTestOutput is how much of a test's output is kept, in bytes.
const MaxTestOutput = 1 << 20

// Passed reports whether the test succeeded.
func (r TestResult) Passed() bool { return r.Status == 0 && r.Err == nil }

// Tests lists the tests that match the filters, in the order of the file.
func (w *Workspace) Tests(filters []string) ([]*manifest.Target, error) {
	used := make([]bool, len(filters))
	var out []*manifest.Target
	for _, t := range w.Manifest.Targets {
		if t.Kind != schema.Test {
			continue
		}
		selected := len(filters) == 0
		for i, f := range filters {
			if f == t.Name || source.Match(f, t.Name) {
				selected, used[i] = true, true
			}
		}
		if selected {
			out = append(out, t)
		}
	}
	for i, f := range filters {
		if !used[i] {
			return nil, w.noTest(f)
		}
	}
	return out, nil
}

func (w *Workspace) noTest(filter string) error {
	if t := w.Manifest.Target(filter); t != nil {
		return &Error{Code: diagnostic.UnknownTarget, Message: "`" + filter + "` is a " + t.Kind.String() + " target, not a test", Help: []string{"`rigx list --kind test` shows the tests"}}
	}
	return &Error{Code: diagnostic.UnknownTarget, Message: "no test matches `" + filter + "`", Help: []string{"`rigx list --kind test` shows the tests"}}
}

// Test runs tests in three phases: those in the sandbox, all in one build;
// then host tests that must be alone, one by one; then the other host tests,
// up to Jobs at once. The results are in that order.
func (w *Workspace) Test(ctx context.Context, opts TestOptions) ([]TestResult, error) {
	// A test that cannot be told from another target would go unnoticed.
	if err := w.Valid(ctx); err != nil {
		return nil, err
	}
	tests, err := w.Tests(opts.Filters)
	if err != nil {
		return nil, err
	}
	if opts.OnlyFailed {
		last := history.Read(w.historyFile()).Targets
		tests = slices.DeleteFunc(tests, func(t *manifest.Target) bool { return last[t.Name].Status == 0 })
	}
	if opts.Keep != nil {
		tests = slices.DeleteFunc(tests, func(t *manifest.Target) bool { return !opts.Keep(t) })
	}
	tests = opts.Shard.of(tests)
	if len(tests) == 0 {
		return nil, nil
	}
	var sandboxed, alone, others []*manifest.Target
	for _, t := range tests {
		switch {
		case t.Sandboxed():
			sandboxed = append(sandboxed, t)
		case t.Bool(schema.Exclusive, false):
			alone = append(alone, t)
		default:
			others = append(others, t)
		}
	}
	s, err := w.prepareScripts(ctx, tests)
	if err != nil {
		return nil, err
	}
	run := testRun{session: s, opts: opts}
	defer func() {
		if ctx.Err() == nil {
			w.rememberTests(run.results)
		}
	}()
	if err := run.sandboxed(ctx, sandboxed); err != nil {
		return run.results, err
	}
	for _, t := range alone {
		run.host(ctx, t, false)
	}
	jobs := max(opts.Jobs, 1)
	slots := make(chan struct{}, jobs)
	var wg sync.WaitGroup
	for _, t := range others {
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-slots; wg.Done() }()
			run.host(ctx, t, jobs > 1)
		}()
	}
	wg.Wait()
	return run.results, ctx.Err()
}

func selectedOf(targets []*manifest.Target) []Selected {
	out := make([]Selected, len(targets))
	for i, t := range targets {
		u := t.First()
		out[i] = Selected{u.Attr(), u}
	}
	return out
}

type testRun struct {
	*session
	opts    TestOptions
	mu      sync.Mutex
	results []TestResult
}

func (r *testRun) started(t *manifest.Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opts.Started != nil {
		r.opts.Started(t)
	}
}

func (r *testRun) finished(res TestResult) {
	s := problem.NewScanner(r.w.hasFile)
	for line := range strings.Lines(string(res.Output)) {
		s.Line(line)
	}
	res.Problems = s.Problems()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, res)
	if r.opts.Finished != nil {
		r.opts.Finished(res)
	}
}

// streams reports whether output is passed on as it comes: when no two tests
// run at once.
func (r *testRun) streams() bool { return r.opts.Jobs < 2 && r.opts.Output != nil }

// sandboxed builds the derivations of tests. One that was built before passes
// at once: nothing that it depends on has changed.
func (r *testRun) sandboxed(ctx context.Context, tests []*manifest.Target) error {
	if len(tests) == 0 {
		return nil
	}
	for _, t := range tests {
		r.started(t)
	}
	outputs := make(map[string]*tail, len(tests))
	for _, t := range tests {
		outputs[t.First().Attr()] = &tail{}
	}
	opts := BuildOptions{Jobs: max(r.opts.Jobs, 1), Report: r.opts.Report}
	opts.line = func(attr, text string) {
		fmt.Fprintln(outputs[attr], text)
		if r.streams() {
			fmt.Fprintln(r.opts.Output, text)
		}
	}
	results, err := r.build(ctx, selectedOf(tests), opts)
	if err != nil {
		return err
	}
	for i, res := range results {
		out := TestResult{Target: tests[i], Duration: res.Duration, Err: res.Err, Output: outputs[res.Attr].bytes(), Streamed: r.streams()}
		if res.Err != nil {
			out.Status = 1
			var failed *nix.BuildError
			if errors.As(res.Err, &failed) && failed.ExitStatus > 0 {
				out.Status = failed.ExitStatus
			}
		}
		r.finished(out)
	}
	return nil
}

// host runs a test on the host, in the project's directory.
func (r *testRun) host(ctx context.Context, t *manifest.Target, captured bool) {
	r.started(t)
	begin := time.Now()
	kept := &tail{}
	out := io.Writer(kept)
	streamed := !captured && r.opts.Output != nil
	if streamed {
		out = io.MultiWriter(kept, r.opts.Output)
	}
	status, err := r.controlled(ctx, t, scriptIO{Out: out, Err: out})
	if ctx.Err() != nil {
		return // it did not fail, it was stopped
	}
	res := TestResult{Target: t, Status: status, Err: err, Duration: time.Since(begin), Output: kept.bytes(), Streamed: streamed}
	if err != nil && status == 0 {
		res.Status = 1
	}
	r.finished(res)
}

// tail keeps the end of what is written to it. It is safe for concurrent use:
// a script may leave programs behind that go on writing.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*MaxTestOutput {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-MaxTestOutput:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.kept[max(0, len(t.kept)-MaxTestOutput):])
}
