package nixgen

import (
	"bytes"
	"embed"
	"io/fs"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// How a capsule is made is Nix and bash in capsule/: capsule.nix is the function
// that the flake calls for each, the scripts become part of what it builds. From
// here come its arguments, quoted.
//
//go:embed capsule
var capsuleFiles embed.FS

// writeCapsules binds the function that makes capsules.
func writeCapsules(b *bytes.Buffer) {
	b.WriteString("\n      capsule = (\n")
	function, _ := capsuleFiles.ReadFile("capsule/capsule.nix")
	for line := range strings.Lines(string(function)) {
		if line != "\n" {
			b.WriteString("        ")
		}
		b.WriteString(line)
	}
	b.WriteString("      ) {\n        scripts = {\n")
	scripts, _ := fs.Glob(capsuleFiles, "capsule/*.sh")
	for _, name := range scripts {
		data, _ := capsuleFiles.ReadFile(name)
		write(b, indent, NixString(strings.TrimPrefix(name, "capsule/")), " = ")
		nixLines(b, text(nil).lit(string(data)), indent)
		b.WriteString(";\n")
	}
	b.WriteString("        };\n      };\n")
}

// capsule writes the call of the function for a capsule.
func (d *derivation) capsule(b *bytes.Buffer) {
	attr := d.u.Attr()
	set := func(name string, value func()) {
		write(b, indent, name, " = ")
		value()
		b.WriteString(";\n")
	}
	str := func(name, value string) { set(name, func() { quote(b, value) }) }
	hostname := d.fields.Text(schema.Hostname)
	if hostname == "" {
		hostname = hostName(attr)
	}
	entrypoint := d.fields.Text(schema.Entrypoint)

	write(b, "        ", AttrName(attr), " = capsule pkgs {\n")
	str("backend", d.backend())
	str("name", attr)
	str("slug", imageName(attr))
	str("hostname", hostname)
	set("entrypoint", func() { nixLines(b, d.template(nil, entrypoint), indent) })
	set("quotedEntrypoint", func() { nixLines(b, d.word(nil, entrypoint), indent) })
	set("packages", func() { d.packages(b) })
	set("environment", func() { d.environment(b) })
	set("ports", func() { numbers(b, d.fields.List(schema.PortsField)) })
	set("udpPorts", func() { numbers(b, nil) })
	set("volumes", func() { volumes(b, d.fields.Get(schema.VolumesField)) })
	str("user", d.fields.Text(schema.User))
	set("settings", func() { nixLines(b, d.settings(hostname), indent) })
	b.WriteString("        };\n")
}

func (d *derivation) backend() string {
	if backend := d.fields.Text(schema.Backend); backend != "" {
		return backend
	}
	return "lite"
}

// packages writes what is on the capsule's PATH.
func (d *derivation) packages(b *bytes.Buffer) {
	b.WriteByte('[')
	for _, s := range d.fields.List(schema.DepsNixpkgs) {
		write(b, " pkgs.", attrPath(s.Value))
	}
	b.WriteString(" ]")
}

func (d *derivation) environment(b *bytes.Buffer) {
	b.WriteByte('{')
	for _, p := range d.fields.Pairs(schema.Env) {
		write(b, " ", AttrName(p.Key.Value), " = ")
		nixString(b, d.template(nil, p.Value.Value))
		b.WriteByte(';')
	}
	b.WriteString(" }")
}

func numbers(b *bytes.Buffer, list []manifest.String) {
	b.WriteByte('[')
	for _, s := range list {
		write(b, " ", s.Value)
	}
	b.WriteString(" ]")
}

// volume is one row of `volumes`.
type volume struct{ host, container, mode string }

func rows(v *manifest.Value) []volume {
	if v == nil {
		return nil
	}
	out := make([]volume, len(v.Rows))
	for i, row := range v.Rows {
		out[i].mode = "rw"
		for _, p := range row {
			switch p.Key.Value {
			case "host":
				out[i].host = p.Value.Value
			case "container":
				out[i].container = p.Value.Value
			case "mode":
				out[i].mode = p.Value.Value
			}
		}
	}
	return out
}

func volumes(b *bytes.Buffer, v *manifest.Value) {
	b.WriteByte('[')
	for _, row := range rows(v) {
		write(b, " { host = ", NixString(row.host), "; container = ", NixString(row.container), "; mode = ", NixString(row.mode), "; }")
	}
	b.WriteString(" ]")
}

// settings are the lines of bash that tell the runner about its capsule.
func (d *derivation) settings(hostname string) text {
	t := text(nil)
	variable := func(name, value string) { t = t.lit(name + "=" + ShellQuote(value) + "\n") }
	variable("name", d.u.Attr())
	variable("slug", imageName(d.u.Attr()))
	variable("hostname", hostname)
	variable("user", d.fields.Text(schema.User))
	t = t.lit("volumes=(")
	for i, row := range rows(d.fields.Get(schema.VolumesField)) {
		if i > 0 {
			t = t.lit(" ")
		}
		t = t.lit(ShellQuote(row.host) + " " + ShellQuote(row.container) + " " + ShellQuote(row.mode))
	}
	return t.lit(")\n")
}

// imageName makes a name that the repository of an image may have: lower case,
// and single marks only between letters and digits.
func imageName(s string) string {
	var b strings.Builder
	gap := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteByte(c)
			gap = false
		} else {
			gap = true
		}
	}
	if b.Len() == 0 {
		return "capsule"
	}
	return b.String()
}

// hostName makes a host name of the name of a target.
func hostName(s string) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' {
			return c
		}
		return '-'
	}, s)
	name = strings.Trim(name, "-.")
	name = strings.Trim(name[:min(len(name), 63)], "-.")
	if name == "" {
		return "capsule"
	}
	return name
}
