package nix

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

//go:embed evaluate.nix
var evaluateNix string

// EvalRequest asks for attributes of a project's flake.
type EvalRequest struct {
	// ProjectDir is the absolute directory of flake.nix.
	ProjectDir string
	// Attrs of packages.<system>.
	Attrs []string
	// Overrides maps the name of an input to an absolute directory, used as it
	// is on disk, or to a flake reference.
	Overrides map[string]string
	// Nixpkgs is the project's own reference to nixpkgs, which holds as it stands if it
	// is a path relative to the project.
	Nixpkgs string
	// Sources are store paths of sets of source files that are known, by their
	// [SourceKey]. Copied is told of the others; it may be nil.
	Sources map[string]string
	Copied  func(key, path string)
}

// SourceKey stands for a set of source files of a project, by their clean paths in order,
// none of which has two slashes.
func SourceKey(files []string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(files, "//"))))
}

// Derivation is an evaluated attribute.
type Derivation struct {
	Attr    string
	DrvPath string
	// Outputs maps the names of the outputs to their store paths.
	Outputs map[string]string
	// Bin is the store path of the output with the programs.
	Bin string
	// Err is set if the attribute could not be evaluated; the rest is then
	// empty.
	Err *EvalError
}

// EvalError is what Nix said of an attribute.
type EvalError struct {
	// Message without colours, prefix and trace; its first line is the cause.
	Message string
}

func (e *EvalError) Error() string { return e.Message }

var missingAttr = lazily(`^attribute '([^']+)' missing`)

// MissingAttr is the attribute that is not there, if that is the error.
func (e *EvalError) MissingAttr() (name string, ok bool) {
	if m := missingAttr().FindStringSubmatch(e.Message); m != nil {
		return m[1], true
	}
	return strings.CutPrefix(e.Message, "rigx-attr: ")
}

// evalArgs is the request as evaluate.nix reads it.
type evalArgs struct {
	ProjectDir string            `json:"projectDir"`
	Mode       string            `json:"mode"`
	Attrs      []string          `json:"attrs"`
	Overrides  map[string]string `json:"overrides"`
	Nixpkgs    string            `json:"nixpkgs"`
	Sources    map[string]string `json:"sources"`
	Catch      bool              `json:"catch"`

	Environments []EnvironmentRequest `json:"environments,omitempty"`
}

type evaluated struct {
	DrvPath string            `json:"drvPath"`
	Bin     string            `json:"bin"`
	Outputs map[string]string `json:"outputs"`
	Failed  bool              `json:"failed"`
}

// Evaluate evaluates all attributes in one process and writes their
// derivations to the store. The result has one entry for each attribute, in
// order. An attribute that fails carries its own error and spoils no other.
func (n *Nix) Evaluate(ctx context.Context, req EvalRequest) ([]Derivation, error) {
	return n.evaluate(ctx, "packages", req)
}

func (n *Nix) evaluate(ctx context.Context, mode string, req EvalRequest) ([]Derivation, error) {
	e, done, err := n.newEvaluation(mode, req)
	if err != nil {
		return nil, err
	}
	defer done()
	out := make([]Derivation, len(req.Attrs))
	err = e.fill(ctx, req.Attrs, out)
	return out, err
}

// newEvaluation prepares to ask for attributes, in a directory that done
// removes.
func (n *Nix) newEvaluation(mode string, req EvalRequest) (e *evaluation, done func(), err error) {
	dir, err := momentaryFiles(map[string]string{"evaluate.nix": evaluateNix})
	if err != nil {
		return nil, nil, err
	}
	done = func() { os.RemoveAll(dir) }
	e = &evaluation{n: n, dir: dir, file: filepath.Join(dir, "evaluate.nix"), copied: req.Copied, args: evalArgs{
		ProjectDir: req.ProjectDir, Mode: mode,
		Nixpkgs: req.Nixpkgs, Overrides: orEmpty(req.Overrides), Sources: orEmpty(req.Sources),
	}}
	return e, done, nil
}

// orEmpty is for Nix, which does not take null for an empty set.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// momentaryFiles writes files for as long as a command takes, in memory if there is
// room, and returns their directory.
func momentaryFiles(files map[string]string) (dir string, err error) {
	for _, below := range []string{inMemory(), os.TempDir()} {
		if dir, err = writeFiles(below, files); err == nil {
			break
		}
	}
	return dir, err
}

