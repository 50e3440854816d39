package engine

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
)

// nimSwitches are the flags of Nim that say what a program means, by all their
// names. The others say how it is compiled, or where to.
var nimSwitches = map[string]string{
	"p": "path", "path": "path", "d": "define", "define": "define", "u": "undef", "undef": "undef",
	"import": "import", "include": "include", "mm": "mm", "gc": "gc", "threads": "threads",
	"experimental": "experimental", "b": "backend", "backend": "backend", "panics": "panics", "exceptions": "exceptions",
}

// nimConfig is a nim.cfg with the paths and defines of all programs in Nim, which
// nimsuggest, and the language servers made of it, look for above every file. Of
// a target with variants, one counts.
func nimConfig(_ context.Context, w *Workspace, units []ideUnit) (string, error) {
	var lines []string
	seen := map[*manifest.Target]bool{}
	for _, u := range units {
		if u.language != "nim" || seen[u.Target] {
			continue
		}
		seen[u.Target] = true
		for _, word := range commandWords(u.env, "nim") {
			flag := strings.TrimLeft(word, "-")
			if flag == word {
				continue
			}
			name, value := flag, ""
			if i := strings.IndexAny(flag, ":="); i >= 0 {
				name, value = flag[:i], flag[i+1:]
			}
			name = nimSwitches[strings.ToLower(name)]
			if name == "path" && !filepath.IsAbs(value) && !strings.HasPrefix(value, "$") {
				value = absolute(w.Dir(), value)
			}
			line := "--" + name + ":" + nimString(value)
			if name != "" && !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	if lines == nil {
		return "", nil
	}
	return "# Written by `rigx ide` (" + ideMarker + ").\n" + strings.Join(lines, "\n") + "\n", nil
}

func nimString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
