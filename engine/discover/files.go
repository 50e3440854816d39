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
		out = append(out, f.coverExtension(ext, ".", wanted)...)
	}
	return out
}

func (f *finder) coverExtension(ext, dir string, wanted map[string]bool) []string {
	var direct, deeper []string
	var dirs []string
	allWanted := true
	for _, file := range f.onDisk {
		if path.Ext(file) != ext || !below(file, dir) {
			continue
		}
		rest := file
		if dir != "." {
			rest = file[len(dir)+1:]
		}
		if sub, _, ok := strings.Cut(rest, "/"); ok {
			deeper = append(deeper, file)
			dirs = set(dirs, path.Join(dir, sub))
		} else {
			direct = append(direct, file)
		}
		allWanted = allWanted && wanted[file]
	}
	special := strings.ContainsAny(dir+ext, "*?[]\\") || ext == ""
	switch {
	case allWanted && !special && len(deeper) > 0 && len(direct)+len(deeper) > 1 && dir != ".":
		return []string{dir + "/**/*" + ext}
	case len(deeper) == 0 && allWanted && !special && len(direct) > 1:
		return []string{path.Join(dir, "*"+ext)}
	}
	var out []string
	if all := !slices.ContainsFunc(direct, func(s string) bool { return !wanted[s] }); all && len(direct) > 1 && !special {
		out = append(out, path.Join(dir, "*"+ext))
	} else {
		for _, file := range direct {
			if wanted[file] {
				out = append(out, file)
			}
		}
	}
	for _, sub := range dirs {
		if slices.ContainsFunc(deeper, func(s string) bool { return wanted[s] && below(s, sub) }) {
			out = append(out, f.coverExtension(ext, sub, wanted)...)
		}
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
