package schema

// JSONSchema returns the JSON Schema (draft 2020-12) of rigx.toml, for editors
// that validate TOML against one.
func JSONSchema() map[string]any {
	properties := map[string]any{"include": property(Include)}
	for _, s := range Sections {
		insertSection(properties, s)
	}
	properties["targets"] = map[string]any{
		"type":                 "object",
		"description":          "The targets, by name.",
		"additionalProperties": targetSchema(),
	}
	return map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "rigx.toml",
		"type":                 "object",
		"additionalProperties": false,
		"properties":           properties,
	}
}

// insertSection puts a section where its dotted name says, below properties.
func insertSection(properties map[string]any, s *Section) {
	object := object(s.Fields)
	object["description"] = s.Doc
	switch s {
	case Install:
		properties["project"].(map[string]any)["properties"].(map[string]any)["install"] = object
		return
	case Vars:
		object["additionalProperties"] = map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
	case GitDependency, LocalDependency:
		deps, ok := properties["dependencies"].(map[string]any)
		if !ok {
			deps = map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
			properties["dependencies"] = deps
		}
		name := s.Name[len("dependencies."):]
		deps["properties"].(map[string]any)[name] = map[string]any{"type": "object", "additionalProperties": object}
		return
	}
	if s.Entries {
		object = map[string]any{"type": "object", "description": s.Doc, "additionalProperties": object}
	}
	properties[s.Name] = object
}

func object(fields []*Field) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range fields {
		properties[f.Name] = property(f)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if required != nil {
		out["required"] = required
	}
	return out
}

func targetSchema() map[string]any {
	target := fieldsObject(TargetFields)
	variant := fieldsObject(VariantFields)
	target["properties"].(map[string]any)["variants"] = map[string]any{
		"type":                 "object",
		"description":          "Versions of the target that differ in flags, compiler or platform.",
		"additionalProperties": variant,
	}
	target["required"] = []string{"kind"}
	return target
}

// fieldsObject nests dotted fields: deps.internal becomes deps → internal.
func fieldsObject(fields []*Field) map[string]any {
	properties := map[string]any{}
	for _, f := range fields {
		at := properties
		if key := f.Key(); key != f.Name {
			parent := f.Name[:len(f.Name)-len(key)-1]
			sub, ok := properties[parent].(map[string]any)
			if !ok {
				sub = map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
				properties[parent] = sub
			}
			at = sub["properties"].(map[string]any)
		}
		at[f.Key()] = property(f)
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

func property(f *Field) map[string]any {
	text := map[string]any{"type": "string"}
	table := func(value any) map[string]any {
		return map[string]any{"type": "object", "additionalProperties": value}
	}
	var p map[string]any
	switch f.Type {
	case String:
		p = map[string]any{"type": "string"}
		if f.Values != nil {
			p["enum"] = f.Values
		}
	case Bool:
		p = map[string]any{"type": "boolean"}
	case Strings:
		p = map[string]any{"type": "array", "items": text}
	case Ports:
		p = map[string]any{"type": "array", "items": map[string]any{"type": "integer", "minimum": 1, "maximum": 65535}}
	case Scalars:
		p = table(map[string]any{"type": []string{"string", "integer", "number", "boolean"}})
	case StringTable:
		p = table(text)
	case Hash:
		p = map[string]any{"anyOf": []any{text, table(text)}}
	case Volumes:
		p = map[string]any{"type": "array", "items": map[string]any{
			"type": "object", "additionalProperties": false, "required": []string{"host", "container"},
			"properties": map[string]any{"host": text, "container": text, "mode": map[string]any{"type": "string", "enum": []string{"rw", "ro"}}},
		}}
	case Integer:
		p = map[string]any{"type": "integer", "minimum": 0}
	case Number:
		p = map[string]any{"type": "number", "minimum": 0}
	case Rate:
		p = map[string]any{"type": "number", "minimum": 0, "maximum": 1}
	case Port:
		p = map[string]any{"type": "integer", "minimum": 1, "maximum": 65535}
	case Records:
		p = map[string]any{"type": "array", "items": record(f)}
	case NamedRecords:
		p = table(record(f))
	default:
		p = map[string]any{"type": "object"}
	}
	p["description"] = f.Doc
	return p
}

// record is one table of a Records or NamedRecords field.
func record(f *Field) map[string]any {
	out := fieldsObject(f.Fields)
	var required []string
	for _, m := range f.Fields {
		if m.Required {
			required = append(required, m.Name)
		}
	}
	if required != nil {
		out["required"] = required
	}
	return out
}
