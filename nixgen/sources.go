package nixgen

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/source"
)

// sourceSets gives every distinct set of files a name. Targets with the same
// files share the copy in the store, and its evaluation.
type sourceSets struct {
	names map[string]string
	lists [][]string
	whole bool
}

const wholeTree = "wholeTree"

// name of the binding that holds a set.
func (s *sourceSets) name(set manifest.SourceSet) string {
	if set.Whole {
		s.whole = true
		return wholeTree
	}
	key := strings.Join(set.Files, "\x00")
	if name, ok := s.names[key]; ok {
		return name
	}
	if s.names == nil {
		s.names = map[string]string{}
	}
	name := "sources." + AttrName("set"+strconv.Itoa(len(s.lists)))
	s.names[key] = name
	s.lists = append(s.lists, set.Files)
	return name
}

// sources writes the bindings. A path is copied to the store under a name and
// with a content that depend on nothing but the files in it.
func (g *generator) sources(b *strings.Builder) {
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
      only = { dirs, files }:
        let
          start = builtins.stringLength (toString ./.) + 1;
          set = names: builtins.listToAttrs (map (name: { inherit name; value = true; }) names);
          wantedDirs = set dirs;
          wantedFiles = set files;
        in
        builtins.path {
          name = "source";
          path = ./.;
          filter = path: type:
            (if type == "directory" then wantedDirs else wantedFiles) ? ${builtins.substring start (-1) path};
        };

      sources = {
`)
	for i, files := range g.sets.lists {
		b.WriteString("        set" + strconv.Itoa(i) + " = only {\n          dirs = ")
		stringList(b, parents(files), "          ")
		b.WriteString(";\n          files = ")
		stringList(b, files, "          ")
		b.WriteString(";\n        };\n")
	}
	b.WriteString("      };\n")
}

// stringList writes a list on one line if it is short.
func stringList(b *strings.Builder, items []string, indent string) {
	if len(items) <= 4 {
		b.WriteByte('[')
		for _, s := range items {
			b.WriteString(" " + NixString(s))
		}
		b.WriteString(" ]")
		return
	}
	b.WriteString("[\n")
	for _, s := range items {
		b.WriteString(indent + "  " + NixString(s) + "\n")
	}
	b.WriteString(indent + "]")
}

// parents lists all directories above files, sorted.
func parents(files []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, f := range files {
		for dir := path.Dir(f); dir != "." && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out
}
