package syntax

import (
	"fmt"
	"strings"
)

// dump writes a tree in the form of the golden files.
func dump(t *Tree) string {
	var b strings.Builder
	for i, table := range t.Tables {
		if i == 0 && len(table.Entries) == 0 {
			continue
		}
		if i > 0 {
			open, close := "[", "]"
			if table.Array {
				open, close = "[[", "]]"
			}
			fmt.Fprintf(&b, "%s%s%s%s\n", open, dumpPath(table.Path), close, dumpBroken(table.Broken))
		}
		for _, entry := range table.Entries {
			dumpEntry(&b, "", entry)
		}
	}
	for _, e := range t.Errors {
		fmt.Fprintf(&b, "error %s: %s", dumpSpan(t.Text, e.Span), e.Message)
		if e.Hint != "" {
			fmt.Fprintf(&b, " (%s)", e.Hint)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func dumpEntry(b *strings.Builder, indent string, entry Entry) {
	fmt.Fprintf(b, "%s%s = ", indent, dumpPath(entry.Path))
	dumpValue(b, indent, entry.Value)
	fmt.Fprintf(b, "%s\n", dumpBroken(entry.Broken))
}

func dumpValue(b *strings.Builder, indent string, v Value) {
	switch v.Kind {
	case Array:
		b.WriteByte('[')
		for i, item := range v.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			dumpValue(b, indent, item)
		}
		b.WriteByte(']')
	case InlineTable:
		b.WriteString("{\n")
		for _, entry := range v.Entries {
			dumpEntry(b, indent+"  ", entry)
		}
		b.WriteString(indent + "}")
	case Missing:
		b.WriteString("missing")
	case String:
		fmt.Fprintf(b, "%q", v.Text)
	default:
		fmt.Fprintf(b, "%s %s", strings.ReplaceAll(v.Kind.String(), " ", "-"), v.Text)
	}
}

func dumpPath(path []Key) string {
	names := make([]string, len(path))
	for i, key := range path {
		names[i] = key.Name
		if !isBareKey(key.Name) {
			names[i] = fmt.Sprintf("%q", key.Name)
		}
		if key.Missing() {
			names[i] = "?"
		}
	}
	return strings.Join(names, ".")
}

func dumpBroken(broken bool) string {
	if broken {
		return "  # broken"
	}
	return ""
}

// dumpSpan writes a span as its line, column and text, counted from 1.
func dumpSpan(text string, s Span) string {
	before := text[:s.Start]
	return fmt.Sprintf("%d:%d %q", strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n'), text[s.Start:s.End])
}
