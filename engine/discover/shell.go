package discover

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

var shellShebang = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^#!.*\b(sh|bash)\b`) })

// dirsOfScripts are where tasks of a project usually are.
var dirsOfScripts = []string{".", "bin", "script", "scripts", "tools", "hack", "ci"}

// shell makes tasks of shell scripts, and tests of those in the directories of
// tests.
func (f *finder) shell() {
	const few = 12
	scripts := f.free(func(file string) bool {
		if ext := path.Ext(file); ext != ".sh" && ext != ".bash" && ext != "" || path.Base(file) == "configure" {
			return false
		}
		return path.Ext(file) != "" || shellShebang().MatchString(f.read(file))
	})
	left := 0
	for _, file := range scripts {
		t := Target{Name: stemOf(file), Kind: schema.ScriptKind, Reason: file + " is a task; `rigx run` does it"}
		script := "exec bash " + shellWord(file) + " \"$@\"\n"
		switch r := roleOf(file); {
		case r == forTests && path.Dir(path.Dir(file)) == ".":
			t.Kind, t.Reason = schema.Test, file+" is a test, on the host since it may use anything there"
			t.Fields = []Field{{schema.Sandbox, false}}
			script = "bash " + shellWord(file) + "\n"
		case r != forUse || !slices.Contains(dirsOfScripts, path.Dir(file)):
			continue
		}
		if len(scripts)-left > few && left == few {
			f.note("there are %d more shell scripts", len(scripts)-few)
			return
		}
		left++
		t.Fields = append(t.Fields, Field{schema.ScriptField, script})
		f.add(t)
	}
}

// others says what is left to the user.
func (f *finder) others() {
	for _, hint := range []struct{ pattern, hint string }{
		{"*.proto", "%s is compiled by a generated_source target with deps.nixpkgs = [\"protobuf\"]"},
		{"*.y", "%s is for yacc or bison: a generated_source target runs it"},
		{"*.l", "%s is for lex or flex: a generated_source target runs it"},
		{"package.json", "%s is of Node.js, which takes a custom target with deps.nixpkgs = [\"nodejs\"]"},
		{"Dockerfile", "%s: a capsule target packages what is built here as a container"},
	} {
		for _, file := range f.files {
			if ok, _ := path.Match(hint.pattern, path.Base(file)); ok && roleOf(file) == forUse && !f.claimed[file] {
				f.note(hint.hint, file)
				break
			}
		}
	}
	if len(f.found.Targets) == 0 && slices.ContainsFunc(f.files, func(file string) bool { return strings.Contains(file, ".") }) {
		f.note("nothing here is known to be a program")
	}
}
