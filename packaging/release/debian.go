package main

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"path"
	"strings"
	"time"
)

const (
	maintainer = "The rigx authors <rigx@users.noreply.github.com>"
	homepage   = "https://github.com/rigx-build/rigx"
)

// debian makes a binary package: an ar archive of two tar archives, as deb(5)
// says.
func (r *release) debian(p platform, programs, extra []file) ([]byte, error) {
	files, err := r.debianFiles(programs, extra)
	if err != nil {
		return nil, err
	}
	size := 0
	var sums strings.Builder
	for i := range files {
		size += (len(files[i].data) + 1023) / 1024
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(files[i].data), files[i].name)
		files[i].name = "./" + files[i].name
	}
	control := fmt.Sprintf(`Package: rigx
Version: %s
Architecture: %s
Maintainer: %s
Installed-Size: %d
Recommends: nix-bin, git
Suggests: podman, direnv
Section: devel
Priority: optional
Homepage: %s
Description: build system around one declarative file, on top of Nix
 rigx turns rigx.toml into a flake.nix and has Nix build it: sandboxed, pinned
 and cached. It builds C, C++, Go, Rust, Zig, Nim and Python, runs tests,
 containers and testbeds, and deploys what was built.
 .
 The language server rigx-ls tells editors what is wrong with a rigx.toml and
 helps to write it.
`, r.version, p.arch, maintainer, size, homepage)
	controlTar, err := tarGzip([]file{{"./control", 0o644, []byte(control)}, {"./md5sums", 0o644, []byte(sums.String())}}, r.time)
	if err != nil {
		return nil, err
	}
	dataTar, err := tarGzip(files, r.time)
	if err != nil {
		return nil, err
	}
	return ar([]file{{"debian-binary", 0, []byte("2.0\n")}, {"control.tar.gz", 0, controlTar}, {"data.tar.gz", 0, dataTar}}, r.time), nil
}

// debianFiles are the files of the package, where Debian wants them.
func (r *release) debianFiles(programs, extra []file) ([]file, error) {
	places := map[string]string{
		"README.md":             "usr/share/doc/rigx/README.md",
		"LICENSE":               "usr/share/doc/rigx/copyright",
		"completions/rigx.bash": "usr/share/bash-completion/completions/rigx",
		"completions/_rigx":     "usr/share/zsh/vendor-completions/_rigx",
		"completions/rigx.fish": "usr/share/fish/vendor_completions.d/rigx.fish",
	}
	var out []file
	for _, p := range programs {
		out = append(out, file{"usr/bin/" + p.name, 0o755, p.data})
	}
	for _, f := range extra {
		data, place := f.data, places[f.name]
		if f.name == "LICENSE" {
			data = copyright(string(data))
		}
		if page, ok := strings.CutPrefix(f.name, "man/"); ok {
			place = "usr/share/man/man" + strings.TrimPrefix(path.Ext(page), ".") + "/" + page + ".gz"
			var err error
			if data, err = gzipped(data); err != nil {
				return nil, err
			}
		}
		out = append(out, file{place, 0o644, data})
	}
	changelog := fmt.Sprintf("rigx (%s) unstable; urgency=medium\n\n  * See %s/releases\n\n -- %s  %s\n",
		r.version, homepage, maintainer, r.time.Format(time.RFC1123Z))
	log, err := gzipped([]byte(changelog))
	if err != nil {
		return nil, err
	}
	return append(out,
		file{"usr/share/doc/rigx/changelog.gz", 0o644, log},
		// Go's programs are static on purpose: they run on every Linux.
		file{"usr/share/lintian/overrides/rigx", 0o644, []byte("rigx: statically-linked-binary\n")},
	), nil
}

// gzipped compresses without a name and a time.
func gzipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// copyright is the license as Debian's programs read it.
func copyright(license string) []byte {
	var b strings.Builder
	_, terms, _ := strings.Cut(license, "\n\n")
	owner, terms, _ := strings.Cut(terms, "\n\n")
	fmt.Fprintf(&b, "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: rigx\nSource: %s\n\n", homepage)
	fmt.Fprintf(&b, "Files: *\n%s\nLicense: BSD-2-clause\n", strings.Replace(owner, "Copyright (c)", "Copyright:", 1))
	for line := range strings.SplitSeq(strings.TrimSpace(terms), "\n") {
		if line == "" {
			line = "."
		}
		b.WriteString(" " + line + "\n")
	}
	return []byte(b.String())
}

// ar packs files as ar does, which pads to even lengths.
func ar(files []file, when time.Time) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, f := range files {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", f.name, when.Unix(), 0, 0, "100644", len(f.data))
		b.Write(f.data)
		if len(f.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
