package nixgen

import (
	"path"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// generated writes a target that runs a tool on inputs to make files.
func (d *derivation) generated() {
	d.install = d.word(d.install.lit("mkdir -p $out\ninputs="), strings.Join(d.files.Inputs, " ")).lit("\n")
	d.install = d.script(d.install, d.fields.Text(schema.Command))
	for _, s := range d.fields.List(schema.OutputsField) {
		out := path.Clean(s.Value)
		message := "rigx: target " + d.t.Name + ": the command did not write " + out
		d.install = d.install.lit("[ -e $out/" + ShellQuote(out) + " ] || { echo " + ShellQuote(message) + " >&2; exit 1; }\n")
	}
}
