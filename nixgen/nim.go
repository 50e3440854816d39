package nixgen

import "github.com/rigx-build/rigx/engine/manifest/schema"

// nim writes executables in Nim. For other platforms Nim's C goes through
// `zig cc`, which brings the C library of each.
func (d *derivation) nim() {
	d.native = append(d.native, d.toolchain("nim"))
	file := d.name()
	b := d.build.lit("export HOME=$TMPDIR\n")
	target := d.fields.Text(schema.Target)
	if target != "" {
		d.native = append(d.native, expr{"pkgs.", "zig"})
		p := platformOf(target)
		if target == "x86_64-windows" {
			file += ".exe"
		}
		b = b.lit("export ZIG_GLOBAL_CACHE_DIR=$TMPDIR/zig-cache ZIG_LOCAL_CACHE_DIR=$TMPDIR/zig-cache\n" +
			"mkdir -p $TMPDIR/bin\n" +
			"printf '#!%s\\nexec zig cc -target %s \"$@\"\\n' \"$(command -v sh)\" " + ShellQuote(p.zig) + " > $TMPDIR/bin/zigcc\n" +
			"chmod +x $TMPDIR/bin/zigcc\n")
		b = b.lit("nim c --cc:clang --clang.exe:$TMPDIR/bin/zigcc --clang.linkerexe:$TMPDIR/bin/zigcc")
		if p.nimCPU != "" {
			b = b.lit(" --cpu:" + p.nimCPU + " --os:" + p.nimOS)
		}
	} else {
		b = b.lit("nim c")
	}
	b = d.words(b, d.fields.List(schema.NimFlags))
	built := d.output(file)
	d.build = d.entry(b.lit(" --nimcache:$TMPDIR/nimcache " + ShellQuote("--out:"+built) + " ")).lit("\n")
	d.installProgram(built, file)
}
