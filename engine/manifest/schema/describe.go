package schema

import "strings"

// Describe is the documentation of a field as Markdown: hover, `rigx explain`
// and the reference all show it.
func Describe(f *Field) string {
	var b strings.Builder
	b.WriteString("`" + f.Name + "`: " + f.Type.String() + "\n\n" + f.Doc + "\n")
	var facts []string
	if len(f.Values) > 0 && f != KindField {
		facts = append(facts, "One of: "+strings.Join(f.Values, ", "))
	}
	if f.Default != "" {
		facts = append(facts, "Default: `"+f.Default+"`")
	}
	if f.Kinds != 0 && f.Kinds != all {
		facts = append(facts, "Kinds: "+kindList(f.Kinds))
	}
	switch {
	case f == KindField || f.Required:
		facts = append(facts, "Required")
	case f.RequiredBy != 0:
		facts = append(facts, "Required by: "+kindList(f.RequiredBy))
	}
	if f.Kinds != 0 && !f.NoVariant {
		facts = append(facts, [...]string{"In a variant: replaces the target's value", "In a variant: appended to the target's list", "In a variant: laid over the target's table"}[f.Merge])
	}
	if f.Interpolated {
		facts = append(facts, "May contain `${target}`")
	}
	if f.Since != "" {
		facts = append(facts, "Since rigx "+f.Since)
	}
	for _, fact := range facts {
		b.WriteString("\n- " + fact)
	}
	if len(facts) > 0 {
		b.WriteByte('\n')
	}
	if f.Example != "" {
		b.WriteString("\n```toml\n" + f.Name + " = " + f.Example + "\n```\n")
	}
	return b.String()
}

func kindList(s KindSet) string {
	var names []string
	for _, k := range s.Kinds() {
		names = append(names, k.String())
	}
	return strings.Join(names, ", ")
}

// DescribeKind is the documentation of a kind as Markdown, with its fields.
func DescribeKind(k Kind) string {
	info := k.Info()
	var b strings.Builder
	b.WriteString("`kind = \"" + info.Name + "\"`: " + info.Summary + "\n" + info.Doc + "\n\nFields:\n\n")
	for _, f := range FieldsOf(k) {
		b.WriteString("- `" + f.Name + "`")
		if f.RequiredBy.Has(k) {
			b.WriteString(" (required)")
		}
		b.WriteString(": " + firstSentence(f.Doc) + "\n")
	}
	return b.String()
}

// DescribeTargets is the documentation of [targets.*] as Markdown.
func DescribeTargets() string {
	var b strings.Builder
	b.WriteString("`[targets.<name>]`\n\nA target: something to build, test or run. Its `kind` is one of:\n\n")
	for _, k := range KindTable {
		b.WriteString("- `" + k.Name + "`: " + k.Summary + "\n")
	}
	return b.String()
}

// DescribeSection is the documentation of a section as Markdown.
func DescribeSection(s *Section) string {
	var b strings.Builder
	b.WriteString("`" + s.Header() + "`\n\n" + s.Doc + "\n")
	if s.Since != "" {
		b.WriteString("\nSince rigx " + s.Since + ".\n")
	}
	b.WriteString("\nFields:\n\n")
	for _, f := range s.Fields {
		b.WriteString("- `" + f.Name + "`")
		if f.Required {
			b.WriteString(" (required)")
		}
		b.WriteString(": " + firstSentence(f.Doc) + "\n")
	}
	return b.String()
}

func firstSentence(doc string) string {
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	first, _, _ := strings.Cut(doc, "\n")
	return first
}