func writeFiles(below string, files map[string]string) (dir string, err error) {
	if dir, err = momentaryDir(below); err != nil {
		return "", err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			os.RemoveAll(dir)
			return "", err
		}
	}
	return dir, nil
}

// momentaryDir makes a directory below another one, for as long as a command takes.
func momentaryDir(below string) (string, error) {
	sweep(below)
	return os.MkdirTemp(below, "rigx-eval-")
}

// sweep removes what evaluations have left that were killed. None takes a day.
func sweep(below string) {
	dirs, _ := filepath.Glob(filepath.Join(below, "rigx-eval-*"))
	for _, dir := range dirs {
		if info, err := os.Lstat(dir); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(dir)
		}
	}
}

// inMemory is a directory for what is there for a moment only: to make and remove a
// thousand files on a disk takes longer than some evaluations.
func inMemory() string {
	const ofLinux = "/dev/shm"
	if os.Getenv("TMPDIR") == "" && writable(ofLinux) {
		return ofLinux
	}
	return os.TempDir()
}

// samples is how many attributes must fail alone, all with one message, before
// that is taken for the message of all the others too.
const samples = 16

// global returns the error that every attribute would have, such as an input
// that cannot be fetched. Without it a thousand attributes would fail one by
// one, each after the same wait.
func (e *evaluation) global(ctx context.Context, attrs []string, first *EvalError) error {
	if len(attrs) <= 2*samples {
		return nil
	}
	for i := range samples {
		at := i * (len(attrs) - 1) / (samples - 1)
		_, err := e.run(ctx, attrs[at:at+1], false)
		var failed *EvalError
		if !errors.As(err, &failed) || failed.Message != first.Message {
			return ctx.Err()
		}
	}
	return first
}

type evaluation struct {
	n         *Nix
	dir, file string
	args      evalArgs
	copied    func(key, path string)
	mu        sync.Mutex
	requests  int
}

