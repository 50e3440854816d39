package schema

import (
	"fmt"
	"strings"
)

// Reference is the page of the manual that lists every section, kind and field,
// as Markdown with headings from the third level down.
func Reference() string {
	var b strings.Builder
	b.WriteString("### Sections\n\n")
	fmt.Fprintf(&b, "`%s`, at the top of a file: %s\n\n", Include.Name, Include.Doc)
	for _, s := range Sections {
		fmt.Fprintf(&b, "#### `%s`\n\n%s%s\n\n", s.Header(), s.Doc, since(s.Since))
		if len(s.Fields) > 0 {
			fieldTable(&b, s.Fields, false)
		}
	}
	b.WriteString("### Kinds of targets\n\n")
	for _, k := range KindTable {
		fmt.Fprintf(&b, "#### `kind = %q`\n\n%s.%s\n\n", k.Name, upperFirst(k.Summary), strings.TrimRight(strings.ReplaceAll("\n"+k.Doc, "\n\n", "\n"), "\n"))
		names := []string{}
		for _, f := range FieldsOf(k.Kind) {
			name := "`" + f.Name + "`"
			if f.RequiredBy.Has(k.Kind) {
				name = "**" + name + "**"
			}
			names = append(names, name)
		}
		b.WriteString("Fields, the required ones in bold: " + strings.Join(names, ", ") + ".\n\n")
	}
	b.WriteString("### Fields of targets\n\n`[targets.<name>.variants.<variant>]` takes the same fields where the column *in a variant* says how they combine.\n\n")
	fieldTable(&b, TargetFields, true)
	for _, f := range TargetFields {
		if f.Fields != nil {
			fmt.Fprintf(&b, "#### Fields of each %s in `%s`\n\n", f.One, f.Name)
			fieldTable(&b, f.Fields, false)
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}

func fieldTable(b *strings.Builder, fields []*Field, targets bool) {
	if targets {
		b.WriteString("| field | type | default | in a variant | |\n| --- | --- | --- | --- | --- |\n")
	} else {
		b.WriteString("| field | type | default | |\n| --- | --- | --- | --- |\n")
	}
	for _, f := range fields {
		name := "`" + f.Name + "`"
		if f.Required {
			name += " (required)"
		}
		def := ""
		if f.Default != "" {
			def = "`" + f.Default + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s |", name, f.Type, cell(def))
		if targets {
			combine := [...]string{"replaces", "appended", "laid over"}[f.Merge]
			if f.NoVariant {
				combine = ""
			}
			fmt.Fprintf(b, " %s |", combine)
		}
		doc := f.Doc
		if len(f.Values) > 0 && f != KindField {
			doc += " One of: `" + strings.Join(f.Values, "`, `") + "`."
		}
		if f.Example != "" {
			doc += " Example: `" + f.Example + "`"
		}
		fmt.Fprintf(b, " %s%s |\n", cell(doc), since(f.Since))
	}
	b.WriteByte('\n')
}

// cell fits a text into one cell of a table.
func cell(text string) string {
	text = strings.ReplaceAll(text, "\n\n", " ")
	text = strings.ReplaceAll(text, "\n", " ")
	return strings.ReplaceAll(text, "|", `\|`)
}

func since(version string) string {
	if version == "" {
		return ""
	}
	return " *Since " + version + ".*"
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
