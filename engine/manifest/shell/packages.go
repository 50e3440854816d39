package shell

import "strings"

// packages names the package of nixpkgs that has a program which a build does
// not find by itself. The standard environment has coreutils, findutils,
// diffutils, sed, grep, awk, tar, gzip, bzip2, xz, make, patch and a compiler.
var packages = map[string]string{
	"7z": "p7zip", "autoconf": "autoconf", "automake": "automake", "autoreconf": "autoconf",
	"bc": "bc", "bison": "bison", "black": "black", "brotli": "brotli", "bsdtar": "libarchive", "bun": "bun",
	"cargo": "cargo", "ccache": "ccache", "clang-format": "clang-tools", "clang-tidy": "clang-tools",
	"cmake": "cmake", "convert": "imagemagick", "cpio": "cpio", "ctest": "cmake", "curl": "curl",
	"deno": "deno", "dot": "graphviz", "doxygen": "doxygen", "ffmpeg": "ffmpeg", "flex": "flex",
	"gdb": "gdb", "gfortran": "gfortran", "git": "git", "go": "go", "gpg": "gnupg",
	"hexdump": "util-linux", "inkscape": "inkscape", "jq": "jq", "jsonnet": "jsonnet",
	"latexmk": "texliveFull", "lz4": "lz4", "m4": "m4", "magick": "imagemagick", "mdbook": "mdbook", "meson": "meson", "mypy": "mypy",
	"nasm": "nasm", "nim": "nim", "ninja": "ninja", "node": "nodejs", "npm": "nodejs", "npx": "nodejs",
	"openssl": "openssl", "pandoc": "pandoc", "pdflatex": "texliveFull", "perl": "perl", "php": "php", "pkg-config": "pkg-config", "pnpm": "pnpm",
	"protoc": "protobuf", "pytest": "python3Packages.pytest", "python": "python3", "python3": "python3",
	"rg": "ripgrep", "rsync": "rsync", "ruby": "ruby", "rustc": "rustc",
	"sass": "sass", "scons": "scons", "shellcheck": "shellcheck", "socat": "socat", "sqlite3": "sqlite", "ssh": "openssh", "strace": "strace", "swig": "swig",
	"tree": "tree", "tshark": "wireshark-cli", "tsc": "typescript", "unzip": "unzip", "uv": "uv",
	"valgrind": "valgrind", "wget": "wget", "xmllint": "libxml2", "xsltproc": "libxslt", "xxd": "unixtools.xxd",
	"yarn": "yarn", "yasm": "yasm", "yq": "yq", "zig": "zig", "zip": "zip", "zstd": "zstd",
}

// Package is the package of nixpkgs to declare for a program, or "" if builds
// have it anyway or it is not known.
func Package(program string) string { return packages[program] }

// Provides reports whether a package of nixpkgs may well have a program: it is
// the one to declare, or its name is like that of either, as python312 and
// python3Packages.numpy are.
func Provides(pkg, program string) bool {
	want := packages[program]
	stem := strings.TrimRight(want, "0123456789")
	return strings.Contains(pkg, program) || strings.Contains(pkg, stem) || strings.HasPrefix(program, pkg)
}
