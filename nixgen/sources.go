package nixgen

import (
	"path"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/source"
)

// sourceSets gives every distinct set of files a name: that of the first
// target that has it. Targets with the same files share the copy in the store.
type sourceSets struct {
	of    map[manifest.Unit]string // the src of units
	venv  map[manifest.Unit]string // what uv needs, of Python programs
	names map[string]string        // by the files
	lists []namedSet
	whole bool
}

type namedSet struct {
	name  string
	files []string
}

const wholeTree = "wholeTree"

// collect names the sets of a unit.
func (s *sourceSets) collect(u manifest.Unit, files *manifest.UnitFiles) {
	s.of[u] = s.name(u.Attr(), files.Src)
	if u.Target.Kind == schema.PythonScript {
		s.venv[u] = s.name(u.Attr()+"-packages", manifest.SourceSet{Files: files.VenvFiles})
	}
}

// name is the expression for a set; attr becomes its name if it is new.
func (s *sourceSets) name(attr string, set manifest.SourceSet) string {
	if set.Whole {
		s.whole = true
		return wholeTree
	}
	key := strings.Join(set.Files, "\x00")
	if name, ok := s.names[key]; ok {
		return name
	}
	name := "sources." + AttrName(attr)
	s.names[key] = name
	s.lists = append(s.lists, namedSet{AttrName(attr), set.Files})
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
      only = dirs: files:
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
	for _, set := range g.sets.lists {
		b.WriteString("        " + set.name + " = only ")
		stringList(b, parents(set.files), "        ")
		b.WriteByte(' ')
		stringList(b, set.files, "        ")
		b.WriteString(";\n")
	}
	b.WriteString("      };\n")
}

// stringList writes a list on one line if it is short.
func stringList(b *strings.Builder, items []string, indent string) {
	if len(items) <= 4 {
		b.WriteByte('[')
		for _, s := range items {
			b.WriteByte(' ')
			nixString(b, text{{lit: s}})
		}
		b.WriteString(" ]")
		return
	}
	b.WriteString("[\n")
	for _, s := range items {
		b.WriteString(indent + "  ")
		nixString(b, text{{lit: s}})
		b.WriteByte('\n')
	}
	b.WriteString(indent + "]")
}

// parents lists all directories above sorted files.
func parents(files []string) []string {
	var out []string
	last := ""
	for _, f := range files {
		dir := path.Dir(f)
		if dir == last {
			continue
		}
		last = dir
		for ; dir != "."; dir = path.Dir(dir) {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
