package discover

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

var zigMain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*pub\s+fn\s+main\s*\(`) })

// zigBuild has build.zig do what it says.
func (f *finder) zigBuild() {
	for _, dir := range f.roots("build.zig") {
		text := f.read(in(dir, "build.zig"))
		name := path.Base(dir)
		if dir == "." {
			name = f.name
		}
		var sources []string
		for _, file := range []string{"build.zig", "build.zig.zon"} {
			if f.has(in(dir, file)) {
				sources = append(sources, in(dir, file))
			}
		}
		var own []string
		f.claim(dir, func(file string) bool {
			language := schema.LanguageOf(file)
			if language != "zig" && language != "c" && language != "cxx" {
				return false
			}
			if path.Base(file) != "build.zig" {
				own = append(own, file)
			}
			return true
		})
		own = append(own, f.headers().of(own).beside...)
		sources = append(sources, f.cover(own)...)
		enter := "export HOME=$TMPDIR ZIG_GLOBAL_CACHE_DIR=$TMPDIR/zig-cache ZIG_LOCAL_CACHE_DIR=$TMPDIR/zig-local\n"
		zig := "zig build"
		if dir != "." {
			zig += " --build-file " + shellWord(in(dir, "build.zig"))
		}
		var fs fields
		fs.list(schema.Sources, sources)
		fs.list(schema.NativeBuildInputs, []string{"zig"})
		fs.text(schema.BuildScript, enter+zig+" --prefix $PWD/installed\n")
		fs.text(schema.InstallScript, "cp -r installed/. $out/\n")
		f.add(Target{Name: name, Kind: schema.Custom, Fields: fs, Reason: in(dir, "build.zig") + " says how it is built"})
		if strings.Contains(text, `.step("test"`) {
			var test fields
			test.list(schema.Sources, sources)
			test.list(schema.DepsNixpkgs, []string{"zig"})
			test.text(schema.ScriptField, enter+zig+" test\n")
			f.add(Target{Name: plainName(name) + "_tests", Kind: schema.Test, Fields: test, Reason: "build.zig has a step test"})
		}
		if strings.Contains(f.read(in(dir, "build.zig.zon")), ".url") {
			f.note("%s fetches packages, and builds have no network: vendor them and refer to them by .path", in(dir, "build.zig.zon"))
		}
	}
}

// zig makes a program of each file with a main function that no build.zig is
// there for.
func (f *finder) zig() {
	f.singlePrograms("zig", func(file string) bool { return zigMain().MatchString(f.read(file)) }, nil)
}
