package nix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// BuildRequest says what to build.
type BuildRequest struct {
	Derivations []Derivation
	// Jobs is how many derivations are built at once; 0 leaves it to Nix's
	// configuration.
	Jobs int
	// KeepGoing builds what it can after a failure.
	KeepGoing bool
	// Brief reports whether none of them is known to take longer than a [Moment]. One that
	// does may be interrupted once, and begins again. It is asked if there are many; nil
	// means that none may be interrupted.
	Brief func() bool
	// OnEvent is called by one goroutine, in order. It may be nil.
	OnEvent func(Event)
}

// Built is the outcome for one derivation.
type Built struct {
	Attr    string
	DrvPath string
	Outputs map[string]string
	// Err is set if it is not there.
	Err *BuildError
	// Cached is true if nothing had to be built.
	Cached bool
	// Duration of its own build, dependencies not included.
	Duration time.Duration
}

// BuildError says why a derivation is not there.
type BuildError struct {
	// DrvPath of the derivation that failed: the wanted one, or one that it
	// needs.
	DrvPath string
	// Dependency is true in the latter case.
	Dependency bool
	// ExitStatus of the builder, 0 if it did not come to that.
	ExitStatus int
	Reason     string
	// System that the derivation must be built on, if this machine is not one.
	System string
	Hash   *HashMismatch
	// Log holds the last lines that the builder printed.
	Log []string
}

func (e *BuildError) Error() string {
	name := DerivationName(e.DrvPath)
	switch {
	case e.Hash != nil:
		return name + ": " + e.Reason + "\n  specified: " + e.Hash.Specified + "\n        got: " + e.Hash.Got
	case e.Dependency:
		return "it needs " + name + ": " + e.Reason
	}
	return e.Reason
}

// logTail is how many lines of a builder's output an error carries.
const logTail = 40

