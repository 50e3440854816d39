package analysis

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/shell"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// An Action is a change that an editor offers.
type Action struct {
	Title string
	// Fixes is the diagnostic that goes away, or nil.
	Fixes *diagnostic.Diagnostic
	// Preferred is set for the one fix that is almost surely meant.
	Preferred bool
	// Edits of files, in order and without overlap within each.
	Edits []manifest.Edit
	// Create is the absolute path of an empty file to create, or "".
	Create string
	// UpdateHashes is set for an action that builds a target, or all if Target
	// is empty, and writes the hashes that turn out to be wrong.
	UpdateHashes bool
	Target       string
}

// Actions lists what can be done about a part of a file.
func (s *Snapshot) Actions(file *syntax.File, span syntax.Span) []Action {
	out := s.actions(file, span)
	for _, a := range out {
		for i, e := range a.Edits {
			if manifest.Newline(e.File) == "\r\n" {
				unix := strings.ReplaceAll(e.Text, "\r\n", "\n")
				a.Edits[i].Text = strings.ReplaceAll(unix, "\n", "\r\n")
			}
		}
	}
	return out
}

func (s *Snapshot) actions(file *syntax.File, span syntax.Span) []Action {
	var out []Action
	for _, d := range s.Diagnostics(file) {
		if d.At.Span.Start <= span.End && span.Start <= d.At.Span.End {
			out = append(out, s.fixes(d)...)
		}
	}
	c := At(file, span.Start)
	t := s.Target(c)
	if a, ok := updateHash(t, c); ok {
		out = append(out, a)
	}
	if t == nil {
		return out
	}
	if a, ok := convertGenerated(t, c); ok {
		out = append(out, a)
	}
	if a, ok := undeclared(t, c); ok {
		out = append(out, a)
	}
	if a, ok := s.inlineVariable(c); ok {
		out = append(out, a)
	}
	if a, ok := s.extractVariable(c); ok {
		out = append(out, a)
	}
	return out
}

// fixes are the changes that end a diagnostic.
func (s *Snapshot) fixes(d *diagnostic.Diagnostic) []Action {
	var out []Action
	if d.Suggestion != "" {
		out = append(out, Action{
			Title: "Change to `" + d.Suggestion + "`", Fixes: d, Preferred: true,
			Edits: []manifest.Edit{{File: d.At.File, Span: d.At.Span, Text: d.Suggestion}},
		})
	}
	switch d.Code {
	case diagnostic.MissingFile:
		if path := s.missingPath(d); path != "" {
			out = append(out, Action{Title: "Create the file", Fixes: d, Create: path})
		}
	case diagnostic.UnknownGit:
		name := manifest.TextAt(d.At)
		out = append(out, addTable(d, "dependencies.git."+syntax.QuoteKey(name), "url = \"https://\"\n"))
	case diagnostic.UnknownExternal:
		name := manifest.TextAt(d.At)
		out = append(out, addTable(d, "external_inputs."+syntax.QuoteKey(name), "buckets = { dir = \"\" }\n"))
	case diagnostic.UndeclaredProgram:
		pkg := shell.Package(manifest.TextAt(d.At))
		if t := s.Target(At(d.At.File, d.At.Span.Start)); t != nil && pkg != "" {
			if edit, ok := t.AppendText(schema.DepsNixpkgs, syntax.Quote(pkg)); ok {
				out = append(out, Action{Title: "Add `" + pkg + "` to deps.nixpkgs", Fixes: d, Preferred: true, Edits: []manifest.Edit{edit}})
			}
		}
	case diagnostic.UnknownVariable:
		name := manifest.TextAt(d.At)
		at, text := variablesPlace(d.At.File, syntax.QuoteKey(name)+" = []\n")
		out = append(out, Action{
			Title: "Add `" + name + "` to [vars]", Fixes: d,
			Edits: []manifest.Edit{{File: d.At.File, Span: syntax.Span{Start: at, End: at}, Text: text}},
		})
	}
	return out
}

// missingPath is the file that a diagnostic misses, if it is in the project.
func (s *Snapshot) missingPath(d *diagnostic.Diagnostic) string {
	c := At(d.At.File, d.At.Span.Start)
	t := s.Target(c)
	if t == nil || c.Value == nil || c.Value.Kind != syntax.String || c.Place().Field != schema.Sources {
		return ""
	}
	path := filepath.Join(s.Manifest.Dir, filepath.FromSlash(t.Dir()+c.Value.Text))
	if rel, err := filepath.Rel(s.Manifest.Dir, path); err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return path
}