// fill evaluates attrs into out. Most failures are caught inside Nix, and only
// their message costs another process; the others end the evaluation, and then
// halves are tried until the culprits stand alone.
func (e *evaluation) fill(ctx context.Context, attrs []string, out []Derivation) error {
	if len(attrs) == 0 {
		return nil
	}
	results, err := e.run(ctx, attrs, len(attrs) > 1)
	var failed *EvalError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &failed) && len(attrs) == 1:
		out[0] = Derivation{Attr: attrs[0], Err: failed}
		return nil
	case errors.As(err, &failed):
		if err := e.global(ctx, attrs, failed); err != nil {
			return err
		}
		half := len(attrs) / 2
		if err := e.fill(ctx, attrs[:half], out[:half]); err != nil {
			return err
		}
		return e.fill(ctx, attrs[half:], out[half:])
	case err != nil:
		return err
	}
	for i, raw := range results {
		d, failed, err := readDerivation(attrs[i], raw)
		if err != nil {
			return err
		}
		out[i] = d
		if failed {
			if err := e.fill(ctx, attrs[i:i+1], out[i:i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// run asks for attributes in one process; there is one answer for each.
func (e *evaluation) run(ctx context.Context, attrs []string, catch bool) ([]json.RawMessage, error) {
	request, err := e.request(attrs, catch)
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	command := append([]string{"eval", "--json"}, append(e.command(request), "result")...)
	if e.n.store != "" && !e.n.farStore() {
		command = append(command, "--store", e.n.store)
	}
	err = e.n.run(ctx, &stdout, &stderr, command...)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if e.forget(stderr.String()) {
			return e.run(ctx, attrs, catch)
		}
		return nil, &EvalError{Message: cleanMessage(sourceTrace().ReplaceAllString(stderr.String(), ""))}
	}
	for line := range strings.Lines(stderr.String()) {
		e.trace(strings.TrimSuffix(line, "\n"))
	}
	return answers(attrs, stdout.Bytes())
}

// sourceTrace matches what the expression tells of sources.
var sourceTrace = lazily(`(?m)^trace: rigx-source: ([0-9a-f]{64}) (/\S+)\n?`)

// trace reports whether a message tells of a source.
func (e *evaluation) trace(message string) bool {
	m := sourceTrace().FindStringSubmatch(message)
	if m != nil && e.copied != nil {
		e.copied(m[1], m[2])
	}
	return m != nil
}

// forget drops what is known of sources if Nix complains of one of them, which it
// may have collected a moment ago.
func (e *evaluation) forget(complaint string) bool {
	for _, path := range e.args.Sources {
		if strings.Contains(complaint, path) {
			e.args.Sources = map[string]string{}
			return true
		}
	}
	return false
}

// answers takes the answer apart: there is one for each attribute.
func answers(attrs []string, text []byte) ([]json.RawMessage, error) {
	var results []json.RawMessage
	if err := json.Unmarshal(text, &results); err != nil {
		return nil, fmt.Errorf("reading the answer of nix eval: %w", err)
	}
	if len(results) != len(attrs) {
		return nil, fmt.Errorf("nix eval answered %d of %d attributes", len(results), len(attrs))
	}
	return results, nil
}

// request writes down what is asked for, and returns the file.
func (e *evaluation) request(attrs []string, catch bool) (string, error) {
	args := e.args
	args.Attrs, args.Catch = attrs, catch
	data, err := json.Marshal(args)
	if err != nil {
		return "", err
	}
	e.mu.Lock()
	e.requests++
	request := filepath.Join(e.dir, fmt.Sprintf("request-%d.json", e.requests))
	e.mu.Unlock()
	return request, os.WriteFile(request, data, 0o644)
}

// command is what `nix eval` and `nix build` need to know of a request; the name of
// what they are to evaluate comes after it.
func (e *evaluation) command(request string) []string {
	return []string{"--impure", "--no-write-lock-file", "--file", e.file, "--argstr", "request", request}
}

// derivations reads an answer for attributes none of which failed.
func (e *evaluation) derivations(attrs []string, answer string) ([]Derivation, error) {
	results, err := answers(attrs, []byte(answer))
	if err != nil {
		return nil, err
	}
	drvs := make([]Derivation, len(attrs))
	for i, raw := range results {
		if drvs[i], _, err = readDerivation(attrs[i], raw); err != nil {
			return nil, err
		}
	}
	return drvs, nil
}

// readDerivation reads the answer for one attribute.
func readDerivation(attr string, raw json.RawMessage) (d Derivation, failed bool, err error) {
	var r evaluated
	if err := json.Unmarshal(raw, &r); err != nil {
		return d, false, fmt.Errorf("reading the answer of nix eval: %w", err)
	}
	return Derivation{Attr: attr, DrvPath: r.DrvPath, Outputs: r.Outputs, Bin: r.Bin}, r.Failed, nil
}

var ansi = lazily("\x1b\\[[0-9;]*[A-Za-z]")

// plain is what Nix prints without colours and passwords.
func plain(text string) string { return Redacted(ansi().ReplaceAllString(text, "")) }

var password = lazily(`([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'"]*):[^\s/@'"]+@`)

// Redacted is a text without the passwords of the URLs in it.
func Redacted(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return password().ReplaceAllString(text, "$1:***@")
}

// ownMessage finds the messages that our own Nix code throws; they need no
// trace.
var ownMessage = lazily(`rigx-[a-z]+: [^\n]*`)

// excerpt matches the lines of Nix code that Nix prints with an error. They may
// hold messages that nobody has thrown.
var excerpt = lazily(`(?m)^\s*[0-9]*\|.*$`)

// cleanMessage cuts what Nix prints down to what went wrong: no colours, no
// warnings, the innermost error first, at most a few lines of context.
func cleanMessage(text string) string {
	text = strings.TrimSpace(plain(text))
	if own := ownMessage().FindString(excerpt().ReplaceAllString(text, "")); own != "" {
		return own
	}
	if i := strings.LastIndex(text, "error: "); i >= 0 {
		text = text[i+len("error: "):]
	}
	text, _, _ = strings.Cut(text, "\n(use '--show-trace'")
	lines := strings.Split(text, "\n")
	const longest = 12
	if len(lines) > longest {
		lines = append(lines[:longest], "…")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
