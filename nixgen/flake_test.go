package nixgen_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
	"github.com/rigx-build/rigx/nixgen"
)

var update = flag.Bool("update", false, "write what is generated into testdata/flake")

// TestGolden compares the flakes of testdata/flake/*.txtar. Each is a project
// with its flake.nix, which Nix must be able to parse. That they build is shown
// by the example project and the scripts of cmd/rigx.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("..", "testdata", "flake", "*.txtar"))
	if len(files) == 0 {
		t.Fatal("no golden files")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archive := txtar.Parse(data)
			dir := t.TempDir()
			out := &txtar.Archive{Comment: archive.Comment}
			for _, f := range archive.Files {
				if f.Name == "flake.nix" {
					continue
				}
				out.Files = append(out.Files, f)
				write(t, filepath.Join(dir, f.Name), string(f.Data))
			}
			flake, ds := generate(t, dir)
			for _, d := range ds {
				t.Errorf("%s: %s", d.Code, d.Message)
			}
			out.Files = append(out.Files, txtar.File{Name: "flake.nix", Data: []byte(flake)})
			parse(t, filepath.Join(dir, "flake.nix"), flake)
			if *update {
				if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(data), string(txtar.Format(out))); diff != "" {
				t.Errorf("(-want +got); -update writes it:\n%s", diff)
			}
		})
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// generate returns the flake of a project, or its errors.
func generate(t testing.TB, dir string) (string, []*diagnostic.Diagnostic) {
	t.Helper()
	m := manifest.Load(t.Context(), source.Disk(), dir, manifest.Options{})
	files := m.ResolveFiles(t.Context(), source.NewTree(source.Disk(), dir))
	ds := append(m.Diagnostics(), files.Diagnostics()...)
	if errors, _ := diagnostic.Count(ds); errors > 0 {
		return "", ds
	}
	var b strings.Builder
	opts := nixgen.Options{Version: "0.10.0", External: map[string]map[string]string{"sdk": {"core": "/opt/sdk"}}}
	if err := nixgen.Flake(&b, m, files, opts); err != nil {
		t.Fatal(err)
	}
	return b.String(), nil
}

