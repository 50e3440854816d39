package discover

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rigx-build/rigx/engine/source"
)

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// made are directories that builds and tools fill.
var made = []string{
	"build", "dist", "out", "target", "obj", "zig-out", "zig-cache", "nimcache", "venv", "_build", "coverage",
	"bazel-bin", "bazel-out", "CMakeFiles",
}

// relevant drops what builds and tools have left, and what is hidden. Names that
// would be patterns or interpolations in rigx.toml are odd.
func relevant(files []string) (out, odd []string) {
	leftover := func(name string) bool {
		return strings.HasPrefix(name, ".") || slices.Contains(source.DefaultIgnored, name) || slices.Contains(made, name) ||
			strings.HasPrefix(name, "cmake-build-") || strings.HasSuffix(name, ".egg-info")
	}
	for _, file := range files {
		parts := strings.Split(file, "/")
		dirs, base := parts[:len(parts)-1], parts[len(parts)-1]
		switch {
		case slices.ContainsFunc(dirs, leftover) || base == "rigx.toml" || base == "flake.nix" || base == "flake.lock":
		case strings.ContainsAny(file, "*?[]{}$\\\"'`") || strings.ContainsFunc(file, unicode.IsControl) || !utf8.ValidString(file):
			odd = append(odd, file)
		default:
			out = append(out, file)
		}
	}
	slices.Sort(out)
	return out, odd
}

// role is what a file is for.
type role uint8

const (
	forUse role = iota
	forTests
	forExamples
	// vendored code comes from others.
	vendored
)

var rolesOfDirs = map[string]role{
	"vendor": vendored, "third_party": vendored, "thirdparty": vendored, "third-party": vendored, "3rdparty": vendored,
	"external": vendored, "extern": vendored, "vendored": vendored, "subprojects": vendored, "contrib": vendored,
	"test": forTests, "tests": forTests, "testing": forTests, "spec": forTests, "unittest": forTests, "testdata": forTests,
	"example": forExamples, "examples": forExamples, "demo": forExamples, "demos": forExamples, "samples": forExamples,
	"bench": forExamples, "benches": forExamples, "benchmark": forExamples, "benchmarks": forExamples, "fuzz": forExamples,
	"docs": forExamples, "doc": forExamples,
}

// roleOf goes by the outermost directory that has one, then by the name.
func roleOf(file string) role {
	parts := strings.Split(file, "/")
	for _, dir := range parts[:len(parts)-1] {
		if r, ok := rolesOfDirs[strings.ToLower(dir)]; ok {
			return r
		}
	}
	if stem := stemOf(file); strings.HasPrefix(stem, "test_") || strings.HasSuffix(stem, "_test") || strings.HasSuffix(stem, "_tests") {
		return forTests
	}
	return forUse
}

// vendorRoot is the directory of the vendored library that a file is of.
func vendorRoot(file string) string {
	parts := strings.Split(file, "/")
	for i, dir := range parts[:len(parts)-1] {
		if rolesOfDirs[strings.ToLower(dir)] == vendored {
			return strings.Join(parts[:min(i+2, len(parts)-1)], "/")
		}
	}
	return path.Dir(file)
}

// cover writes a list of files as globs where a glob means the same files on
// this disk, so that files that come later belong to it as well.
func (f *finder) cover(files []string) []string {
	wanted := map[string]bool{}
	var extensions []string
	for _, file := range files {
		wanted[file] = true
		extensions = set(extensions, path.Ext(file))
	}
	var out []string
	for _, ext := range extensions {
		out = append(out, coverExtension(ext, ".", f.onDisk[ext], wanted)...)
	}
	return out
}

// coverExtension covers what is wanted of the files with an extension below a
// directory, which are in order.
func coverExtension(ext, dir string, files []string, wanted map[string]bool) []string {
	var direct []string
	type below struct {
		dir   string
		files []string
	}
	var deeper []below // a directory's files are next to each other
	allWanted, someWanted := true, false
	for i, file := range files {
		rest := file
		if dir != "." {
			rest = file[len(dir)+1:]
		}
		if sub, _, ok := strings.Cut(rest, "/"); !ok {
			direct = append(direct, file)
		} else if sub = path.Join(dir, sub); len(deeper) > 0 && deeper[len(deeper)-1].dir == sub {
			last := &deeper[len(deeper)-1]
			last.files = last.files[:len(last.files)+1]
		} else {
			deeper = append(deeper, below{sub, files[i : i+1 : len(files)]})
		}
		allWanted, someWanted = allWanted && wanted[file], someWanted || wanted[file]
	}
	special := strings.ContainsAny(dir+ext, "*?[]\\") || ext == ""
	switch {
	case !someWanted:
		return nil
	case allWanted && !special && len(deeper) > 0 && len(files) > 1 && dir != ".":
		return []string{dir + "/**/*" + ext}
	}
	var out []string
	if !special && len(direct) > 1 && !slices.ContainsFunc(direct, func(s string) bool { return !wanted[s] }) {
		out = append(out, path.Join(dir, "*"+ext))
	} else {
		for _, file := range direct {
			if wanted[file] {
				out = append(out, file)
			}
		}
	}
	for _, d := range deeper {
		out = append(out, coverExtension(ext, d.dir, d.files, wanted)...)
	}
	return out
}

// with begins a list of sources with the entry, followed by globs of the others;
// a file is not listed twice.
func (f *finder) with(entry string, others []string) []string {
	return append([]string{entry}, slices.DeleteFunc(f.cover(append([]string{entry}, others...)), func(s string) bool { return s == entry })...)
}

// everything lists what a build system may look at below a directory: the
// directories in it as globs, and its files. It is nil for the whole tree where
// that list would be long.
func (f *finder) everything(dir string) []string {
	const long = 24
	var out []string
	for _, file := range f.files {
		if !below(file, dir) {
			continue
		}
		rest := file
		if dir != "." {
			rest = file[len(dir)+1:]
		}
		if sub, _, ok := strings.Cut(rest, "/"); ok {
			out = set(out, path.Join(dir, sub)+"/**")
		} else if !strings.HasPrefix(rest, ".") {
			out = append(out, file)
		}
	}
	if dir != "." {
		return []string{dir + "/**"}
	}
	if len(out) > long {
		return nil
	}
	return out
}
