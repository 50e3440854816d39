package nixgen

import "github.com/rigx-build/rigx/engine/manifest/schema"

// zig writes executables in Zig, whose root is the first source.
func (d *derivation) zig() {
	d.native = append(d.native, d.toolchain("zig"))
	file := d.name()
	b := d.build.lit("export HOME=$TMPDIR ZIG_GLOBAL_CACHE_DIR=$TMPDIR/zig-cache ZIG_LOCAL_CACHE_DIR=$TMPDIR/zig-cache\nzig build-exe")
	if target := d.fields.Text(schema.Target); target != "" {
		b = b.lit(" -target " + ShellQuote(platformOf(target).zig))
		if target == "x86_64-windows" {
			file += ".exe"
		}
	}
	b = d.words(b, d.fields.List(schema.Zigflags))
	built := d.output(file)
	d.build = d.entry(b.lit(" " + ShellQuote("-femit-bin="+built) + " ")).lit("\n")
	d.installProgram(built, file)
}
