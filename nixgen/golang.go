package nixgen

import (
	"strings"

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
	b := d.build.lit("export HOME=$TMPDIR GOCACHE=$TMPDIR/go-cache GOPATH=$TMPDIR/go\n" +
		"export GOPROXY=off GOSUMDB=off GOTOOLCHAIN=local\n")
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
	b = b.lit("go build")
	b = d.words(b, d.fields.List(schema.Goflags))
	b = b.lit(" -o " + ShellQuote(file))
	d.build = d.sources(b, "go").lit("\n")
	d.installProgram(file)
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

// entry appends the first source: the root of the program in languages that find
// the other files themselves.
func (d *derivation) entry(t text) text { return d.file(t, d.files.Sources[0]) }
