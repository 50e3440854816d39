package nixgen

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// products appends the list of what Hydra offers for download.
func (d *derivation) products() {
	list := d.fields.Pairs(schema.Products)
	if len(list) == 0 {
		return
	}
	d.install = d.install.lit("[ -d $out ] || { echo 'products are below $out, which is one file' >&2; exit 1; }\n" +
		"mkdir -p $out/nix-support\n")
	for _, p := range list {
		kind := p.Value.Value
		if !strings.Contains(kind, " ") {
			kind = "file " + kind
		}
		file, line := ShellQuote(p.Key.Value), "%s %s/%s\\n"
		if strings.ContainsAny(p.Key.Value, " \t") {
			line = `%s "%s/%s"\n`
		}
		d.install = d.install.lit("[ -e $out/" + file + " ] || { echo " + ShellQuote("there is no product "+p.Key.Value+" below $out") + " >&2; exit 1; }\n" +
			"printf " + ShellQuote(line) + " " + ShellQuote(kind) + " $out " + file + " >> $out/nix-support/hydra-build-products\n")
	}
}
