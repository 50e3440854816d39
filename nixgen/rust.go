package nixgen

import (
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// rust writes executables and libraries in Rust: one crate, whose root is the
// first source.
func (d *derivation) rust() {
	b := d.build.lit("export HOME=$TMPDIR\nrustc")
	file := d.name()
	if target := d.fields.Text(schema.Target); target != "" {
		d.stdenv = crossStdenv(target, "")
		d.native = append(d.native, expr{crossPackages(target), ".buildPackages.rustc"})
		b = b.lit(" --target " + ShellQuote(platformOf(target).rust) + ` -C linker="$CC"`)
		if target == "x86_64-windows" && d.t.Kind == schema.Executable {
			file += ".exe"
		}
	} else {
		d.native = append(d.native, d.toolchain("rustc"))
	}
	switch d.t.Kind {
	case schema.StaticLibrary:
		file = "lib" + file + ".a"
		b = b.lit(" --crate-type=staticlib")
	case schema.SharedLibrary:
		file = "lib" + file + ".so"
		b = b.lit(" --crate-type=cdylib")
	}
	b = d.words(b, d.fields.List(schema.Rustflags))
	for _, lib := range d.libraries() {
		b = rustLibrary(b, lib)
	}
	built := file
	if d.t.Kind == schema.Executable {
		built = d.output(file)
	}
	d.build = d.entry(b.lit(" -o " + ShellQuote(built) + " ")).lit("\n")
	if d.t.Kind == schema.Executable {
		d.installProgram(built, file)
	} else {
		d.installLibrary(file)
	}
}

// rustLibrary links a library of this project.
func rustLibrary(b text, lib manifest.Unit) text {
	dir := targetExpr(lib)
	kind := "static"
	if lib.Target.Kind == schema.SharedLibrary {
		kind = "dylib"
		b = b.lit(" -Clink-arg=-Wl,-rpath,").expr(dir).lit("/lib")
	}
	b = b.lit(" -Lnative=").expr(dir).lit("/lib")
	return b.lit(" " + ShellQuote("-l"+kind+"="+lib.Target.Local.Value))
}
