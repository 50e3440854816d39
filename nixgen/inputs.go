package nixgen

import (
	"bytes"
	"regexp"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest"
)

var commit = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{40}$`) })

// NixpkgsURL is the flake reference of a [nixpkgs].ref: a branch, tag or
// commit of nixpkgs, or a flake reference or path as it stands.
func NixpkgsURL(ref string) string {
	switch {
	case strings.HasPrefix(ref, "/") || IsRelative(ref):
		return "path:" + ref
	case strings.Contains(ref, ":"):
		return ref
	}
	return "github:NixOS/nixpkgs/" + ref
}

// IsRelative reports whether a [nixpkgs].ref is a path relative to the project.
func IsRelative(ref string) bool {
	return strings.HasPrefix(ref, "./") || strings.HasPrefix(ref, "../")
}

// inputs writes the inputs of the flake, with or without nixpkgs.
func (g *generator) inputs(b *bytes.Buffer, nixpkgs bool) {
	url := g.opts.NixpkgsURL
	if url == "" {
		url = NixpkgsURL(g.m.Nixpkgs.Value)
	}
	b.WriteString("  inputs = {\n")
	if nixpkgs {
		b.WriteString("    nixpkgs.url = " + NixString(url) + ";\n")
	}
	for _, dep := range g.m.Git {
		name := "    " + AttrName(dep.Name.Value)
		b.WriteString(name + ".url = " + NixString(gitURL(dep)) + ";\n")
		if !dep.Flake {
			b.WriteString(name + ".flake = false;\n")
		}
		for _, input := range dep.Follows {
			b.WriteString(name + ".inputs." + AttrName(input.Value) + ".follows = " + NixString(input.Value) + ";\n")
		}
	}
	for _, dep := range g.m.Local {
		path := LocalPath(dep)
		if g.opts.LocalPath != nil {
			path = g.opts.LocalPath(dep)
		}
		b.WriteString("    " + AttrName(dep.Name.Value) + ".url = " + NixString("path:"+path) + ";\n")
	}
	b.WriteString("  };\n")
}

// LocalPath is the path of a local dependency as a flake names it.
func LocalPath(dep *manifest.LocalDependency) string {
	if strings.HasPrefix(dep.Dir, "../") {
		return dep.Dir
	}
	return "./" + dep.Dir
}

// gitURL is the flake reference of a git dependency.
func gitURL(dep *manifest.GitDependency) string {
	url := dep.URL.Value
	if !strings.HasPrefix(url, "git+") && !strings.HasPrefix(url, "github:") && !strings.HasPrefix(url, "gitlab:") {
		url = "git+" + url
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	if rev := dep.Rev.Value; rev != "" {
		key := "ref"
		if commit().MatchString(rev) {
			key = "rev"
		}
		url += separator + key + "=" + queryEscape(rev)
		separator = "&"
	}
	if dep.Submodules {
		url += separator + "submodules=1"
	}
	return url
}

// queryEscape escapes what would end or change a query; slashes of branch
// names stay readable.
func queryEscape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			const hex = "0123456789ABCDEF"
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}

// external writes the directories of the host that the build may use. Each is
// copied into the store when it is first needed.
func (g *generator) external(b *bytes.Buffer) {
	if len(g.m.External) == 0 {
		return
	}
	b.WriteString("\n      external = {\n")
	for _, in := range g.m.External {
		for _, bucket := range in.Buckets {
			attr := "        " + AttrName(in.Name.Value) + "." + AttrName(bucket.Name.Value)
			dir := g.opts.External[in.Name.Value][bucket.Name.Value]
			if dir == "" {
				b.WriteString(attr + " = throw " + NixString("rigx-external: "+bucket.Env.Value+" is not set; it must name the directory `"+bucket.Name.Value+"` of the external input `"+in.Name.Value+"`") + ";\n")
				continue
			}
			b.WriteString(attr + " = builtins.path { name = " + NixString(storeName(in.Name.Value+"-"+bucket.Name.Value)) + "; path = " + NixString(dir) + ";")
			if bucket.Hash.Value != "" {
				b.WriteString(" sha256 = " + NixString(bucket.Hash.Value) + ";")
			}
			b.WriteString(" };\n")
		}
	}
	b.WriteString("      };\n")
}
