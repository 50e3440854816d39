package nixgen

import (
	"path"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// run writes a target that runs a program and keeps what it wrote.
func (d *derivation) run() {
	d.build = d.words(d.program(d.build), d.fields.List(schema.Args)).lit("\n")
	d.install = d.install.lit("mkdir -p $out\n")
	for _, s := range d.fields.List(schema.OutputsField) {
		out := path.Clean(s.Value)
		d.install = d.install.lit(d.wants(out, "the program did not write"))
		if dir := path.Dir(out); dir != "." {
			d.install = d.install.lit("mkdir -p $out/" + ShellQuote(dir) + "\n")
		}
		d.install = d.install.lit("cp -r -- " + ShellQuote(out) + " $out/" + ShellQuote(out) + "\n")
	}
}

// wants is the command that fails the build if a path is not there.
func (d *derivation) wants(file, complaint string) string {
	message := "rigx: target " + d.t.Name + ": " + complaint + " " + file
	return "[ -e " + ShellQuote(file) + " ] || { echo " + ShellQuote(message) + " >&2; exit 1; }\n"
}

// program appends the command of a run target: another target's program, or
// whatever has that name on PATH.
func (d *derivation) program(t text) text {
	name := d.fields.Text(schema.RunField)
	ref, ok := d.w.m.ResolveTarget(d.t, name)
	if !ok {
		return t.lit(ShellQuote(name))
	}
	program := name
	switch ref.Kind {
	case manifest.ToTarget:
		program = ref.Unit.Target.Local.Value
	case manifest.ToLocal:
		program = ref.Attr
		if ref.Local.Manifest != nil {
			if u, ok := ref.Local.Manifest.Attr(ref.Attr); ok {
				program = u.Target.Local.Value
			}
		}
	}
	from := len(t)
	return t.expr(exprOf(ref)).lit("/bin/" + program).word(from)
}