// addTable appends a table to the file.
func addTable(d *diagnostic.Diagnostic, header, body string) Action {
	file := d.At.File
	text := file.Tree.Text
	end := uint32(len(text))
	lead := "\n"
	if text != "" && text[len(text)-1] != '\n' {
		lead = "\n\n"
	}
	return Action{
		Title: "Add [" + header + "]", Fixes: d,
		Edits: []manifest.Edit{{File: file, Span: syntax.Span{Start: end, End: end}, Text: lead + "[" + header + "]\n" + body}},
	}
}

// undeclared offers to list a target that ${…} uses in deps.internal.
func undeclared(t *manifest.Target, c Cursor) (Action, bool) {
	ref, ok := c.Reference()
	if !ok {
		return Action{}, false
	}
	for _, e := range t.Edges {
		if e.Kind != manifest.ToTarget || e.Name != ref.Name && e.Unit.Target.Local.Value != ref.Name {
			continue
		}
		for _, s := range t.List(schema.DepsInternal) {
			if s.Value == ref.Name {
				return Action{}, false
			}
		}
		edit, ok := t.AppendText(schema.DepsInternal, syntax.Quote(ref.Name))
		return Action{Title: "List `" + ref.Name + "` in deps.internal", Edits: []manifest.Edit{edit}}, ok
	}
	return Action{}, false
}

// inlineVariable offers to write a variable's values in its place.
func (s *Snapshot) inlineVariable(c Cursor) (Action, bool) {
	if c.Value == nil || c.Value.Kind != syntax.String {
		return Action{}, false
	}
	name, ok := manifest.VariableReference(c.Value.Text)
	v := s.Manifest.Var(name)
	if !ok || v == nil || len(v.Values) == 0 {
		return Action{}, false
	}
	text := ""
	for i, value := range v.Values {
		if i > 0 {
			text += ", "
		}
		text += syntax.Quote(value.Value)
	}
	return Action{Title: "Write the values of $vars." + name + " here", Edits: []manifest.Edit{{File: c.File, Span: c.Value.Span, Text: text}}}, true
}

// extractVariable offers to move a list into [vars].
func (s *Snapshot) extractVariable(c Cursor) (Action, bool) {
	p := c.Place()
	if p.Field == nil || p.Field.Type != schema.Strings || p.Field.NoVariant || c.Value == nil || c.Value.Kind != syntax.Array || len(c.Value.Items) == 0 {
		return Action{}, false
	}
	name := p.Field.Key()
	for n := 2; s.Manifest.Var(name) != nil; n++ {
		name = p.Field.Key() + "_" + strconv.Itoa(n)
	}
	list := c.File.Tree.Text[c.Value.Span.Start:c.Value.Span.End]
	entry := name + " = " + list + "\n"
	use := manifest.Edit{File: c.File, Span: c.Value.Span, Text: "[\"$vars." + name + "\"]"}
	at, text := variablesPlace(c.File, entry)
	edits := []manifest.Edit{{File: c.File, Span: syntax.Span{Start: at, End: at}, Text: text}, use}
	if at > c.Value.Span.Start {
		edits[0], edits[1] = edits[1], edits[0]
	}
	return Action{Title: "Move the list to [vars] as `" + name + "`", Edits: edits}, true
}

// variablesPlace is where an entry of [vars] goes, and what to write there.
func variablesPlace(file *syntax.File, entry string) (at uint32, text string) {
	tables := file.Tree.Tables
	for i := range tables {
		if t := &tables[i]; len(t.Path) == 1 && t.Path[0].Name == schema.Vars.Name {
			return lineAfter(file, t.Span.End), entry
		}
	}
	for i := range tables {
		if t := &tables[i]; len(t.Path) > 0 && t.Path[0].Name == "targets" {
			return file.Offset(file.Position(t.Header.Start).Line, 0), "[vars]\n" + entry + "\n"
		}
	}
	return uint32(len(file.Tree.Text)), "\n[vars]\n" + entry
}

// lineAfter is the begin of the line behind an offset.
func lineAfter(file *syntax.File, at uint32) uint32 {
	return file.Offset(file.Position(at).Line+1, 0)
}
