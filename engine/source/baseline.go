package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoGit says that ignored files could not be told apart: the tree is a git
// checkout, but there is no git program.
var ErrNoGit = errors.New("git is not installed, so files that it ignores are not left out")

// Selection says which files of a tree belong to a project.
type Selection struct {
	// Include and Exclude are patterns; a file is in if it matches any of the
	// first and none of the second.
	Include, Exclude []string
	// RespectGitignore leaves out what git ignores, where the tree lies in a
	// git checkout.
	RespectGitignore bool
}

// Baseline lists the files of a selection, sorted. With [ErrNoGit] the list is
// there all the same, ignored files included.
func (t *Tree) Baseline(ctx context.Context, sel Selection) ([]string, error) {
	include, exclude := compile(sel.Include), compile(sel.Exclude)
	var candidates []string
	var problem error
	if sel.RespectGitignore && t.inCheckout() {
		candidates, problem = t.gitFiles(ctx)
		if problem != nil && !errors.Is(problem, ErrNoGit) {
			return nil, problem
		}
	}
	if candidates == nil {
		candidates = t.Files("")
	}
	out := make([]string, 0, len(candidates))
	parts := make([]string, 0, 16)
	for _, f := range candidates {
		parts = splitPath(parts[:0], f)
		if parts[0] == outputDir || !matchAny(include, parts) || matchAny(exclude, parts) {
			continue
		}
		out = append(out, f)
	}
	return out, problem
}

func compile(patterns []string) [][]string {
	out := make([][]string, len(patterns))
	for i, p := range patterns {
		out[i] = components(p)
	}
	return out
}

func splitPath(into []string, path string) []string {
	for {
		head, rest, ok := strings.Cut(path, "/")
		into = append(into, head)
		if !ok {
			return into
		}
		path = rest
	}
}

func matchAny(patterns [][]string, path []string) bool {
	for _, p := range patterns {
		if matchComponents(p, path) {
			return true
		}
	}
	return false
}

// inCheckout reports whether the root lies in a git work tree.
func (t *Tree) inCheckout() bool {
	for dir := t.root; ; dir = filepath.Dir(dir) {
		if _, err := t.fs.Stat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// gitFiles asks git for what it tracks and what it would: neither ignored nor
// deleted, sorted.
func (t *Tree) gitFiles(ctx context.Context) ([]string, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, ErrNoGit
	}
	cmd := exec.CommandContext(ctx, git, "-C", t.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	data, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files in %s: %w: %s", t.root, err, strings.TrimSpace(errOut.String()))
	}
	files := make([]string, 0, bytes.Count(data, []byte{0}))
	for len(data) > 0 {
		name, rest, _ := bytes.Cut(data, []byte{0})
		data = rest
		rel := string(name)
		e, ok := t.look(strings.TrimSuffix(rel, "/"))
		switch {
		case !ok: // deleted, not yet committed
		case e.dir && !e.link:
			// A submodule or a nested repository: git names only its directory.
			files = append(files, t.Files(strings.TrimSuffix(rel, "/"))...)
		default:
			files = append(files, rel)
		}
	}
	slices.Sort(files)
	return files, nil
}
