package nixgen

import (
	"bytes"
	"embed"
	"io/fs"
	"strconv"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// How a capsule is made is Nix and bash in capsule/: capsule.nix is the function
// that the flake calls for each, the other .nix files are its backends, and the
// scripts become part of what it builds. From here come its arguments, quoted.
//
//go:embed capsule
var capsuleFiles embed.FS

// backends are the values of `backend` by the file that makes them; system.nix
// helps two of them.
var backends = []struct {
	file  string
	names []string
}{
	{"container.nix", []string{"lite", "docker", "nixos"}},
	{"machine.nix", []string{"qemu"}},
	{"system.nix", []string{"system"}},
}

// writeCapsules binds the function that makes capsules.
func writeCapsules(b *bytes.Buffer) {
	b.WriteString("\n      capsule = ")
	writeFile(b, "capsule.nix")
	b.WriteString(" {\n        inherit nixpkgs;\n        backends = rec {\n")
	for _, backend := range backends {
		for i, name := range backend.names {
			write(b, indent, name, " = ")
			if i > 0 {
				write(b, backend.names[0], ";\n")
				continue
			}
			writeFile(b, backend.file)
			b.WriteString(";\n")
		}
	}
	b.WriteString("        };\n        scripts = {\n")
	scripts, _ := fs.Glob(capsuleFiles, "capsule/*.sh")
	for _, name := range scripts {
		data, _ := capsuleFiles.ReadFile(name)
		write(b, indent, NixString(strings.TrimPrefix(name, "capsule/")), " = ")
		nixLines(b, text(nil).lit(string(data)), indent)
		b.WriteString(";\n")
	}
	b.WriteString("        };\n      };\n")
}

// writeFile writes a file of Nix in parentheses.
func writeFile(b *bytes.Buffer, name string) {
	data, _ := capsuleFiles.ReadFile("capsule/" + name)
	b.WriteString("(\n")
	for line := range strings.Lines(string(data)) {
		if line != "\n" {
			b.WriteString(indent + "  ")
		}
		b.WriteString(line)
	}
	b.WriteString(indent + ")")
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
	write(b, "        ", AttrName(attr), " = capsule pkgs {\n")
	str("backend", d.backend())
	str("name", attr)
	str("slug", imageName(attr))
	str("hostname", hostname)
	set("entrypoint", func() { nixLines(b, d.template(nil, d.fields.Text(schema.Entrypoint)), indent) })
	set("services", func() { d.templates(b, schema.Services) })
	set("commands", func() { nixLines(b, d.commands(), indent) })
	str("system", d.system())
	set("packages", func() { d.packages(b) })
	set("nixosModules", func() { d.nixosModules(b) })
	set("environment", func() { d.templates(b, schema.Env) })
	set("ports", func() { numbers(b, d.fields.List(schema.PortsField)) })
	set("udpPorts", func() { numbers(b, d.fields.List(schema.UDPPorts)) })
	set("health", func() { d.health(b) })
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

// system is the one that the capsule is for, "" for the builder's.
func (d *derivation) system() string {
	target := d.fields.Text(schema.Target)
	if target == "" {
		return ""
	}
	if system := platformOf(target).system; system != "" {
		return system
	}
	return target
}

// nixosModules writes the paths of the target's modules, in its sources.
func (d *derivation) nixosModules(b *bytes.Buffer) {
	b.WriteByte('[')
	for _, file := range d.files.NixosModules {
		if manifest.Interpolates(file) {
			b.WriteByte(' ')
			nixString(b, d.template(nil, file))
			continue
		}
		write(b, " (", d.u.src, " + ")
		quote(b, "/"+file)
		b.WriteByte(')')
	}
	b.WriteString(" ]")
}

// packages writes what is on the capsule's PATH.
func (d *derivation) packages(b *bytes.Buffer) {
	b.WriteString("pkgs: [")
	for _, s := range d.fields.List(schema.DepsNixpkgs) {
		write(b, " pkgs.", attrPath(s.Value))
	}
	b.WriteString(" ]")
}

// templates writes a table of interpolated strings.
func (d *derivation) templates(b *bytes.Buffer, field *schema.Field) {
	b.WriteByte('{')
	for _, p := range d.fields.Pairs(field) {
		write(b, " ", AttrName(p.Key.Value), " = ")
		nixString(b, d.template(nil, p.Value.Value))
		b.WriteByte(';')
	}
	b.WriteString(" }")
}

// commands are the lines of bash that say what the capsule runs.
func (d *derivation) commands() text {
	t := d.word(text(nil).lit("entrypoint="), d.fields.Text(schema.Entrypoint)).lit("\nservices=(")
	for i, p := range d.fields.Pairs(schema.Services) {
		if i > 0 {
			t = t.lit(" ")
		}
		t = d.word(t.lit(p.Key.Value+" "), p.Value.Value)
	}
	return t.lit(")\n")
}

// health writes what health.* says, with the defaults of what it does not.
func (d *derivation) health(b *bytes.Buffer) {
	command, port := d.fields.Text(schema.HealthCommand), d.fields.Get(schema.HealthPort)
	if command == "" && port == nil {
		b.WriteString("{ }")
		return
	}
	b.WriteByte('{')
	if command != "" {
		b.WriteString(" command = ")
		nixString(b, d.template(nil, command))
		b.WriteByte(';')
	}
	if port != nil {
		write(b, " port = ", strconv.Itoa(int(port.Number)), ";")
	}
	for _, f := range []*schema.Field{schema.HealthInterval, schema.HealthTimeout} {
		value := f.Default
		if v := d.fields.Get(f); v != nil {
			value = strconv.FormatFloat(v.Number, 'f', -1, 64)
		}
		write(b, " ", f.Key(), " = ", value, ";")
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
	t = t.lit(")\n")
	for _, list := range []struct {
		name  string
		field *schema.Field
	}{{"ports", schema.PortsField}, {"udp_ports", schema.UDPPorts}} {
		t = t.lit(list.name + "=(")
		for i, s := range d.fields.List(list.field) {
			if i > 0 {
				t = t.lit(" ")
			}
			t = t.lit(s.Value)
		}
		t = t.lit(")\n")
	}
	return t
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
