package manifest

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/source"
)

// checkProject judges the identity of the project.
func (r *reading) checkProject() {
	m := r.m
	if len(r.layers) == 0 || r.layers[0].included {
		return // the root could not be read
	}
	if r.layers[0].root.get("project") == nil {
		d := m.diags.Add(diagnostic.MissingField, Location{File: m.Root()}, "there is no [project] section")
		d.Help = append(d.Help, "add [project] with `name = \"…\"`; a module is listed in [modules] of the project above it")
	}
	if t := m.targets["default"]; t != nil && m.Project.Install != nil {
		d := m.diags.Add(diagnostic.Collision, t.Local.At, "the target `default` and what [project.install] makes would both be packages.default")
		d.Related = []diagnostic.Related{{At: m.Project.Install.At, Message: "the other one"}}
	}
	for _, dep := range m.Git {
		if t := m.targets[dep.Name.Value]; t != nil {
			d := m.diags.Add(diagnostic.ShadowedByTarget, dep.Name.At, "`${"+t.Name+"}` is the target of that name, not this git dependency")
			d.Related = []diagnostic.Related{{At: t.Local.At, Message: "the target"}}
		}
	}
	for _, dep := range m.Local {
		for _, mod := range m.Modules {
			if mod.Name == dep.Name.Value {
				d := m.diags.Add(diagnostic.Collision, dep.Name.At, "a module and a local dependency are both called `"+mod.Name+"`")
				d.Related = []diagnostic.Related{{At: mod.At, Message: "the other one"}}
			}
		}
	}
	if min := m.Project.MinVersion; min.Value != "" {
		want, ok := parseVersion(min.Value)
		if !ok {
			m.diags.Add(diagnostic.BadValue, min.At, "`"+min.Value+"` is not a version of the form X.Y.Z")
		} else if have, ok := parseVersion(r.opts.Version); ok && less(have, want) {
			d := m.diags.Add(diagnostic.TooOld, min.At, "the project needs rigx "+min.Value+" or later; this is "+r.opts.Version)
			d.Help = append(d.Help, "update rigx")
		}
	}
}

