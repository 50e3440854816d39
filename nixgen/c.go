package nixgen

import (
	"path"
	"slices"
	"strconv"
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
	c := cBuild{d: d, compiler: compiler, libraries: d.libraries()}
	c.flags = d.words(nil, d.fields.List(flags))
	for _, p := range d.fields.Pairs(schema.Defines) {
		define := literal("-D" + p.Key.Value + "=").add(d.g.template(d.t, p.Value.Value))
		c.flags = c.flags.lit(" ").add(shellWord(define))
	}
	for _, dir := range d.files.Includes {
		c.flags = c.flags.lit(" ").add(shellWord(literal("-I").add(d.g.template(d.t, dir))))
	}
	for _, lib := range c.libraries {
		c.flags = c.flags.lit(" '-I").add(text{{expr: targetExpr(lib)}}).lit("/include'")
	}
	switch d.t.Kind {
	case schema.Executable:
		c.executable()
	case schema.StaticLibrary:
		c.staticLibrary()
	case schema.SharedLibrary:
		c.sharedLibrary()
	}
}

// stdenvOf is the attribute of a compiler: clang → clangStdenv.
func stdenvOf(compiler string) string {
	if strings.HasSuffix(compiler, "tdenv") {
		return attrPath(compiler)
	}
	return attrPath(compiler + "Stdenv")
}

// cBuild is what one C or C++ target compiles and links with.
type cBuild struct {
	d         *derivation
	compiler  string
	flags     text
	libraries []manifest.Unit
}

// compiled lists the sources that the compiler is given.
func (c cBuild) compiled() []text {
	var out []text
	for _, f := range c.d.files.Sources {
		if !slices.Contains(headers, path.Ext(f)) {
			out = append(out, c.d.g.template(c.d.t, f))
		}
	}
	return out
}

// objects compiles every source to an object of its own, several at once, and
// returns the objects as words.
func (c cBuild) objects(extra string) text {
	d := c.d
	sources := c.compiled()
	d.build = d.build.lit("mkdir -p objects\n")
	if len(sources) > 1 {
		d.build = d.build.lit(parallel)
	}
	var objects text
	for i, source := range sources {
		object := "objects/" + strconv.Itoa(i) + ".o"
		if len(sources) > 1 {
			d.build = d.build.lit("compile ")
		}
		d.build = d.build.lit(c.compiler + extra).add(c.flags).lit(" -c ").add(shellWord(source)).lit(" -o " + object + "\n")
		objects = objects.lit(" " + object)
	}
	if len(sources) > 1 {
		d.build = d.build.lit("finish\n")
	}
	return objects
}

// parallel defines how several sources are compiled at once: as many as Nix
// allows, and the first that fails ends the build.
const parallel = `cores=${NIX_BUILD_CORES:-1}
[ "$cores" -gt 0 ] || cores=$(nproc)
compilers=()
compile() {
  while [ "$(jobs -pr | wc -l)" -ge "$cores" ]; do wait -n; done
  "$@" &
  compilers+=("$!")
}
finish() {
  local pid
  for pid in "${compilers[@]}"; do wait "$pid"; done
}
`

// linked appends the libraries in link order: a library stands before those it
// needs.
func (c cBuild) linked(t text) text {
	needs := ""
	for _, lib := range c.libraries {
		name := lib.Target.Local.Value
		e := text{{expr: targetExpr(lib)}}
		if lib.Target.Kind == schema.StaticLibrary {
			t = t.lit(" ").add(shellWord(append(e, piece{lit: "/lib/lib" + name + ".a"})))
			if c.d.g.files.Of(lib).Language == "rust" {
				needs = " -lpthread -ldl -lm" // of Rust's own library
			}
			continue
		}
		t = t.lit(" ").add(shellWord(append(e, piece{lit: "/lib/lib" + name + ".so"})))
		t = t.lit(" ").add(shellWord(literal("-Wl,-rpath,").add(e).lit("/lib")))
	}
	return t.lit(needs)
}

func (c cBuild) executable() {
	d := c.d
	file := d.name()
	if d.fields.Text(schema.Target) == "x86_64-windows" {
		file += ".exe"
	}
	inputs := c.objects("")
	d.build = d.build.lit(c.compiler).add(c.flags).add(inputs)
	d.build = c.linked(d.build)
	d.build = d.words(d.build, d.fields.List(schema.Ldflags))
	d.build = d.build.lit(" -o " + ShellQuote(file) + "\n")
	d.installProgram(file)
}

func (c cBuild) staticLibrary() {
	file := "lib" + c.d.name() + ".a"
	objects := c.objects(" -fPIC")
	c.d.build = c.d.build.lit("$AR rcs " + ShellQuote(file)).add(objects).lit("\n")
	c.d.installLibrary(file)
}

func (c cBuild) sharedLibrary() {
	d := c.d
	file := "lib" + d.name() + ".so"
	objects := c.objects(" -fPIC")
	d.build = d.build.lit(c.compiler + " -shared").add(c.flags).add(objects)
	d.build = c.linked(d.build)
	d.build = d.words(d.build, d.fields.List(schema.Ldflags))
	d.build = d.build.lit(" " + ShellQuote("-Wl,-soname,"+file) + " -o " + ShellQuote(file) + "\n")
	d.installLibrary(file)
}

// installLibrary copies a library and the public headers.
func (d *derivation) installLibrary(file string) {
	d.install = literal("mkdir -p $out/lib $out/include\ncp -- " + ShellQuote(file) + " $out/lib/\n")
	for _, dir := range d.files.PublicHeaders {
		d.install = d.install.lit("cp -r -- " + ShellQuote(dir+"/.") + " $out/include/\n")
	}
}

// libraries lists the libraries of this project that the unit is linked with,
// directly or through others, in link order.
func (d *derivation) libraries() []manifest.Unit {
	var out []manifest.Unit
	seen := map[manifest.Unit]bool{}
	// Depth first, children last to first, prepended: every library then stands
	// before all it needs, and siblings keep their order.
	type frame struct {
		u    manifest.Unit
		next int
	}
	stack := []frame{{u: d.u, next: len(d.t.Edges)}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == 0 {
			if top.u != d.u {
				out = append(out, top.u)
			}
			stack = stack[:len(stack)-1]
			continue
		}
		top.next--
		e := top.u.Target.Edges[top.next]
		if e.Kind == manifest.ToTarget && !seen[e.Unit] && (e.Unit.Target.Kind == schema.StaticLibrary || e.Unit.Target.Kind == schema.SharedLibrary) {
			seen[e.Unit] = true
			stack = append(stack, frame{e.Unit, len(e.Unit.Target.Edges)})
		}
	}
	slices.Reverse(out)
	return out
}
