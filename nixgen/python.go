package nixgen

import (
	"bytes"
	"path"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// unknownHash makes Nix say what the hash is.
const unknownHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// python writes a Python program with the packages of its uv.lock.
//
// The packages are installed by uv in a fixed-output derivation, which may use
// the network because what comes out is known by its hash. It must then depend
// on nothing but the lock: whatever names the store, the time or the machine
// is removed.
func (d *derivation) python() {
	version := d.fields.Text(schema.PythonVersion)
	if version == "" {
		version = "3.12"
	}
	hash := d.fields.Text(schema.PythonVenvHash)
	if hash == "" {
		hash = unknownHash
	}
	project := d.fields.Text(schema.PythonProject)
	if project == "" {
		project = "."
	}
	project = path.Join(d.t.Dir(), project)

	var b bytes.Buffer
	b.WriteString("let\n")
	b.WriteString(indent + "python = pkgs.python" + strings.ReplaceAll(version, ".", "") + ";\n")
	b.WriteString(indent + "packages = pkgs.stdenv.mkDerivation {\n")
	at := indent + "  "
	// The name changes with what uv reads. Otherwise Nix would take what it has
	// under the hash, whatever the lock says by now.
	b.WriteString(at + "name = " + NixString(PackagesName(d.u.Unit)+"-") + " + builtins.substring 0 8 (builtins.hashString \"sha256\" (builtins.unsafeDiscardStringContext \"${" + d.u.venv + "}\"));\n")
	b.WriteString(at + "src = " + d.u.venv + ";\n")
	b.WriteString(at + "nativeBuildInputs = [ pkgs.uv python pkgs.cacert ];\n")
	b.WriteString(at + "SSL_CERT_FILE = \"${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt\";\n")
	b.WriteString(at + "dontConfigure = true;\n" + at + "dontFixup = true;\n")
	b.WriteString(at + "buildPhase = ")
	nixLines(&b, text(nil).lit("export HOME=$TMPDIR UV_PYTHON_DOWNLOADS=never UV_PYTHON_PREFERENCE=only-system\n"+
		"export UV_LINK_MODE=copy UV_NO_CACHE=1 UV_NO_PROGRESS=1 NO_COLOR=1 SOURCE_DATE_EPOCH=1\n"+
		"cd "+ShellQuote(project)+"\n"+
		"uv sync --frozen --no-install-project --python ").name("python").lit("/bin/python3\n"), at)
	b.WriteString(";\n" + at + "installPhase = ")
	nixLines(&b, text(nil).lit("rm -rf .venv/bin .venv/pyvenv.cfg\n"+
		"find .venv -name __pycache__ -prune -exec rm -rf {} +\n"+
		"find .venv -type l -lname '/*' -delete\n"+
		"find .venv -name uv_cache.json -delete\n"+ // when a vendored wheel was written
		"find .venv -path '*.dist-info/RECORD' -exec sed -i '/uv_cache[.]json,/d' {} +\n"+
		"find .venv -exec touch -h -d @1 {} +\n"+
		"cp -r .venv/. $out\n"), at)
	b.WriteString(";\n")
	b.WriteString(at + "outputHashMode = \"recursive\";\n" + at + "outputHashAlgo = \"sha256\";\n")
	b.WriteString(at + "outputHash = " + NixString(hash) + ";\n")
	b.WriteString(indent + "};\n        in ")
	d.before = b.String()

	d.native = append(d.native, expr{"pkgs.", "makeWrapper"})
	d.buildInputs = append(d.buildInputs, expr{head: "python"})
	d.pythonInstall("lib/python" + version + "/site-packages")
}

// PackagesName begins the name of the derivation with the packages of a
// python_script; a hash of what uv reads follows.
func PackagesName(u manifest.Unit) string { return storeName(u.Attr() + "-packages") }

// pythonInstall copies the sources and writes the launcher.
func (d *derivation) pythonInstall(sitePackages string) {
	share := "$out/share/" + ShellQuote(d.name())
	t := d.install.lit("mkdir -p $out/bin\n")
	made := ""
	for _, f := range d.files.Sources {
		dir := share
		if up := path.Dir(f); up != "." && !manifest.Interpolates(f) {
			dir += "/" + ShellQuote(up)
		}
		if dir != made {
			t = t.lit("mkdir -p " + dir + "\n")
			made = dir
		}
		t = d.file(t.lit("cp -- "), f).lit(" " + dir + "/\n")
	}
	entry := share + "/" + ShellQuote(d.files.Sources[0])
	t = t.lit("makeWrapper ").name("python").lit("/bin/python3 $out/bin/" + ShellQuote(d.name()) + " \\\n")
	t = t.lit("  --add-flags " + entry + " \\\n")
	t = t.lit("  --prefix PYTHONPATH : ").name("packages").lit("/" + sitePackages + " \\\n")
	t = t.lit("  --prefix PYTHONPATH : $(dirname " + entry + ")\n")
	d.install = t
}
