package nixgen

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// custom writes a target with scripts of its own.
func (d *derivation) custom() {
	if script := d.fields.Text(schema.BuildScript); script != "" {
		d.build = d.script(d.build, script)
	}
	d.install = d.script(d.install, d.fields.Text(schema.InstallScript))
}

// test writes a sandboxed test. That its script succeeds is all it gives, but
// Nix wants an output.
func (d *derivation) test() {
	d.build = d.script(d.build, d.fields.Text(schema.ScriptField))
	d.install = d.install.lit("mkdir -p $out\ntouch $out/passed\n")
}

// script appends a user's script as part of a phase; it ends with a newline.
func (d *derivation) script(t text, s string) text {
	t = d.template(t, s)
	if !strings.HasSuffix(s, "\n") {
		t = t.lit("\n")
	}
	return t
}
