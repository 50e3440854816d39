package nixgen

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/source"
)

// sourceSets gives every distinct set of files a name: that of the first
// target that has it. Targets with the same files share the copy in the store.
type sourceSets struct {
	index map[uint64]int // the place in lists, from one, of the last set with a hash
	seed  maphash.Seed
	lists []namedSet
	whole bool
}

type namedSet struct {
	name, expr string
	files      []string
	// before is the place of another set with the same hash, or 0.
	before int
}

func newSourceSets(units int) sourceSets {
	return sourceSets{
		index: make(map[uint64]int, units), seed: maphash.MakeSeed(), lists: make([]namedSet, 0, units),
	}
}

const wholeTree = "wholeTree"

// name is the expression for a set; attr becomes its name if it is new.
func (s *sourceSets) name(attr string, set manifest.SourceSet) string {
	if set.Whole {
		s.whole = true
		return wholeTree
	}
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, f := range set.Files {
		h.WriteString(f)
		h.WriteByte(0)
	}
	key := h.Sum64()
	last := s.index[key]
	for i := last; i > 0; i = s.lists[i-1].before {
		if slices.Equal(s.lists[i-1].files, set.Files) {
			return s.lists[i-1].expr
		}
	}
	name := AttrName(attr)
	s.lists = append(s.lists, namedSet{name, "sources." + name, set.Files, last})
	s.index[key] = len(s.lists)
	return s.lists[len(s.lists)-1].expr
}

// sources writes the bindings. A path is copied to the store under a name and
// with a content that depend on nothing but the files in it.
func (g *generator) sources(b *bytes.Buffer) {
	if g.sets.whole {
		b.WriteString("\n      # The tree of the project without what builds and tools leave in it.\n" +
			"      wholeTree = builtins.path {\n        name = \"source\";\n        path = ./.;\n" +
			"        filter = path: type: !(builtins.elem (baseNameOf path) [")
		for _, name := range source.DefaultIgnored {
			b.WriteString(" " + NixString(name))
		}
		b.WriteString(" ]);\n      };\n")
	}
	if len(g.sets.lists) == 0 {
		return
	}
	b.WriteString(`
      # These files of the project, and nothing else of it.
      only = files:
        let
          start = builtins.stringLength (toString ./.) + 1;
          parents = path: let dir = dirOf path; in if dir == "." then [ ] else [ dir ] ++ parents dir;
          set = names: builtins.listToAttrs (map (name: { inherit name; value = true; }) names);
          wantedDirs = set (builtins.concatMap parents files);
          wantedFiles = set files;
          copied = builtins.path {
            name = "source";
            path = ./.;
            filter = path: type:
              (if type == "directory" then wantedDirs else wantedFiles) ? ${builtins.substring start (-1) path};
          };
        in
        # rigx knows what it has copied before; Nix by itself copies it again.
        if self ? rigxSource then self.rigxSource files copied else copied;

      sources = {
`)
	for _, set := range g.sets.lists {
		write(b, "        ", set.name, " = only ")
		stringList(b, set.files, "        ")
		b.WriteString(";\n")
	}
	b.WriteString("      };\n")
}

// stringList writes a list on one line if it is short.
func stringList(b *bytes.Buffer, items []string, indent string) {
	if len(items) <= 4 {
		b.WriteByte('[')
		for _, s := range items {
			b.WriteByte(' ')
			quote(b, s)
		}
		b.WriteString(" ]")
		return
	}
	b.WriteString("[\n")
	for _, s := range items {
		b.WriteString(indent + "  ")
		quote(b, s)
		b.WriteByte('\n')
	}
	b.WriteString(indent + "]")
}