func parseVersion(s string) (v [3]int, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return v, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func (m *Manifest) checkVariables() {
	if len(m.Vars) == 0 {
		return
	}
	used := make(map[*Variable]bool, len(m.Vars))
	for _, t := range m.Targets {
		for _, v := range t.variables {
			used[v] = true
		}
	}
	for _, v := range m.Vars {
		// A variable in an extended or included file may be for others.
		if !used[v] && v.Name.At.File == m.Root() {
			m.diags.Add(diagnostic.UnusedVariable, v.Name.At, "the variable `"+v.Name.Value+"` is never used")
		}
	}
}

// A checker judges targets, each by itself.
type checker struct {
	diags *diagnostic.List
}

func (c checker) target(t *Target) {
	if t.Kind == schema.NoKind {
		c.checkKind(t)
		return
	}
	for i := range t.values {
		c.checkValue(t, &t.values[i])
	}
	for _, v := range t.Variants {
		for i := range v.values {
			c.checkValue(t, &v.values[i])
		}
	}
	for _, f := range requiredFields[t.Kind] {
		c.checkRequired(t, f)
	}
	switch t.Kind {
	case schema.Capsule:
		c.checkCapsule(t)
	case schema.Testbed:
		c.checkTestbed(t)
	}
}

// requiredFields of each kind, from the schema table.
var requiredFields = func() [schema.Capsule + 1][]*schema.Field {
	var table [schema.Capsule + 1][]*schema.Field
	for _, f := range schema.TargetFields {
		for _, k := range f.RequiredBy.Kinds() {
			if f != schema.KindField {
				table[k] = append(table[k], f)
			}
		}
	}
	return table
}()

func (c checker) checkKind(t *Target) {
	v := t.Get(schema.KindField)
	if v == nil && t.sets(schema.KindField) {
		return
	}
	if v == nil {
		d := c.diags.Add(diagnostic.MissingField, t.Local.At, "the target `"+t.Local.Value+"` has no `kind`")
		d.Help = append(d.Help, "add kind = \"executable\", or one of: "+strings.Join(schema.KindNames()[1:], ", "))
		return
	}
	kind := v.Strings[0].Value
	d := c.diags.Add(diagnostic.UnknownKind, v.Strings[0].Inner(), "unknown kind `"+kind+"`")
	if kind == "nim_executable" {
		d.Suggestion = "executable"
		d.Label = "Nim is now `kind = \"executable\"`"
	} else if !didYouMean(d, kind, schema.KindNames()) {
		d.Help = append(d.Help, "kinds are: "+strings.Join(schema.KindNames(), ", "))
	}
}

func (c checker) checkRequired(t *Target, f *schema.Field) {
	v := t.Get(f)
	switch {
	case v == nil:
		given := func(v *Variant) bool { return v.sets(f) }
		if t.sets(f) || slices.ContainsFunc(t.Variants, given) {
			return
		}
		d := c.diags.Add(diagnostic.MissingField, t.Local.At, "the target `"+t.Local.Value+"` of kind "+t.Kind.String()+" needs `"+f.Name+"`")
		if f.Example != "" {
			d.Help = append(d.Help, "for example: "+f.Name+" = "+f.Example)
		} else {
			d.Help = append(d.Help, strings.TrimSuffix(f.Doc, "."))
		}
	case f.Type == schema.Strings && len(v.Strings) == 0:
		c.diags.Add(diagnostic.BadValue, v.At, "`"+f.Name+"` is empty")
	case f.Type == schema.String && strings.TrimSpace(v.Strings[0].Value) == "":
		c.diags.Add(diagnostic.BadValue, v.At, "`"+f.Name+"` is empty")
	}
}

var (
	pythonVersion = lazily(`^[0-9]+\.[0-9]+$`)
	sriHash       = lazily(`^sha256-[A-Za-z0-9+/]{43}=$`)
	serviceName   = lazily(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	productType   = lazily(`^[A-Za-z0-9_.+-]+( [A-Za-z0-9_.+-]+)?$`)
	hostName      = lazily(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	capsuleUser   = lazily(`^(\$[A-Za-z_][A-Za-z0-9_]*|[A-Za-z0-9_][A-Za-z0-9_.-]*)(:(\$[A-Za-z_][A-Za-z0-9_]*|[A-Za-z0-9_][A-Za-z0-9_.-]*))?$`)
)

// checkValue judges one value that a target or one of its variants sets.
func (c checker) checkValue(t *Target, v *Value) {
	f := v.Field
	if !f.Kinds.Has(t.Kind) {
		d := c.diags.Add(diagnostic.IgnoredField, v.Key, "`"+f.Name+"` has no effect on a target of kind "+t.Kind.String())
		if ks := f.Kinds.Kinds(); len(ks) <= 3 {
			names := make([]string, len(ks))
			for i, k := range ks {
				names[i] = k.String()
			}
			d.Help = append(d.Help, "it is for: "+strings.Join(names, ", "))
		}
		return
	}
	if f.Values != nil && f != schema.KindField && !contains(f.Values, v.Strings[0].Value) {
		d := c.diags.Add(diagnostic.BadValue, v.Strings[0].Inner(), "`"+f.Name+"` cannot be `"+v.Strings[0].Value+"`")
		if !didYouMean(d, v.Strings[0].Value, f.Values) {
			d.Help = append(d.Help, "it is one of: "+strings.Join(f.Values, ", "))
		}
	}
	switch f {
	case schema.OutputsField:
		var seen distinct
		for _, s := range v.Strings {
			if !seen.add(s.Value) {
				c.diags.Add(diagnostic.ListedTwice, s.At, "`"+s.Value+"` is listed twice in outputs")
			} else if _, err := source.Clean(s.Value); err != nil || path.Clean(s.Value) == "." {
				c.diags.Add(diagnostic.OutsideProject, s.At, "the output `"+s.Value+"` is not a path below $out")
			}
		}
	case schema.Products:
		for _, p := range v.Pairs {
			if _, err := source.Clean(p.Key.Value); err != nil || path.Clean(p.Key.Value) == "." || strings.ContainsAny(p.Key.Value, "\"\n\r") {
				c.diags.Add(diagnostic.OutsideProject, p.Key.At, "the product `"+p.Key.Value+"` is not a path below $out")
			}
			if !productType().MatchString(p.Value.Value) {
				d := c.diags.Add(diagnostic.BadValue, p.Value.At, "`"+p.Value.Value+"` cannot be the type of a product")
				d.Help = append(d.Help, "it is one word or two, such as `binary-dist` or `doc manual`")
			}
		}
	case schema.PythonVersion:
		c.checkForm(v, pythonVersion(), "a Python version is written \"3.12\"")
	case schema.GoModulesHash:
		c.checkForm(v, sriHash(), "a hash is written \"sha256-\" and 44 characters of base64; `rigx build --update-hashes` corrects one that is wrong")
	case schema.PythonVenvHash:
		c.checkForm(v, sriHash(), "a hash is written \"sha256-\" and 44 characters of base64; leave the field out to learn it from the build")
	case schema.Defines:
		for _, p := range v.Pairs {
			if !identifier(p.Key.Value) {
				c.diags.Add(diagnostic.BadName, p.Key.At, "`"+p.Key.Value+"` cannot be the name of a macro")
			}
		}
	case schema.Env:
		for _, p := range v.Pairs {
			if !identifier(p.Key.Value) {
				c.diags.Add(diagnostic.BadName, p.Key.At, "`"+p.Key.Value+"` cannot be the name of an environment variable")
			}
		}
	case schema.Services:
		for _, p := range v.Pairs {
			if !serviceName().MatchString(p.Key.Value) {
				d := c.diags.Add(diagnostic.BadName, p.Key.At, "`"+p.Key.Value+"` cannot be the name of a service")
				d.Help = append(d.Help, "use letters, digits, `-` and `_`")
			} else if strings.TrimSpace(p.Value.Value) == "" {
				c.diags.Add(diagnostic.BadValue, p.Value.At, "the service `"+p.Key.Value+"` has no command")
			}
		}
	case schema.Hostname:
		c.checkForm(v, hostName(), "a host name has at most 63 letters, digits, `-`, `_` and `.`")
	case schema.HealthInterval, schema.HealthTimeout:
		if v.Number <= 0 || v.Number > 24*60*60 {
			c.diags.Add(diagnostic.OutOfRange, v.At, "`"+f.Name+"` must be more than 0 seconds, and at most a day")
		}
	case schema.DepsNixpkgs, schema.NativeBuildInputs:
		for _, s := range v.Strings {
			if !attrPath(s.Value) {
				c.diags.Add(diagnostic.BadName, s.At, "`"+s.Value+"` is not an attribute of nixpkgs")
			}
		}
	case schema.Compiler:
		if !attrPath(v.Strings[0].Value) {
			c.diags.Add(diagnostic.BadName, v.At, "`"+v.Strings[0].Value+"` cannot be the name of a compiler")
		}
	case schema.Target:
		if !attrPath(v.Strings[0].Value) {
			c.diags.Add(diagnostic.BadName, v.At, "`"+v.Strings[0].Value+"` cannot be the name of a platform")
		}
	}
}

func (c checker) checkForm(v *Value, form *regexp.Regexp, help string) {
	if s := v.Strings[0].Value; !form.MatchString(s) {
		d := c.diags.Add(diagnostic.BadValue, v.At, "`"+s+"` cannot be `"+v.Field.Name+"`")
		d.Help = append(d.Help, help)
	}
}

// identifier reports whether s is a name in C and in the shell.
func identifier(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

// attrPath reports whether s is a dotted path of attribute names as nixpkgs
// has them: python3Packages.requests, go_1_21, gtk+.
func attrPath(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if part == "" {
			return false
		}
		for i := 0; i < len(part); i++ {
			c := part[i]
			if !(c == '_' || c == '-' || c == '+' || c == '\'' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
				return false
			}
		}
	}
	return true
}

// checkCapsule holds the rules between the fields of a capsule.
func (c checker) checkCapsule(t *Target) {
	backend := t.Text(schema.Backend)
	if backend == "" {
		backend = "lite"
	}
	ownImage := backend == "lite" || backend == "docker"
	if v := t.Get(schema.NixosModules); v != nil && ownImage {
		c.diags.Add(diagnostic.NotForKind, v.Key, "`nixos_modules` needs backend \"nixos\" or \"qemu\"; a "+backend+" capsule has no NixOS to configure")
	}
	if v := t.Get(schema.VolumesField); v != nil && backend == "qemu" {
		d := c.diags.Add(diagnostic.NotForKind, v.Key, "`volumes` are not supported on backend \"qemu\"")
		d.Help = append(d.Help, "say when it is started which directories it sees: RIGX_VOLUMES=host:guest")
	}
	if v := t.Get(schema.HealthCommand); v != nil && backend == "qemu" {
		d := c.diags.Add(diagnostic.NotForKind, v.Key, "no command can be run inside a qemu capsule from outside")
		d.Help = append(d.Help, "use health.port")
	}
	for _, f := range []*schema.Field{schema.HealthInterval, schema.HealthTimeout} {
		if v := t.Get(f); v != nil && t.Get(schema.HealthCommand) == nil && t.Get(schema.HealthPort) == nil {
			d := c.diags.Add(diagnostic.MissingField, v.Key, "`"+f.Name+"` says when to look, and nothing says at what")
			d.Help = append(d.Help, "add health.command or health.port")
		}
	}
	if target := t.Text(schema.Target); strings.Contains(target, "windows") {
		c.diags.Add(diagnostic.BadValue, t.Get(schema.Target).At, "a capsule is a container or machine with Linux, and `"+target+"` is not")
	}
	if v := t.Get(schema.User); v != nil {
		if !ownImage {
			c.diags.Add(diagnostic.NotForKind, v.Key, "`user` works on backends \"lite\" and \"docker\" only")
		} else {
			c.checkForm(v, capsuleUser(), "write user or user:group, each a number, a name, or one $VARIABLE")
		}
	}
}

// lazily compiles a pattern when it is first used: most runs need none.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
