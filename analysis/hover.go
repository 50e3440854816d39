package analysis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// Hover is what an editor shows about the thing under the cursor.
type Hover struct {
	Span     syntax.Span
	Markdown string
	// Package is the attribute path of the package of nixpkgs that it is about,
	// if it is.
	Package string
}

// Hover explains what stands at an offset: a section, a target, a field, a
// kind, the target or variable that a string names, the files of a glob.
func (s *Snapshot) Hover(file *syntax.File, offset uint32) (Hover, bool) {
	c := At(file, offset)
	var text, pkg string
	span := syntax.Span{Start: offset, End: offset}
	switch {
	case c.Key != nil:
		span, text = c.Key.Span, s.hoverKey(c)
	case c.Value != nil:
		span = c.Value.Span
		if ref, ok := c.Reference(); ok {
			span, text = ref.Span, s.describeReference(s.Target(c), ref.Name)
			pkg, _ = strings.CutPrefix(ref.Name, "pkgs.")
			if pkg == ref.Name {
				pkg = ""
			}
		} else {
			text = s.hoverValue(c)
			if f := c.Place().Field; f != nil && f.Content == schema.Nixpkgs && c.Value.Kind == syntax.String {
				pkg = c.Value.Text
			}
		}
	}
	return Hover{span, text, pkg}, text != ""
}

func (s *Snapshot) hoverKey(c Cursor) string {
	p := c.Place()
	switch {
	case p.Field != nil:
		return schema.Describe(p.Field)
	case p.Variant != "" || p.Target != "":
		t := s.Target(c)
		if t == nil {
			return ""
		}
		u := manifest.Unit{Target: t, Variant: t.Variant(p.Variant)}
		return s.describeUnit(u)
	case p.Section == schema.Vars && p.Entry != "":
		return s.describeVariable(p.Entry)
	case p.Section != nil:
		return schema.DescribeSection(p.Section)
	case len(c.Path) == 1 && c.Key.Name == "targets":
		return schema.DescribeTargets()
	}
	return ""
}

func (s *Snapshot) hoverValue(c Cursor) string {
	p := c.Place()
	if c.Value.Kind != syntax.String || p.Field == nil {
		return ""
	}
	if name, ok := manifest.VariableReference(c.Value.Text); ok && p.Target != "" {
		return s.describeVariable(name)
	}
	value := c.Value.Text
	switch p.Field.Content {
	case schema.Targets:
		return s.describeReference(s.Target(c), value)
	case schema.GitDeps:
		return s.describeGit(value)
	case schema.Nixpkgs:
		return s.describePackage(value)
	case schema.Paths:
		if t := s.Target(c); t != nil && source.HasMeta(value) {
			return s.describeGlob(t.Dir() + value)
		}
	}
	if p.Field == schema.KindField {
		if k := schema.ParseKind(value); k != schema.NoKind {
			return schema.DescribeKind(k)
		}
	}
	return ""
}

// describeReference says what a name in deps.internal, run or ${…} means.
func (s *Snapshot) describeReference(from *manifest.Target, name string) string {
	ref, ok := s.Manifest.Resolve(from, name)
	if !ok {
		return ""
	}
	switch ref.Kind {
	case manifest.ToTarget:
		return s.describeUnit(ref.Unit)
	case manifest.ToLocal:
		return fmt.Sprintf("`%s` of the project `%s` in `%s`\n", ref.Attr, ref.Local.Name.Value, ref.Local.Path.Value)
	case manifest.ToGit:
		return s.describeGit(ref.Git.Name.Value)
	case manifest.ToExternal:
		return fmt.Sprintf("the directory that `%s` names: bucket `%s` of the external input `%s`\n",
			ref.Bucket.Env.Value, ref.Bucket.Name.Value, ref.External.Name.Value)
	case manifest.ToNixpkgs:
		return s.describePackage(ref.Package)
	}
	return ""
}

func (s *Snapshot) describePackage(name string) string {
	return fmt.Sprintf("`%s` of nixpkgs (`%s`)\n", name, s.Manifest.Nixpkgs.Value)
}

func (s *Snapshot) describeGit(name string) string {
	g := s.Manifest.GitDep(name)
	if g == nil {
		return ""
	}
	text := fmt.Sprintf("git dependency `%s`\n\n<%s>", name, g.URL.Value)
	if g.Rev.Value != "" {
		text += " at `" + g.Rev.Value + "`"
	}
	return text + "\n"
}

