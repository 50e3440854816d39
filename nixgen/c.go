package nixgen

import (
	"path"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// headers are extensions that are listed among sources but not compiled.
var headers = []string{".h", ".hh", ".hpp", ".hxx", ".inc", ".inl", ".ipp", ".tpp", ".def", ".txt", ".md", ".json"}

// cFamily writes executables and libraries in C and C++.
func (d *derivation) cFamily() {
	if platform := d.fields.Text(schema.Target); platform != "" {
		d.stdenv = crossStdenv(platform, d.fields.Text(schema.Compiler))
	} else if compiler := d.fields.Text(schema.Compiler); compiler != "" {
		d.stdenv = "pkgs." + stdenvOf(compiler)
	}
	compiler, flags := "$CC", schema.Cflags
	if d.files.Language == "cxx" {
		compiler, flags = "$CXX", schema.Cxxflags
	}
	c := cBuild{d: d, libraries: d.libraries()}
	d.build = d.build.lit("compiler=(").lit(compiler)
	if d.t.Kind != schema.Executable {
		d.build = d.build.lit(" -fPIC")
	}
	d.build = d.words(d.build, d.fields.List(flags))
	for _, p := range d.fields.Pairs(schema.Defines) {
		d.build = d.word(d.build.lit(" "), "-D"+p.Key.Value+"="+p.Value.Value)
	}
	for _, dir := range d.files.Includes {
		from := len(d.build) + 1
		if manifest.Interpolates(dir) {
			d.build = d.template(d.build.lit(" ").lit("-I"), dir).word(from)
		} else {
			d.build = d.build.lit(" ").lit("-I").lit(dir).word(from)
		}
	}
	d.includeLibraries(c.libraries)
	d.build = d.build.lit(")\n")
	c.compile()
	switch d.t.Kind {
	case schema.Executable:
		c.executable()
	case schema.StaticLibrary:
		c.staticLibrary()
	case schema.SharedLibrary:
		c.sharedLibrary()
	}
}

// includeLibraries puts the headers of libraries on the include path: those that
// the target lists, in its order, then those that they need.
func (d *derivation) includeLibraries(libraries []manifest.Unit) {
	include := func(lib manifest.Unit) { d.build = d.build.lit(" -I").expr(targetExpr(lib)).lit("/include") }
	listed := func(lib manifest.Unit) bool {
		return slices.ContainsFunc(d.t.Edges, func(e manifest.Edge) bool { return isLibrary(e) && e.Unit == lib })
	}
	for _, e := range d.t.Edges {
		if isLibrary(e) {
			include(e.Unit)
		}
	}
	for _, lib := range libraries {
		if !listed(lib) {
			include(lib)
		}
	}
}

// stdenvOf is the attribute of a compiler: clang → clangStdenv.
func stdenvOf(compiler string) string {
	if strings.HasSuffix(compiler, "tdenv") {
		return attrPath(compiler)
	}
	return attrPath(compiler + "Stdenv")
}

// cBuild is what one C or C++ target links with.
type cBuild struct {
	d         *derivation
	libraries []manifest.Unit
}

// compile compiles every source to an object of its own, several at once.
func (c cBuild) compile() {
	d := c.d
	d.build = d.build.name("parallel").lit("\n")
	for _, f := range d.files.Sources {
		if !slices.Contains(headers, path.Ext(f)) {
			d.build = d.file(d.build.lit("compile "), f).lit("\n")
		}
	}
	d.build = d.build.lit("finish\n")
}

// objectsDir is where parallel puts what it compiles.
const objectsDir = "objects"

// parallel is a piece of shell that is written once and used by every target in
// C and C++: as many files are compiled at once as Nix allows, and the first
// that fails ends the build.
const parallel = `
      # compile SOURCE, any number of times, then finish: runs the command in the
      # array compiler, several at once, and fills the array objects.
      parallel = ''
        mkdir -p objects
        objects=() compilers=() cores=''${NIX_BUILD_CORES:-1}
        [ "$cores" -gt 0 ] || cores=$(nproc)
        compile() {
          local object=objects/''${#objects[@]}.o
          objects+=("$object")
          while [ "$(jobs -pr | wc -l)" -ge "$cores" ]; do wait -n; done
          "''${compiler[@]}" -c "$1" -o "$object" &
          compilers+=("$!")
        }
        finish() {
          local pid
          for pid in "''${compilers[@]}"; do wait "$pid"; done
        }'';
`

// link appends the objects and the libraries in link order: a library stands
// before those it needs.
func (c cBuild) link(t text) text {
	t = t.lit(` "${objects[@]}"`)
	needs := ""
	for _, lib := range c.libraries {
		name := lib.Target.Local.Value
		from := len(t) + 1
		if lib.Target.Kind == schema.StaticLibrary {
			t = t.lit(" ").expr(targetExpr(lib)).lit("/lib/lib" + name + ".a").word(from)
			if c.d.w.files.Of(lib).Language == "rust" {
				needs = " -lpthread -ldl -lm" // of Rust's own library
			}
			continue
		}
		t = t.lit(" ").expr(targetExpr(lib)).lit("/lib/lib" + name + ".so").word(from)
		t = t.lit(" -Wl,-rpath,").expr(targetExpr(lib)).lit("/lib")
	}
	return c.d.words(t.lit(needs), c.d.fields.List(schema.Ldflags))
}

func (c cBuild) executable() {
	d := c.d
	file := d.name()
	if d.fields.Text(schema.Target) == "x86_64-windows" {
		file += ".exe"
	}
	built := d.output(file)
	d.build = c.link(d.build.lit(`"${compiler[@]}"`)).lit(" -o ").lit(ShellQuote(built)).lit("\n")
	d.installProgram(built, file)
}

func (c cBuild) staticLibrary() {
	file := "lib" + c.d.name() + ".a"
	c.d.build = c.d.build.lit("$AR rcs ").lit(ShellQuote(file)).lit(` "${objects[@]}"` + "\n")
	c.d.installLibrary(file)
}

func (c cBuild) sharedLibrary() {
	d := c.d
	file := "lib" + d.name() + ".so"
	d.build = c.link(d.build.lit(`"${compiler[@]}" -shared`))
	d.build = d.build.lit(" " + ShellQuote("-Wl,-soname,"+file) + " -o " + ShellQuote(file) + "\n")
	d.installLibrary(file)
}

// installLibrary copies a library and the public headers.
func (d *derivation) installLibrary(file string) {
	d.install = d.install.lit("mkdir -p $out/lib $out/include\ncp -- ").lit(ShellQuote(file)).lit(" $out/lib/\n")
	for _, dir := range d.files.PublicHeaders {
		from := len(d.install) + 1
		d.install = d.install.lit("cp -r -- ").lit(dir).lit("/.").word(from).lit(" $out/include/\n")
	}
}

// libraries lists the libraries of this project that the unit is linked with,
// directly or through others, in link order.
func (d *derivation) libraries() []manifest.Unit {
	if !dependsOnLibrary(d.t) {
		return nil
	}
	w := d.w
	clear(w.seen)
	out := w.libraries[:0]
	// Depth first, children last to first, prepended: every library then stands
	// before all it needs, and siblings keep their order.
	stack := w.stack[:0]
	stack = append(stack, step{u: d.u.Unit, next: len(d.t.Edges)})
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == 0 {
			if top.u != d.u.Unit {
				out = append(out, top.u)
			}
			stack = stack[:len(stack)-1]
			continue
		}
		top.next--
		e := top.u.Target.Edges[top.next]
		if isLibrary(e) && !w.seen[e.Unit] {
			w.seen[e.Unit] = true
			stack = append(stack, step{e.Unit, len(e.Unit.Target.Edges)})
		}
	}
	slices.Reverse(out)
	w.libraries, w.stack = out, stack
	return out
}

// step is a unit on the way, with the number of its edges not yet followed.
type step struct {
	u    manifest.Unit
	next int
}

func isLibrary(e manifest.Edge) bool {
	return e.Kind == manifest.ToTarget && (e.Unit.Target.Kind == schema.StaticLibrary || e.Unit.Target.Kind == schema.SharedLibrary)
}

func dependsOnLibrary(t *manifest.Target) bool { return slices.ContainsFunc(t.Edges, isLibrary) }
