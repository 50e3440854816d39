package engine

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
)

// TestInitIsValid makes projects of files that are put together at random, and
// checks what is written for them.
func TestInitIsValid(t *testing.T) {
	dirs := []string{
		"", "src/", "src/app/", "src/deep/er/", "include/", "include/lib/", "lib/", "cmd/tool/", "cmd/other/", "internal/x/", "tests/", "test/",
		"third_party/z/", "third_party/z/include/", "vendor/v/", "examples/", "scripts/", "tools/", "native/", "py/", "crate/", "crate/src/", "with space/", "$(id)/", "[a]/", "a'b/", "build/",
	}
	files := map[string][]string{
		"main.c":   {"int main(void) { return 0; }", "#include \"a.h\"\n#include <math.h>\nint main(void) { return a(); }"},
		"a.c":      {"#include \"a.h\"\n", "#include <lib/a.h>\nint a(void) { return 1; }", "#include \"nowhere.h\""},
		"a.h":      {"int a(void);", "#include \"b.hpp\""},
		"b.hpp":    {"#pragma once\n#include <zlib.h>"},
		"b.cpp":    {"#include \"b.hpp\"\nint b() { return 1; }", "#include <gtest/gtest.h>\nTEST(a, b) {}"},
		"prog.cc":  {"#include \"lib/b.hpp\"\nint main() {}"},
		"test_a.c": {"int main(void) { return 0; }"},
		"main.go":  {"package main\nimport \"example.org/x/internal/x\"\nfunc main() {}", "package main\nfunc main() {}", "package main\n//go:embed *\nvar all string\nfunc main() {}"},
		"x.go":     {"package x\n//go:embed data.txt\nvar x string", "package x\nimport \"C\""},
		"x_test.go": {
			"package x",
		},
		"go.mod":         {"module example.org/x\n", "module example.org/y\nrequire example.org/x v1.0.0\nreplace example.org/x => ../\n"},
		"Cargo.toml":     {"[package]\nname = \"c\"\n", "[workspace]\nmembers = [\"crate\"]\n", "["},
		"main.rs":        {"fn main() {}\n#[test]\nfn t() {}"},
		"lib.rs":         {"pub fn x() {}"},
		"build.zig":      {"pub fn build(b: *B) void { _ = b.step(\"test\", \"\"); }"},
		"main.zig":       {"pub fn main() void {}"},
		"x.nim":          {"echo 1", "import y"},
		"y.nim":          {"proc y*() = discard"},
		"x.nimble":       {"srcDir = \"src\"\nbin = @[\"x\"]", "requires \"far\""},
		"pyproject.toml": {"[project]\nname = \"p\"\nscripts = { p = \"app:main\" }", "[project]\nname = \"p\"\ndependencies = [\"x\"]", "x = ["},
		"uv.lock":        {"version = 1"},
		"app.py":         {"def main(): pass\nif __name__ == '__main__': main()"},
		"test_app.py":    {"import unittest", "import pytest"},
		"CMakeLists.txt": {"add_executable(x main.c)", "enable_testing()\ninstall(TARGETS x)"},
		"meson.build":    {"project('x')"},
		"configure":      {"#!/bin/sh"},
		"Makefile":       {"CFLAGS = -O2 -I. $(X)\nLDLIBS += -lz\nall:\n\ntest:\n", "install:\n"},
		"run.sh":         {"echo"},
		"it's [odd].c":   {"int main(void) {}"},
		"data.txt":       {"x"},
		"rigx.toml.in":   {""},
	}
	names := slices.Sorted(maps.Keys(files))
	kinds := map[string]int{}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 8))
		dir := filepath.Join(t.TempDir(), "some project")
		few := []string{"", dirs[r.IntN(len(dirs))], dirs[r.IntN(len(dirs))], dirs[r.IntN(len(dirs))]}
		few = few[r.IntN(len(few)):]
		for range 1 + r.IntN(30) {
			name := names[r.IntN(len(names))]
			file := filepath.Join(dir, few[r.IntN(len(few))]+name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(files[name][r.IntN(len(files[name]))]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		done, err := Init(t.Context(), dir, "host")
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range done.Targets {
			kinds[target.Kind.String()]++
		}
		if !valid(t, dir) {
			text, _ := os.ReadFile(done.File)
			t.Fatalf("seed %d: %s\n%s", seed, strings.Join(filesBelow(dir), "\n"), text)
		}
	}
	for _, kind := range []string{"executable", "static_library", "custom", "test", "script", "python_script"} {
		if kinds[kind] == 0 {
			t.Errorf("no project had a target of kind %s", kind)
		}
	}
}

// valid reports whether a project is free of errors and warnings and in
// canonical shape.
func valid(t *testing.T, dir string) bool {
	ws, err := Open(context.Background(), dir, Options{})
	if err != nil {
		t.Error(err)
		return false
	}
	fine := true
	for _, d := range ws.Diagnostics(context.Background()) {
		t.Error(diagnostic.Render(d, diagnostic.Style{}))
		fine = false
	}
	formatted, err := ws.Format()
	if err != nil || formatted[0].Changed() {
		t.Errorf("not in canonical shape: %v", err)
		fine = false
	}
	return fine
}

// filesBelow lists the files of a directory.
func filesBelow(dir string) []string {
	var out []string
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	return out
}
