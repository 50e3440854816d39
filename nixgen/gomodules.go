package nixgen

import (
	"bytes"
	"path"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// goModule is the module whose dependencies a target needs.
type goModule struct {
	dir string // of go.mod, relative to the root
	src string // the expression for go.mod and go.sum; "" if nothing is downloaded
}

// goModule finds the module that a unit's sources are part of: the uppermost.
func (g *generator) goModule(u unit) goModule {
	m := goModule{dir: ModuleDir(u.files)}
	m.src = g.sets.name(u.Attr()+"-go-modules", manifest.SourceSet{Files: []string{path.Join(m.dir, "go.mod"), path.Join(m.dir, "go.sum")}})
	return m
}

// ModuleDir is the directory of the uppermost go.mod among the files of a unit,
// relative to the root.
func ModuleDir(files *manifest.UnitFiles) string {
	dir := "."
	found := false
	for _, f := range files.Src.Files {
		if path.Base(f) == "go.mod" && (!found || len(path.Dir(f)) < len(dir)) {
			dir, found = path.Dir(f), true
		}
	}
	return dir
}

// ModulesName begins the name of the derivation with the modules of a directory;
// a hash of go.mod and go.sum follows. Targets of one module share it.
func ModulesName(dir string) string {
	return storeName("go-modules-" + path.Base(path.Join("root", dir)))
}

// goEnvironment lets Go write below $TMPDIR only, and download nothing but from
// the proxy whose address follows.
func goEnvironment(t text) text {
	return t.lit("export HOME=$TMPDIR GOCACHE=$TMPDIR/go-cache GOPATH=$TMPDIR/go\n" +
		"export GOSUMDB=off GOTOOLCHAIN=local GOPROXY=")
}

// modules downloads the modules of go.sum in a fixed-output derivation, which
// may use the network because what comes out is known by its hash, and makes
// them the proxy that Go asks. What the proxy on the way adds, such as when it
// saw a version first, is removed.
func (d *derivation) modules() {
	if d.u.module.src == "" {
		return
	}
	var b bytes.Buffer
	at := indent + "  "
	b.WriteString("let\n" + indent + "goModules = pkgs.stdenv.mkDerivation {\n")
	// The name changes with what Go reads: see python.
	write(&b, at, "name = ", NixString(ModulesName(d.u.module.dir)+"-"),
		" + builtins.substring 0 8 (builtins.hashString \"sha256\" (builtins.unsafeDiscardStringContext \"${", d.u.module.src, "}\"));\n")
	write(&b, at, "src = ", d.u.module.src, ";\n")
	write(&b, at, "nativeBuildInputs = [ ", d.toolchain("go").String(), " pkgs.cacert ];\n")
	write(&b, at, "SSL_CERT_FILE = \"${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt\";\n")
	write(&b, at, "impureEnvVars = [ \"GOPROXY\" \"http_proxy\" \"https_proxy\" \"no_proxy\" ];\n")
	write(&b, at, "dontConfigure = true;\n", at, "dontFixup = true;\n", at, "buildPhase = ")
	nixLines(&b, text(nil).lit("export HOME=$TMPDIR GOCACHE=$TMPDIR/go-cache GOPATH=$TMPDIR/go\n"+
		"export GOTOOLCHAIN=local GOSUMDB=off GOFLAGS=-modcacherw\n"+
		"cd "+ShellQuote("./"+d.u.module.dir)+"\n"+
		"go mod download\n"), at)
	write(&b, ";\n", at, "installPhase = ")
	nixLines(&b, text(nil).lit("cd $GOPATH/pkg/mod/cache/download\n"+
		"rm -rf sumdb\n"+
		"find . -name '*.lock' -delete -o -name '*.info' -delete -o -name list -delete\n"+
		"mkdir $out\n"+
		"cp -r . $out/\n"), at)
	write(&b, ";\n", at, "outputHashMode = \"recursive\";\n", at, "outputHashAlgo = \"sha256\";\n")
	write(&b, at, "outputHash = ", NixString(d.fields.Text(schema.GoModulesHash)), ";\n", indent, "};\n        in ")
	d.before += b.String()

	environment := goEnvironment(nil).lit("file://").name("goModules").lit("\n")
	if len(d.build) > 0 {
		d.build = append(environment, d.build...)
	} else {
		d.install = append(environment, d.install...)
	}
}
