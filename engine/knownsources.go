package engine

import (
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/source"
)

// Nix copies the sources of a target to the store each time it evaluates it, and
// looks at whatever lies beside them. For hundreds of targets that takes longer than
// all the rest, so that what was copied is remembered by its content, and Nix is
// told where it is (`rigxSource` in evaluate.nix).

// knownSources are the sets of source files of some targets.
type knownSources struct {
	// paths are those that are in the store as they are, by [nix.SourceKey].
	paths map[string]string
	// contents are all of them, by the same key.
	contents map[string]source.Hash
	copied   map[string]string // by the evaluation
}

// sources tells which sets of source files are in the store already, of those that
// something selected consists of.
func (f *fingerprints) sources(selected []Selected) *knownSources {
	k := &knownSources{paths: map[string]string{}, contents: map[string]source.Hash{}, copied: map[string]string{}}
	if f.observed == nil {
		return k
	}
	for _, t := range f.w.reached(selected) {
		for _, u := range t.Units() {
			if files := f.w.Files.Of(u); files != nil && !files.Src.Whole {
				f.addSource(k, files)
			}
		}
	}
	return k
}

func (f *fingerprints) addSource(k *knownSources, files *manifest.UnitFiles) {
	h := f.newHash()
	for _, at := range f.sets[files][:len(files.Src.Files)] { // others follow
		if !f.write(h, at) {
			return
		}
	}
	key, content := nix.SourceKey(files.Src.Files), source.Hash(h.Sum(nil))
	k.contents[key] = content
	if path := f.st.known.Sources[content]; path != "" && nix.Registered(path) {
		k.paths[key] = path
	}
}

// remember adds what was copied, if it held still meanwhile.
func (k *knownSources) remember(st *buildState, held bool) {
	for key, path := range k.copied {
		if content, ok := k.contents[key]; ok && held {
			st.known.Sources[content] = path
		}
	}
}
