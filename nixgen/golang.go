package nixgen

import (
	"path"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// toolchain is the package that brings a language's compiler.
func (d *derivation) toolchain(usual string) expr {
	if compiler := d.fields.Text(schema.Compiler); compiler != "" {
		return expr{"pkgs.", attrPath(compiler)}
	}
	return expr{"pkgs.", usual}
}

// golang writes executables in Go.
func (d *derivation) golang() {
	d.native = append(d.native, d.toolchain("go"))
	b := d.build
	if d.u.module.src == "" {
		b = goEnvironment(b).lit("off\n")
	}
	file := d.name()
	if target := d.fields.Text(schema.Target); target != "" {
		p := platformOf(target)
		if p.goos == "" {
			p.goarch, p.goos, _ = strings.Cut(target, "-")
		}
		b = b.lit("export GOOS=" + ShellQuote(p.goos) + " GOARCH=" + ShellQuote(p.goarch) + " CGO_ENABLED=0\n")
		if p.goarm != "" {
			b = b.lit("export GOARM=" + p.goarm + "\n")
		}
		if p.goos == "windows" {
			file += ".exe"
		}
	}
	built := d.output(file)
	build := func(t text) text { return d.words(t.lit("go build"), d.fields.List(schema.Goflags)).lit(" -o ") }
	switch dir := d.goPackage(); {
	case dir == "":
		b = d.sources(build(b).lit(ShellQuote(built)), "go").lit("\n")
	case slices.Contains(d.files.Sources, "go.mod"):
		b = build(b).lit(ShellQuote(built) + " " + ShellQuote("./"+dir) + "\n")
	default: // the module begins further down, in dir or above it
		b = b.lit("program=$PWD/" + ShellQuote(built) + "\ncd " + ShellQuote("./"+dir) + "\n")
		b = build(b).lit("\"$program\" .\ncd \"$OLDPWD\"\n")
	}
	d.build = b
	d.installProgram(built, file)
}

// goPackage is the directory of the package to build if the sources are those of
// a module: the one that the first source is in; Go finds the others by their
// import paths. It is "" if the sources are the files of one package.
func (d *derivation) goPackage() string {
	first := d.firstOf("go")
	if manifest.Interpolates(first) || !slices.ContainsFunc(d.files.Sources, func(f string) bool { return path.Base(f) == "go.mod" }) {
		return ""
	}
	return path.Dir(first)
}

// sources appends the sources of a language as words, leaving out data that is
// listed beside them.
func (d *derivation) sources(t text, language string) text {
	for _, f := range d.files.Sources {
		if lang := schema.LanguageOf(f); lang == language || lang == "" && len(d.files.Sources) == 1 {
			t = d.file(t.lit(" "), f)
		}
	}
	return t
}

// firstOf is the first source in a language.
func (d *derivation) firstOf(language string) string {
	for _, f := range d.files.Sources {
		if schema.LanguageOf(f) == language {
			return f
		}
	}
	return d.files.Sources[0]
}

// entry appends the first source: the root of the program in languages that find
// the other files themselves.
func (d *derivation) entry(t text) text { return d.file(t, d.files.Sources[0]) }
