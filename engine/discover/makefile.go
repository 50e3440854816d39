package discover

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

var makefileNames = []string{"GNUmakefile", "makefile", "Makefile"}

func (f *finder) makefileName() string {
	for _, name := range makefileNames {
		if f.has(name) {
			return name
		}
	}
	return ""
}

func (f *finder) hasMakefile() bool { return f.makefileName() != "" }

// makeVariables are the flags that a Makefile sets.
type makeVariables struct{ cflags, cxxflags, libraries []string }

var makeAssignment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ ]*(?:override |export )?(CFLAGS|CXXFLAGS|CPPFLAGS|LDFLAGS|LDLIBS|LIBS)[ \t]*(?:\+|\?|::?)?=((?:[^\n\\#]|\\\n|\\.)*)`)
})

// makeVariables reads the usual variables of the Makefile at the root, as far as
// they are plain words.
func (f *finder) makeVariables() makeVariables {
	var out makeVariables
	for _, m := range makeAssignment().FindAllStringSubmatch(f.read(f.makefileName()), -1) {
		for _, word := range strings.Fields(strings.ReplaceAll(m[2], "\\\n", " ")) {
			isLibrary := strings.HasPrefix(word, "-l") || word == "-pthread"
			switch {
			case !strings.HasPrefix(word, "-") || strings.ContainsAny(word, "$()`'\"\\") || skippedFlag(word):
			case isLibrary:
				out.libraries = set(out.libraries, word)
			case m[1] == "CFLAGS":
				out.cflags = set(out.cflags, word)
			case m[1] == "CXXFLAGS":
				out.cxxflags = set(out.cxxflags, word)
			case m[1] == "CPPFLAGS":
				out.cflags, out.cxxflags = set(out.cflags, word), set(out.cxxflags, word)
			}
		}
	}
	return out
}

var makeLogic = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ ]*(ifn?eq|ifn?def)\b|\$\(shell\b|pkg-config`)
})

// makefileDecides reports whether the Makefile finds out by itself what to build and with
// which flags.
func (f *finder) makefileDecides() bool { return makeLogic().MatchString(f.read(f.makefileName())) }

// skippedFlag reports whether a flag is found out otherwise, or of no use here.
func skippedFlag(flag string) bool {
	return strings.HasPrefix(flag, "-I") || strings.HasPrefix(flag, "-L") || strings.HasPrefix(flag, "-M") || flag == "-g" || flag == "-c"
}

var makeTarget = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^([A-Za-z0-9_.-]+)[ \t]*:(?:[^=]|$)`)
})

// makefile runs make where nothing else knows how to build what is there.
func (f *finder) makefile() {
	name := f.makefileName()
	if name == "" || slices.ContainsFunc(f.found.Targets, func(t Target) bool { return t.Kind != schema.ScriptKind }) {
		return
	}
	var rules []string
	for _, m := range makeTarget().FindAllStringSubmatch(f.read(name), -1) {
		rules = set(rules, m[1])
	}
	build, install, reason := "make\n", "make install PREFIX=$out prefix=$out DESTDIR=\n", name+" knows how to build and install"
	if !slices.Contains(rules, "install") {
		build, install = "touch .before\nmake\n", programsAfter(".", ".before")
		reason = name + " knows how to build; the programs it makes are installed"
	}
	var fs fields
	deps := f.packagesOf(".")
	if strings.Contains(f.read(name), "pkg-config") {
		deps = append(deps, "pkg-config")
	}
	fs.list(schema.Sources, f.everything("."))
	fs.list(schema.DepsNixpkgs, deps)
	fs.text(schema.BuildScript, build)
	fs.text(schema.InstallScript, install)
	f.add(Target{Name: f.name, Kind: schema.Custom, Fields: fs, Reason: reason})
	f.claim(".", func(file string) bool {
		return path.Base(file) == name || schema.LanguageOf(file) != "" || file == f.name
	})
	for _, rule := range []string{"check", "test"} {
		if slices.Contains(rules, rule) {
			var test fields
			test.list(schema.Sources, f.everything("."))
			test.list(schema.DepsNixpkgs, deps)
			test.text(schema.ScriptField, "make "+rule+"\n")
			f.add(Target{Name: "make_" + rule, Kind: schema.Test, Fields: test, Reason: name + " has the rule " + rule})
			return
		}
	}
}

// programsAfter installs the executable files below dir that are newer than the
// mark.
func programsAfter(dir, mark string) string {
	return "mkdir -p $out/bin\nfind " + dir + " -type f -perm -u+x -newer " + mark + " ! -name '*.so*' -exec cp {} $out/bin/ \\;\n"
}