func nix(t testing.TB, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("nix-instantiate"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
	var stderr bytes.Buffer
	cmd := exec.Command("nix-instantiate", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return out
}

func parse(t testing.TB, path, flake string) {
	t.Helper()
	write(t, path, flake)
	nix(t, "--parse", path)
}

// hostile is a project whose every string is from somebody else.
type hostile struct{ name, description, argument, define, script, flag string }

func (h hostile) toml() string {
	q := syntax.Quote
	return fmt.Sprintf(`[project]
name = "p"
description = %s
[targets.%s]
kind = "run"
run = "show"
args = [%s, "end"]
outputs = [%s]
[targets.compiled]
kind = "executable"
sources = ["a.c"]
cflags = [%s]
defines = { X = %s }
[targets.scripted]
kind = "custom"
install_script = %s
`, q(h.description), syntax.QuoteKey(h.name), q(h.argument), q("out "+h.name), q(h.flag), q(h.define), q(h.script))
}

// evaluated is what Nix makes of the flake of a hostile project.
type evaluated struct {
	Description string
	Names       []string
	Build       string
	Install     string
	Compiled    string
	Scripted    string
}

const evaluation = `let
  flake = import ./flake.nix;
  outputs = flake.outputs { self = { }; nixpkgs = ./stub.nix; };
  p = outputs.packages.x86_64-linux;
  name = builtins.fromJSON (builtins.readFile ./name.json);
in {
  Description = flake.description;
  Names = builtins.attrNames p;
  Build = p.${name}.buildPhase;
  Install = p.${name}.installPhase;
  Compiled = p.compiled.buildPhase;
  Scripted = p.scripted.installPhase;
}`

const stub = `{ system, ... }: { stdenv.mkDerivation = args: args; }`

// check generates the flake and compares what Nix and bash make of it with the
// strings themselves. It reports false for projects that rigx refuses.
func (h hostile) check(t testing.TB) bool {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "rigx.toml"), h.toml())
	write(t, filepath.Join(dir, "a.c"), "")
	flake, ds := generate(t, dir)
	if ds != nil {
		return false
	}
	name, err := json.Marshal(h.name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "flake.nix"), flake)
	write(t, filepath.Join(dir, "name.json"), string(name))
	write(t, filepath.Join(dir, "stub.nix"), stub)
	write(t, filepath.Join(dir, "eval.nix"), evaluation)
	var got evaluated
	if err := json.Unmarshal(nix(t, "--eval", "--strict", "--json", filepath.Join(dir, "eval.nix")), &got); err != nil {
		t.Fatal(err)
	}
	if h.description != "" && got.Description != h.description {
		t.Errorf("description %q became %q", h.description, got.Description)
	}
	if !contains(got.Names, h.name) {
		t.Errorf("no %q among the packages %q", h.name, got.Names)
	}
	want := []string{literal(h.argument), "end"}
	if diff := cmp.Diff(want, bash(t, "runHook() { :; }\nshow() { printf '%s\\0' \"$@\"; }\n"+got.Build)); diff != "" {
		t.Errorf("arguments: %s", diff)
	}
	command, _, _ := strings.Cut(got.Compiled, "mkdir -p objects")
	want = []string{"gcc", literal(h.flag), "-DX=" + literal(h.define)}
	if diff := cmp.Diff(want, bash(t, "runHook() { :; }\nCC=gcc\n"+command+"printf '%s\\0' \"${compiler[@]}\"")); diff != "" {
		t.Errorf("compiler: %s", diff)
	}
	script := literal(h.script)
	if !strings.HasSuffix(h.script, "\n") {
		script += "\n"
	}
	if want := "runHook preInstall\n" + script + "runHook postInstall\n"; got.Scripted != want {
		t.Errorf("script:\n%s", cmp.Diff(want, got.Scripted))
	}
	bash(t, "set -n\n"+got.Install)
	return true
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// literal is what a string with interpolation says when it has no references.
func literal(s string) string {
	parts, _ := manifest.ParseTemplate(s)
	out := ""
	for _, p := range parts {
		out += p.Literal
	}
	return out
}

func bash(t testing.TB, script string) []string {
	t.Helper()
	cmd := exec.Command("bash")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

var fragments = []string{
	"'", "''", "'''", "$", "$$", "{", "\\", "\"", "\n", "  ", "\t", " ", "x", "a b", "`id`", "$(id)", "''${x}", "$HOME",
	"~", "*", "?", "[a]", "#", ";", "&", "|", "<", ">", "!", "é", "🙂", "\x01", "\\n", "''\\n", "''$", "-", "=", "%", ",",
}

func TestHostileStrings(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	s := func() string {
		var b strings.Builder
		for range random.IntN(5) {
			b.WriteString(fragments[random.IntN(len(fragments))])
		}
		return b.String()
	}
	accepted := 0
	for range 60 {
		if (hostile{"n" + strings.NewReplacer("/", "", "@", "", "\n", "", "\t", "", "\x01", "", "\\", "").Replace(s()), s(), s(), s(), "true " + s(), s()}).check(t) {
			accepted++
		}
	}
	if accepted < 25 {
		t.Errorf("only %d of 60 projects were accepted: the test shows little", accepted)
	}
}

func FuzzFlake(f *testing.F) {
	f.Add("a$(id)", "${", "a b", "\"x\"", "echo '${x}'", "-I x")
	f.Add("let", "''", "'", "$HOME", "true\n", "")
	f.Fuzz(func(t *testing.T, name, description, argument, define, script, flag string) {
		h := hostile{name, description, argument, define, script, flag}
		for _, s := range []string{name, description, argument, define, script, flag} {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Skip()
			}
		}
		if name == "compiled" || name == "scripted" {
			t.Skip()
		}
		h.check(t)
	})
}
