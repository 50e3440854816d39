package discover

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

type nimPatterns struct{ imports, srcDir, bin, requires *regexp.Regexp }

var nimText = sync.OnceValue(func() nimPatterns {
	return nimPatterns{
		imports:  regexp.MustCompile(`(?m)^\s*(?:import|from|include)\s+([^\n#]+)`),
		srcDir:   regexp.MustCompile(`(?m)^srcDir\s*=\s*"([^"]+)"`),
		bin:      regexp.MustCompile(`(?m)^bin\s*=\s*@\[([^\]]*)\]`),
		requires: regexp.MustCompile(`(?m)^requires?\s*\(?\s*"([A-Za-z0-9_]+)`),
	}
})

// nim makes a program of what a .nimble file calls one, otherwise of each file
// that no other one imports, and a test of tests/t*.nim.
func (f *finder) nim() {
	sources := f.inLanguage("nim")
	if len(sources) == 0 {
		return
	}
	f.claim(".", func(file string) bool { return schema.LanguageOf(file) == "nim" })
	var use, tests []string
	imported := map[string]bool{}
	for _, file := range sources {
		for _, m := range nimText().imports.FindAllStringSubmatch(f.read(file), -1) {
			for _, word := range strings.FieldsFunc(m[1], func(c rune) bool { return strings.ContainsRune(" ,[]/\"", c) }) {
				if word == "import" || word == "except" {
					break
				}
				imported[word] = true
			}
		}
		switch roleOf(file) {
		case forUse:
			use = append(use, file)
		case forTests:
			if strings.HasPrefix(path.Base(file), "t") {
				tests = append(tests, file)
			}
		}
	}
	entries, reason := f.nimble()
	for _, file := range use {
		if reason == "" && !imported[stemOf(file)] {
			entries = append(entries, file)
		}
	}
	for _, entry := range entries {
		var own []string
		for _, file := range use {
			if !slices.Contains(entries, file) && below(file, path.Dir(entry)) {
				own = append(own, file)
			}
		}
		why := reason
		if why == "" {
			why = "nothing imports " + entry
		}
		var fs fields
		fs.list(schema.Sources, f.with(entry, own))
		if f.has("config.nims") {
			fs[0].Value = append(fs[0].Value.([]string), "config.nims")
		}
		f.add(Target{Name: f.nameOf(entry), Kind: schema.Executable, Fields: fs, Reason: why})
	}
	f.nimTests(use, tests)
}

// nimble reads what the .nimble file says is a program.
func (f *finder) nimble() (entries []string, reason string) {
	for _, file := range f.files {
		if path.Ext(file) != ".nimble" || path.Dir(file) != "." {
			continue
		}
		text := f.read(file)
		dir := "."
		if m := nimText().srcDir.FindStringSubmatch(text); m != nil {
			dir = path.Clean(m[1])
		}
		if m := nimText().bin.FindStringSubmatch(text); m != nil {
			reason = file + " calls it a program"
			for word := range strings.SplitSeq(m[1], ",") {
				if entry := in(dir, strings.Trim(strings.TrimSpace(word), `"`)+".nim"); f.has(entry) {
					entries = append(entries, entry)
				}
			}
		}
		for _, m := range nimText().requires.FindAllStringSubmatch(text, -1) {
			if m[1] != "nim" {
				f.note("%s requires %s, and builds have no network: add it to the project and put its directory on the path with nim_flags", file, m[1])
			}
		}
	}
	return entries, reason
}

func (f *finder) nimTests(use, tests []string) {
	if len(tests) == 0 {
		return
	}
	sources := append(f.cover(tests), f.cover(use)...)
	script := "export HOME=$TMPDIR\nfor test in"
	for _, test := range tests {
		script += " " + shellWord(test)
	}
	script += "; do\n"
	flags := ""
	if f.has("tests/config.nims") {
		sources = append(sources, "tests/config.nims")
	} else if f.tree.IsDir("src") {
		flags = " --path:src"
	}
	var fs fields
	fs.list(schema.Sources, sources)
	fs.list(schema.DepsNixpkgs, []string{"nim"})
	fs.text(schema.ScriptField, script+"  nim r --nimcache:$TMPDIR/nimcache"+flags+" \"$test\"\ndone\n")
	f.add(Target{Name: "nim_tests", Kind: schema.Test, Fields: fs, Reason: "there are tests in Nim"})
}
