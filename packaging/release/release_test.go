package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rigx-build/rigx/engine"
)

// need skips a test without a program, unless that is required.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), program) {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed", program)
	}
}

// TestRelease makes a release for this machine twice: here, and from a copy in
// another directory with an empty cache of Go. Both are the same, byte for byte,
// and work.
func TestRelease(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what is checked is the release for Linux")
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	here, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dist := t.TempDir()
	only := "linux/" + runtime.GOARCH
	make := func(from, to string) string {
		t.Helper()
		t.Chdir(from)
		if err := run(context.Background(), filepath.Join(dist, to), only); err != nil {
			t.Fatal(err)
		}
		return string(read(t, filepath.Join(dist, to, "SHA256SUMS")))
	}
	first := make(here, "first")
	there := copied(t, here)
	cache := t.TempDir()
	t.Setenv("GOCACHE", cache)
	second := make(there, "second")
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("not reproducible:\n%s", diff)
	}
	if n := strings.Count(first, "\n"); n != 3 {
		t.Errorf("%d files instead of an archive, its materials and a package:\n%s", n, first)
	}

	name := "rigx-" + engine.Version + "-linux-" + runtime.GOARCH
	files := untar(t, read(t, filepath.Join(dist, "first", name+".tar.gz")))
	for _, program := range []string{"rigx", "rigx-ls"} {
		data := files[name+"/"+program]
		bin, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range bin.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s is not static", program)
			}
		}
		if bytes.Contains(data, []byte(here)) {
			t.Errorf("%s knows where it was built", program)
		}
	}
	if len(files[name+"/completions/_rigx"]) == 0 || len(files[name+"/LICENSE"]) == 0 || len(files[name+"/man/rigx.toml.5"]) == 0 {
		t.Errorf("files are missing among %d", len(files))
	}

	var bom billOfMaterials
	if err := json.Unmarshal(read(t, filepath.Join(dist, "first", name+".cdx.json")), &bom); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, c := range bom.Components {
		listed[c.Name] = true
		if c.Name == "rigx" && c.Hashes[0].Content != sum(files[name+"/rigx"]) {
			t.Error("the materials are those of another rigx")
		}
	}
	for _, want := range []string{"rigx", "rigx-ls", "std", "github.com/spf13/cobra", "go.lsp.dev/protocol"} {
		if !listed[want] {
			t.Errorf("the materials lack %s", want)
		}
	}

	t.Run("debian", func(t *testing.T) {
		need(t, "dpkg-deb")
		deb := filepath.Join(dist, "first", "rigx_"+engine.Version+"_"+runtime.GOARCH+".deb")
		root := t.TempDir()
		output(t, "dpkg-deb", "-x", deb, root)
		if got := output(t, filepath.Join(root, "usr/bin/rigx"), "version"); !strings.Contains(got, engine.Version) {
			t.Errorf("rigx version says %q", got)
		}
		output(t, "bash", "-n", filepath.Join(root, "usr/share/bash-completion/completions/rigx"))
		if got := output(t, "gzip", "-dc", filepath.Join(root, "usr/share/man/man1/rigx-build.1.gz")); !strings.Contains(got, ".TH \"RIGX-BUILD\" 1 \"") {
			t.Errorf("the man page of rigx build begins %.80q", got)
		}
	})
	t.Run("lintian", func(t *testing.T) {
		need(t, "lintian")
		deb := filepath.Join(dist, "first", "rigx_"+engine.Version+"_"+runtime.GOARCH+".deb")
		if said, err := exec.Command("lintian", "--allow-root", "--fail-on", "error", deb).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
	})
}

// TestRecipes: the recipes are filled in completely, and their languages read
// them.
func TestRecipes(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	r := &release{version: engine.Version, dir: t.TempDir()}
	for i, p := range platforms {
		r.sums = append(r.sums, strings.Repeat(string(rune('a'+i)), 64)+"  rigx-"+engine.Version+"-"+p.os+"-"+p.arch+".tar.gz\n")
	}
	need(t, "git")
	if err := exec.Command("git", "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("the source is not that of a commit")
	}
	if err := r.recipes(context.Background()); err != nil {
		t.Fatal(err)
	}
	brew := string(read(t, filepath.Join(r.dir, "rigx.rb")))
	if strings.Contains(brew, "@") || !strings.Contains(brew, strings.Repeat("c", 64)) {
		t.Errorf("the formula is not filled in:\n%s", brew)
	}
	t.Run("ruby", func(t *testing.T) {
		need(t, "ruby")
		output(t, "ruby", "-c", filepath.Join(r.dir, "rigx.rb"))
	})
	need(t, "nix")
	// What buildGoModule would get, and the functions that it would be given.
	got := output(t, "nix-instantiate", "--eval", "--strict", "--json", "-E", `with builtins;
      let p = import `+filepath.Join(r.dir, "package.nix")+` {
        lib = { optionalString = c: s: if c then s else ""; licenses.bsd2 = "BSD-2-Clause"; platforms.unix = [ "x86_64-linux" ]; };
        stdenv = { buildPlatform.canExecute = _: true; hostPlatform = { }; };
        buildGoModule = a: a; fetchFromGitHub = a: a; installShellFiles = "";
      }; in { inherit (p) pname version vendorHash subPackages; inherit (p.src) tag hash; license = p.meta.license; }`)
	var recipe struct {
		Version, VendorHash, Tag, Hash string
		SubPackages                    []string
	}
	if err := json.Unmarshal([]byte(got), &recipe); err != nil {
		t.Fatal(err)
	}
	if recipe.Version != engine.Version || recipe.Tag != "v"+engine.Version || len(recipe.Hash) != 51 {
		t.Errorf("the recipe says %+v", recipe)
	}
	for _, p := range recipe.SubPackages {
		output(t, "go", "list", "./"+p)
	}
	vendor := filepath.Join(t.TempDir(), "vendor")
	output(t, "go", "mod", "vendor", "-o", vendor)
	if want := hashPath(t, vendor); recipe.VendorHash != want {
		t.Errorf("vendorHash is %s, not %s", recipe.VendorHash, want)
	}
}

// TestNarHash compares with Nix.
func TestNarHash(t *testing.T) {
	need(t, "nix")
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "eight": "12345678", "nine": "123456789", "b/c": "x", "a.b/c": "y", "run": "#!/bin/sh\n", "ü": "ü"} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(filepath.Join(dir, "run"), 0o755), os.Symlink("../nowhere", filepath.Join(dir, "link")), os.Mkdir(filepath.Join(dir, "none"), 0o755)); err != nil {
		t.Fatal(err)
	}
	got, err := narHash(dir)
	if want := hashPath(t, dir); err != nil || got != want {
		t.Errorf("%s, %v; Nix says %s", got, err, want)
	}
}

func hashPath(t *testing.T, dir string) string {
	t.Helper()
	return strings.TrimSpace(output(t, "nix", "--extra-experimental-features", "nix-command", "hash", "path", dir))
}

// copied copies the sources of the repository.
func copied(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "elsewhere", "a b")
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case e.IsDir() && (e.Name() == ".git" || e.Name() == "node_modules" || rel == "bin" || rel == "dist"):
			return fs.SkipDir
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !e.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != 1700000000 {
			t.Errorf("%s is from %v", h.Name, h.ModTime)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	var errOut strings.Builder
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, errOut.String())
	}
	return string(out)
}
