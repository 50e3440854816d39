package engine

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/source"
)

// Nix copies the sources of a target to the store each time it evaluates it, and
// looks at whatever lies beside them. For hundreds of targets that takes longer than
// all the rest, so that what was copied is remembered by its content, and Nix is
// told where it is (`rigxSource` in evaluate.nix). If much is new, it is added to the
// store before.

// knownSources are the sets of source files of some targets.
type knownSources struct {
	// paths are those that are in the store as they are, by [nix.SourceKey].
	paths map[string]string
	// contents are all of them, by the same key.
	contents map[string]source.Hash
	copied   map[string]string // by the evaluation
	// unknown are those that are not in paths.
	unknown map[string]*manifest.UnitFiles
	prints  *fingerprints
}

// manySources are so many new sets that it takes longer to look for each among all
// files of the project than to start a process that adds them. Tests change it.
var manySources = 32

// sources tells which sets of source files are in the store already, of those that
// something selected consists of.
func (f *fingerprints) sources(selected []Selected) *knownSources {
	k := &knownSources{paths: map[string]string{}, contents: map[string]source.Hash{}, copied: map[string]string{}, unknown: map[string]*manifest.UnitFiles{}, prints: f}
	if f.observed == nil {
		return k
	}
	for _, t := range f.w.reached(selected) {
		for _, u := range t.Units() {
			if files := f.w.Files.Of(u); files != nil && !files.Src.Whole {
				k.find(files)
			}
		}
	}
	return k
}

// find looks for a set in the store.
func (k *knownSources) find(files *manifest.UnitFiles) {
	f := k.prints
	h := f.newHash()
	for _, at := range f.sets[files][:len(files.Src.Files)] { // others follow
		if !h.add(at) {
			return
		}
	}
	key, content := nix.SourceKey(files.Src.Files), h.sum()
	k.contents[key] = content
	f.st.used[content] = true
	if path := f.st.known.Sources[content]; path != "" && nix.Registered(path) {
		k.paths[key] = path
		return
	}
	k.unknown[key] = files
}

// add adds what is not in the store, if there is much of it. What cannot be added Nix
// finds by itself, and says what is wrong.
func (k *knownSources) add(ctx context.Context, n *nix.Nix) {
	if len(k.unknown) < manySources || k.prints.folders != "" {
		return
	}
	keys := slices.Sorted(maps.Keys(k.unknown))
	sources := make([][]nix.File, len(keys))
	for i, key := range keys {
		sources[i] = k.archived(k.unknown[key])
	}
	for i, path := range n.AddSources(ctx, sources) {
		if path != "" {
			k.paths[keys[i]], k.copied[keys[i]] = path, path
		}
	}
}

// archived is a set of source files as it was observed.
func (k *knownSources) archived(files *manifest.UnitFiles) []nix.File {
	seen, places := k.prints.observed, k.prints.sets[files]
	archived := make([]nix.File, len(files.Src.Files))
	for i, name := range files.Src.Files {
		archived[i] = nix.File{
			Name: name, Mode: seen.Mode(places[i]), Size: seen.Size(places[i]),
			Write: func(w io.Writer) error { return seen.Write(w, places[i]) },
		}
	}
	return archived
}

// remember adds what was copied, if it held still meanwhile.
func (k *knownSources) remember(st *buildState, held bool) {
	for key, path := range k.copied {
		if content, ok := k.contents[key]; ok && held {
			st.known.Sources[content] = path
		}
	}
}
