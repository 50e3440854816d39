package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
)

// PackageNames lists the packages of the project's nixpkgs, or of a set in it,
// in order. The names of a locked nixpkgs are kept for the next time.
func (w *Workspace) PackageNames(ctx context.Context, set string) ([]string, error) {
	in, err := w.searchable(ctx)
	if err != nil {
		return nil, err
	}
	file := ""
	if key := w.packagesKey(in); key != "" {
		id := sha256.Sum256([]byte(key + "\n" + set))
		file = filepath.Join(w.opts.CacheDir, "packages", hex.EncodeToString(id[:8]))
		if data, err := os.ReadFile(file); err == nil {
			return strings.Fields(string(data)), nil
		}
	}
	n, err := w.nix(ctx, in)
	if err != nil {
		return nil, err
	}
	names, err := n.Names(ctx, w.evalRequest(in), set)
	var failed *nix.EvalError
	if errors.As(err, &failed) {
		return nil, &Error{Code: diagnostic.NixFailed, Message: "Nix cannot list the packages of " + w.ref(), Err: failed}
	}
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "_") })
	if file != "" && os.MkdirAll(filepath.Dir(file), 0o755) == nil {
		// Without it the next run takes longer, no more.
		_ = writeDerived(file, strings.Join(names, "\n")+"\n")
	}
	return names, nil
}

// searchable decides the inputs, and refuses to search what is not locked:
// looking for a package is no reason to pin anything.
func (w *Workspace) searchable(ctx context.Context) (Inputs, error) {
	in, err := w.inputs(ctx)
	if err == nil && in.Overrides["nixpkgs"] == "" && slices.Contains(w.unlocked(in), "nixpkgs") {
		err = &Error{Code: diagnostic.LockFailed, Message: "nixpkgs is not locked yet", Help: []string{"run `rigx lock`"}}
	}
	return in, err
}

// packagesKey names the nixpkgs in use; "" if it may change under its name.
func (w *Workspace) packagesKey(in Inputs) string {
	if in.Host != nil {
		return in.Overrides["nixpkgs"] // named after its content
	}
	if in.Overrides["nixpkgs"] != "" {
		return ""
	}
	var lock struct {
		Root  string `json:"root"`
		Nodes map[string]struct {
			Inputs map[string]json.RawMessage `json:"inputs"`
			Locked json.RawMessage            `json:"locked"`
		} `json:"nodes"`
	}
	data, err := os.ReadFile(w.lockPath())
	if err != nil || json.Unmarshal(data, &lock) != nil {
		return ""
	}
	var node string
	_ = json.Unmarshal(lock.Nodes[lock.Root].Inputs["nixpkgs"], &node)
	return string(lock.Nodes[node].Locked)
}

// DescribePackages says what packages say of themselves: version, description,
// homepage.
func (w *Workspace) DescribePackages(ctx context.Context, names []string) ([]nix.PackageInfo, error) {
	in, err := w.searchable(ctx)
	if err != nil {
		return nil, err
	}
	n, err := w.nix(ctx, in)
	if err != nil {
		return nil, err
	}
	return n.Describe(ctx, w.evalRequest(in, names...))
}

// MatchPackages returns the names that contain all words, those first that
// equal or begin with the first.
func MatchPackages(names, words []string) []string {
	rank := func(name string) int {
		switch first := strings.ToLower(words[0]); {
		case strings.ToLower(name) == first:
			return 0
		case strings.HasPrefix(strings.ToLower(name), first):
			return 1
		}
		return 2
	}
	var out []string
	for _, name := range names {
		lower := strings.ToLower(name)
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(lower, strings.ToLower(word)) }) {
			out = append(out, name)
		}
	}
	if len(words) > 0 {
		slices.SortStableFunc(out, func(a, b string) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
		})
	}
	return out
}
