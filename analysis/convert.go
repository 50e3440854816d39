package analysis

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// convertGenerated offers to make a generated_source, which later versions of
// rigx.toml do not have, a custom target that does the same.
func convertGenerated(t *manifest.Target, c Cursor) (Action, bool) {
	kind, command := t.Get(schema.KindField), t.Get(schema.Command)
	onKind := kind != nil && (touches(kind.Key.Span, c.Offset) || touches(kind.At.Span, c.Offset))
	if t.Kind != schema.GeneratedSource || command == nil || len(t.Variants) > 0 || !onKind && !touches(t.Header.Span, c.Offset) {
		return Action{}, false
	}
	script := command.Strings[0].Value
	if strings.Contains(script, "'''") || strings.ContainsFunc(script, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
		return Action{}, false // it would need escapes
	}
	names := make([]string, len(t.List(schema.Inputs)))
	for i, s := range t.List(schema.Inputs) {
		names[i] = s.Value
	}
	inputs := strings.Join(names, " ")
	if strings.ContainsAny(inputs, "\"$`\\") {
		return Action{}, false
	}
	file := c.File
	replace := func(from, to uint32, text string) manifest.Edit {
		return manifest.Edit{File: file, Span: syntax.Span{Start: from, End: to}, Text: text}
	}
	var edits []manifest.Edit
	for _, v := range t.Values() {
		if v.Key.File != file {
			return Action{}, false
		}
		switch v.Field {
		case schema.KindField:
			edits = append(edits, replace(v.At.Span.Start, v.At.Span.End, `"custom"`))
		case schema.Inputs:
			edits = append(edits, replace(v.Key.Span.Start, v.Key.Span.End, schema.Sources.Name))
		case schema.Command:
			text := schema.InstallScript.Name + " = '''\nmkdir -p $out\ninputs=\"" + inputs + "\"\n" + strings.TrimSuffix(script, "\n") + "\n'''"
			edits = append(edits, replace(v.Key.Span.Start, v.At.Span.End, text))
		case schema.OutputsField:
			from := file.Offset(file.Position(v.Key.Span.Start).Line, 0)
			edits = append(edits, replace(from, lineAfter(file, v.At.Span.End), ""))
		}
	}
	return Action{Title: "Convert to a custom target", Edits: edits}, true
}

// updateHash offers to find out what a hash must be, by building.
func updateHash(t *manifest.Target, c Cursor) (Action, bool) {
	p := c.Place()
	switch {
	case t != nil && p.Field == schema.PythonVenvHash:
		return Action{Title: "Update the hash by building", UpdateHashes: true, Target: t.Name}, true
	case p.Section == schema.ExternalInput && p.Field != nil && p.Field.Name == "sha256":
		return Action{Title: "Update the hash by building", UpdateHashes: true}, true
	}
	return Action{}, false
}
