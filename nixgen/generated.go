package nixgen

import (
	"path"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// generated writes a target that runs a tool on inputs to make files.
func (d *derivation) generated() {
	var words []string
	for _, f := range d.files.Inputs {
		words = append(words, f)
	}
	inputs := d.g.template(d.t, strings.Join(words, " "))
	d.install = literal("mkdir -p $out\ninputs=").add(shellWord(inputs)).lit("\n")
	d.install = d.install.add(d.script(d.fields.Text(schema.Command)))
	for _, s := range d.fields.List(schema.OutputsField) {
		out := path.Clean(s.Value)
		message := "rigx: target " + d.t.Name + ": the command did not write " + out
		d.install = d.install.lit("[ -e $out/" + ShellQuote(out) + " ] || { echo " + ShellQuote(message) + " >&2; exit 1; }\n")
	}
}