// Build builds all derivations in one process, or in a second one what the first
// was too slow for. The result has one entry for each, in order; whether it is
// there is decided by looking, not by what Nix printed. The error of Build itself
// means that Nix could not be started or was interrupted.
func (n *Nix) Build(ctx context.Context, req BuildRequest) ([]Built, error) {
	results := make([]Built, len(req.Derivations))
	var missing []Derivation
	for i, d := range req.Derivations {
		results[i] = Built{Attr: d.Attr, DrvPath: d.DrvPath, Outputs: d.Outputs}
	}
	absent, err := n.absent(ctx, results)
	if err != nil {
		return nil, err
	}
	for i, d := range req.Derivations {
		results[i].Cached = !absent[i]
		if absent[i] {
			missing = append(missing, d)
		}
	}
	if len(missing) == 0 {
		return results, nil
	}
	if n.farStore() {
		drvPaths := make([]string, len(missing))
		for i, d := range missing {
			drvPaths[i] = d.DrvPath
		}
		if err := n.send(ctx, drvPaths, req.OnEvent); err != nil {
			for i := range results {
				if absent[i] {
					results[i].Err = &BuildError{DrvPath: results[i].DrvPath, Reason: err.Error()}
				}
			}
			return results, ctx.Err()
		}
	}
	w := newWatcher(req.OnEvent)
	w.expect(req.Derivations)
	if parts := n.inParts(ctx, req, missing); parts != nil {
		missing, err = n.buildInParts(ctx, w, req, parts)
	}
	if len(missing) > 0 && ctx.Err() == nil {
		what := make([]string, len(missing))
		for i, d := range missing {
			what[i] = n.Version.installable(d.DrvPath)
		}
		err = errors.Join(err, n.buildLogged(ctx, w, req, what...))
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return results, n.judge(ctx, results, w, err)
}

// Realise evaluates attributes and builds them in one process, which saves the start
// of another. What was evaluated stays in memory until all is built, so it is for a few
// attributes. evaluated is called with the derivations, in order, before anything
// of them is built, by the goroutine that calls OnEvent. Realise is not ok if it cannot
// do it: for another store, and if one of several attributes fails. Then none of them was
// built, and [Nix.Evaluate] tells which attribute it is, and why.
func (n *Nix) Realise(ctx context.Context, eval EvalRequest, build BuildRequest, evaluated func([]Derivation)) (results []Built, ok bool, err error) {
	if n.store != "" {
		return nil, false, nil
	}
	e, done, err := n.newEvaluation("packages", eval)
	if err != nil {
		return nil, false, err
	}
	defer done()
	request, err := e.request(eval.Attrs, false)
	if err != nil {
		return nil, false, err
	}
	w := newWatcher(build.OnEvent)
	w.evaluating = func(text string) bool {
		answer, ok := strings.CutPrefix(text, "trace: rigx-derivations: ")
		if !ok {
			return e.trace(text)
		}
		drvs, err := e.derivations(eval.Attrs, answer)
		if err != nil {
			return true
		}
		done() // a build may take long, and may be killed
		w.evaluating = nil
		w.expect(drvs)
		for _, d := range drvs {
			results = append(results, Built{Attr: d.Attr, DrvPath: d.DrvPath, Outputs: d.Outputs, Cached: registered(d.Outputs)})
		}
		evaluated(drvs)
		return true
	}
	err = n.buildLogged(ctx, w, build, append(e.command(request), "realise")...)
	switch {
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	case w.evaluating != nil && err != nil && len(eval.Attrs) == 1 && !e.forget(strings.Join(w.errors, "\n")):
		failed := &EvalError{Message: cleanMessage(strings.Join(w.errors, "\n"))}
		evaluated([]Derivation{{Attr: eval.Attrs[0], Err: failed}})
		return nil, true, nil
	case w.evaluating != nil:
		return nil, false, nil
	}
	for i := range results {
		_, begun := w.begun[results[i].DrvPath]
		results[i].Cached = results[i].Cached && !begun
	}
	return results, true, n.judge(ctx, results, w, err)
}

// buildLogged runs `nix build` and lets the watcher read its log. The error is that of
// the process.
func (n *Nix) buildLogged(ctx context.Context, w *watcher, req BuildRequest, what ...string) error {
	return n.logged(ctx, w, req, append([]string{"build", "--no-link"}, what...)...)
}

// logged runs a command that builds, in the way that was requested.
func (n *Nix) logged(ctx context.Context, w *watcher, req BuildRequest, command ...string) error {
	args := []string{command[0], "--log-format", "internal-json"}
	if req.KeepGoing {
		args = append(args, "--keep-going")
	}
	if req.Jobs > 0 {
		args = append(args, "--max-jobs", strconv.Itoa(req.Jobs))
	}
	if n.store != "" {
		args = append(args, "--store", n.store)
	}
	before := len(w.errors)
	_, err := n.persist(ctx, req.OnEvent, func() (string, error) {
		w.errors = w.errors[:before]
		w.begin()
		err := n.run(ctx, io.Discard, w, append(args, command[1:]...)...)
		w.end()
		return strings.Join(w.errors, "\n"), err
	})
	return err
}

// judge completes the results of a build that ended with err.
func (n *Nix) judge(ctx context.Context, results []Built, w *watcher, err error) error {
	absent := make([]bool, len(results))
	if err == nil && n.store == "" && len(w.failures) == 0 {
		// Nix says that all are there, so there is no need to start it again.
		for i, r := range results {
			absent[i] = !registered(r.Outputs)
		}
	} else {
		var asked error
		if absent, asked = n.absent(ctx, results); asked != nil {
			return asked
		}
	}
	for i := range results {
		r := &results[i]
		r.Duration = w.took[r.DrvPath]
		if absent[i] {
			r.Err = n.explain(ctx, r.DrvPath, w, err)
		}
	}
	return nil
}

// absent tells for each derivation whether an output of it is not in the store.
// That a path is there says little: what a builder leaves behind when it fails
// lies in the store too, so Nix is asked which paths are valid.
func (n *Nix) absent(ctx context.Context, wanted []Built) ([]bool, error) {
	var paths []string
	for _, d := range wanted {
		for _, path := range d.Outputs {
			if n.store != "" || Registered(path) {
				paths = append(paths, path)
			}
		}
	}
	valid, err := n.valid(ctx, paths)
	if err != nil {
		return nil, err
	}
	absent := make([]bool, len(wanted))
	for i, d := range wanted {
		absent[i] = len(d.Outputs) == 0
		for _, path := range d.Outputs {
			absent[i] = absent[i] || !valid[path]
		}
	}
	return absent, nil
}

// pathsAtOnce is how many store paths one process is asked about: command lines
// have a limit.
const pathsAtOnce = 1000

// valid asks Nix which of some paths are in the store.
func (n *Nix) valid(ctx context.Context, paths []string) (map[string]bool, error) {
	valid := make(map[string]bool, len(paths))
	for chunk := range slices.Chunk(paths, pathsAtOnce) {
		for _, path := range chunk {
			valid[path] = true
		}
		var out bytes.Buffer
		if err := n.storeCommand(ctx, &out, append([]string{"--check-validity", "--print-invalid"}, chunk...)...); err != nil {
			return nil, err
		}
		for _, path := range strings.Fields(out.String()) {
			delete(valid, path)
		}
	}
	return valid, nil
}

// Registered reports whether a path of the local store looks as Nix leaves it:
// with a time stamp of 1. What a failed builder left has a real one.
func Registered(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.ModTime().Unix() == 1
}

// registered reports whether all outputs are [Registered].
func registered(outputs map[string]string) bool {
	for _, path := range outputs {
		if !Registered(path) {
			return false
		}
	}
	return len(outputs) > 0
}

// explain finds the failure behind a missing derivation: its own, or that of
// the first it depends on.
func (n *Nix) explain(ctx context.Context, drvPath string, w *watcher, err error) *BuildError {
	culprit := drvPath
	if !w.failed(drvPath) {
		culprit = n.failedDependency(ctx, drvPath, w)
	}
	f, known := w.failures[culprit]
	e := &BuildError{DrvPath: culprit, Dependency: culprit != drvPath, ExitStatus: f.status, Reason: f.reason, System: f.system, Hash: f.hash, Log: w.tail[culprit]}
	switch {
	case known:
	case w.failed(culprit):
		e.Reason = "its builder failed" // Nix 2.8 tells the status of one failure only
	default:
		e.Reason = "was not built"
		if text := strings.Join(w.errors, "\n"); text != "" {
			e.Reason = cleanMessage(text)
		} else if err != nil {
			e.Reason += ": " + err.Error()
		}
	}
	return e
}

// failedDependency is the first derivation that another needs and that failed,
// or that other itself if there is none.
func (n *Nix) failedDependency(ctx context.Context, drvPath string, w *watcher) string {
	var out bytes.Buffer
	if n.storeCommand(ctx, &out, "--query", "--requisites", drvPath) != nil {
		return drvPath
	}
	for _, dep := range strings.Fields(out.String()) {
		if _, known := w.failures[dep]; known {
			return dep
		}
		if !w.failed(dep) {
			continue
		}
		var outputs bytes.Buffer
		if n.storeCommand(ctx, &outputs, "--query", "--outputs", dep) != nil {
			continue
		}
		paths := strings.Fields(outputs.String())
		if valid, err := n.valid(ctx, paths); err == nil && len(valid) < len(paths) {
			return dep
		}
	}
	return drvPath
}

// storeCommand runs nix-store, which lies beside nix.
func (n *Nix) storeCommand(ctx context.Context, out io.Writer, args ...string) error {
	var errOut bytes.Buffer
	if n.store != "" {
		args = append(args[:len(args):len(args)], "--store", n.store)
	}
	status, err := RunCommand(ctx, Command{Path: n.beside("nix-store"), Args: args, Env: n.env, Stdout: out, Stderr: &errOut})
	switch {
	case err != nil || status == 0:
		return err
	case n.farStore() && brokenLink().MatchString(errOut.String()):
		return &UnreachableError{Store: n.store, Reason: linkReason(errOut.String())}
	}
	return fmt.Errorf("nix-store %s: %s", args[0], cleanMessage(errOut.String()))
}

// HashPath is the hash of a directory as Nix sees it: "sha256-…".
func (n *Nix) HashPath(ctx context.Context, dir string) (string, error) {
	var out, errOut bytes.Buffer
	if err := n.run(ctx, &out, &errOut, "hash", "path", dir); err != nil {
		return "", fmt.Errorf("nix cannot hash %s: %s", dir, cleanMessage(errOut.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
