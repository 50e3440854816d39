package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	return filter(candidates, include, exclude), problem
}

// filter keeps the files of a selection. Halves of a long list are looked at by
// several goroutines.
func filter(files []string, include, exclude [][]string) []string {
	const few = 4096
	if len(files) > few {
		half := len(files) / 2
		var first, second []string
		var both sync.WaitGroup
		both.Go(func() { first = filter(files[:half], include, exclude) })
		both.Go(func() { second = filter(files[half:], include, exclude) })
		both.Wait()
		return append(first, second...)
	}
	out := make([]string, 0, len(files))
	parts := make([]string, 0, 16)
	for _, f := range files {
		parts = splitPath(parts[:0], f)
		if parts[0] != outputDir && !isGenerated(parts[len(parts)-1], include) && matchAny(include, parts) && !matchAny(exclude, parts) {
			out = append(out, f)
		}
	}
	return out
}

// WithoutGenerated takes out of what a pattern matches the flakes that builds write, unless
// the pattern names them.
func WithoutGenerated(pattern string, files []string) []string {
	include := compile([]string{pattern})
	return slices.DeleteFunc(files, func(file string) bool { return isGenerated(path.Base(file), include) })
}

// isGenerated reports whether builds write files of that name: if they were part of what
// builds are made from, the second would be another one than the first. Whoever wants them
// names them.
func isGenerated(base string, include [][]string) bool {
	return (base == "flake.nix" || base == "flake.lock") && !slices.ContainsFunc(include, func(pattern []string) bool {
		return len(pattern) > 0 && pattern[len(pattern)-1] == base
	})
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
// deleted, sorted. The two questions are asked at once, as finding what is not
// tracked takes git longest.
func (t *Tree) gitFiles(ctx context.Context) ([]string, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, ErrNoGit
	}
	var (
		lists [2][]string
		errs  [2]error
		both  sync.WaitGroup
		asked = [2][]string{{"--cached", "--deduplicate"}, {"--others", "--exclude-standard"}}
	)
	for i, args := range asked {
		both.Go(func() { lists[i], errs[i] = t.gitList(ctx, git, args) })
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	files := slices.Concat(lists[0], lists[1])
	slices.Sort(files)
	return files, nil
}

// gitList runs git ls-files and drops what is not there.
func (t *Tree) gitList(ctx context.Context, git string, args []string) ([]string, error) {
	cmd := gitCommand(ctx, git, t.root, append([]string{"ls-files", "-z"}, args...)...)
	var out strings.Builder
	var errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("git ls-files in %s: %w: %s", t.root, err, strings.TrimSpace(errOut.String()))
	}
	names := out.String()
	files := make([]string, 0, strings.Count(names, "\x00"))
	var dir string // of the last file, and its listing: files come in order
	var in *listing
	for name := range strings.SplitSeq(strings.TrimSuffix(names, "\x00"), "\x00") {
		rel := strings.TrimSuffix(name, "/")
		above, base := path.Split(rel)
		if in == nil || above != dir {
			dir, in = above, t.list(strings.TrimSuffix(above, "/"))
		}
		e, ok := in.find(base)
		switch {
		case !ok: // deleted, not yet committed
		case e.dir && !e.link:
			// A submodule or a nested repository: git names only its directory.
			files = append(files, t.Files(rel)...)
		default:
			files = append(files, rel)
		}
	}
	return files, nil
}
