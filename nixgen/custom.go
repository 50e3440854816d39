package nixgen

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// custom writes a target with scripts of its own.
func (d *derivation) custom() {
	if script := d.fields.Text(schema.BuildScript); script != "" {
		d.build = d.script(script)
	}
	d.install = d.script(d.fields.Text(schema.InstallScript))
}

// test writes a sandboxed test. That its script succeeds is all it gives, but
// Nix wants an output.
func (d *derivation) test() {
	d.build = d.script(d.fields.Text(schema.ScriptField))
	d.install = literal("mkdir -p $out\ntouch $out/passed\n")
}

// script is a user's script as part of a phase; it ends with a newline.
func (d *derivation) script(s string) text {
	t := d.g.template(d.t, s)
	if !strings.HasSuffix(s, "\n") {
		t = t.lit("\n")
	}
	return t
}