func (s *Snapshot) describeVariable(name string) string {
	v := s.Manifest.Var(name)
	if v == nil {
		return ""
	}
	quoted := make([]string, len(v.Values))
	for i, value := range v.Values {
		quoted[i] = syntax.Quote(value.Value)
	}
	return "```toml\n" + syntax.QuoteKey(name) + " = [" + strings.Join(quoted, ", ") + "]\n```\n"
}

// DescribeTarget says in Markdown what a target of the project is, "" if there
// is none of that name.
func (s *Snapshot) DescribeTarget(name string) string {
	if t := s.Manifest.Target(name); t != nil {
		return s.describeUnit(manifest.Unit{Target: t})
	}
	return ""
}

// describeUnit is the target or variant as it is built, with its variables
// expanded and the variant's fields laid over the target's.
func (s *Snapshot) describeUnit(u manifest.Unit) string {
	t := u.Target
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**", u.Name())
	if t.Kind != schema.NoKind {
		fmt.Fprintf(&b, ": %s", t.Kind.Info().Summary)
	}
	b.WriteByte('\n')
	if text := t.Text(schema.Description); text != "" {
		b.WriteString("\n" + text + "\n")
	}
	b.WriteString("\n```toml\n")
	for _, v := range u.Fields().Values() {
		if v.Field != schema.Description {
			b.WriteString(showValue(v) + "\n")
		}
	}
	b.WriteString("```\n")
	if names := variantNames(t); u.Variant == nil && len(names) > 0 {
		b.WriteString("\nVariants: " + strings.Join(names, ", ") + "\n")
	}
	if dependents := s.dependents(t); len(dependents) > 0 {
		b.WriteString("\nUsed by: " + shorten(dependents, 10) + "\n")
	}
	return b.String()
}

// showValue is a field as TOML on one line; long scripts end in an ellipsis.
func showValue(v manifest.Value) string {
	text := ""
	switch v.Field.Type {
	case schema.Bool:
		text = fmt.Sprint(v.Bool)
	case schema.String:
		text = v.Strings[0].Value
		if line, _, more := strings.Cut(strings.TrimSpace(text), "\n"); more {
			text = line + " …"
		}
		text = syntax.Quote(text)
	case schema.Strings, schema.Ports:
		items := make([]string, len(v.Strings))
		for i, s := range v.Strings {
			items[i] = s.Value
			if v.Field.Type == schema.Strings {
				items[i] = syntax.Quote(s.Value)
			}
		}
		text = "[" + strings.Join(items, ", ") + "]"
	default:
		items := make([]string, len(v.Pairs))
		for i, p := range v.Pairs {
			items[i] = syntax.QuoteKey(p.Key.Value) + " = " + syntax.Quote(p.Value.Value)
		}
		text = "{ " + strings.Join(items, ", ") + " }"
		if len(v.Rows) > 0 {
			text = fmt.Sprintf("[ … ] # %d tables", len(v.Rows))
		}
	}
	return v.Field.Name + " = " + text
}

func variantNames(t *manifest.Target) []string {
	names := make([]string, len(t.Variants))
	for i, v := range t.Variants {
		names[i] = v.Name.Value
	}
	return names
}

// dependents lists the targets that depend on t directly.
func (s *Snapshot) dependents(t *manifest.Target) []string {
	var names []string
	for _, other := range s.Manifest.Targets {
		if slices.ContainsFunc(other.Edges, func(e manifest.Edge) bool { return e.Kind == manifest.ToTarget && e.Unit.Target == t }) {
			names = append(names, "`"+other.Name+"`")
		}
	}
	return names
}

// shorten joins names, the first n of them.
func shorten(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:n], ", ") + fmt.Sprintf(" and %d more", len(names)-n)
}

// describeGlob lists the files that a pattern matches.
func (s *Snapshot) describeGlob(pattern string) string {
	found, err := s.tree.Glob(pattern)
	if err != nil {
		return ""
	}
	const shown = 20
	var b strings.Builder
	switch len(found) {
	case 0:
		return "matches no file\n"
	case 1:
		b.WriteString("1 file\n\n")
	default:
		fmt.Fprintf(&b, "%d files\n\n", len(found))
	}
	for _, f := range found[:min(shown, len(found))] {
		b.WriteString("- `" + f + "`\n")
	}
	if len(found) > shown {
		fmt.Fprintf(&b, "- and %d more\n", len(found)-shown)
	}
	return b.String()
}
