package analysis

import (
	"fmt"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// A Hint is a remark that an editor shows inside the text.
type Hint struct {
	Offset uint32
	Text   string
}

// Hints tells what is not written: the language of a target, how many files a
// pattern matches, the values of a variable.
func (s *Snapshot) Hints(file *syntax.File, span syntax.Span) []Hint {
	var out []Hint
	for _, t := range s.Manifest.Targets {
		if t.Local.At.File != file {
			continue
		}
		if v := t.Get(schema.Sources); v != nil && t.Get(schema.Language) == nil && schema.Compiled.Has(t.Kind) && overlaps(v.At.Span, span) {
			if of := s.Files().Of(t.First()); of != nil && of.Language != "" {
				out = append(out, Hint{v.At.Span.End, of.Language})
			}
		}
	}
	for i := range file.Tree.Tables {
		t := &file.Tree.Tables[i]
		if len(t.Path) < 2 || t.Path[0].Name != "targets" || !overlaps(t.Span, span) {
			continue
		}
		for j := range t.Entries {
			if e := &t.Entries[j]; overlaps(e.Span, span) && e.Value.Kind == syntax.Array {
				out = append(out, s.itemHints(file, join(t.Path, e.Path), &e.Value)...)
			}
		}
	}
	return out
}

func overlaps(a, b syntax.Span) bool { return a.Start <= b.End && b.Start <= a.End }

func (s *Snapshot) itemHints(file *syntax.File, path []syntax.Key, list *syntax.Value) []Hint {
	var out []Hint
	c := Cursor{File: file, Path: path}
	p := c.Place()
	if p.Field == nil {
		return nil
	}
	for i := range list.Items {
		v := &list.Items[i]
		if v.Kind != syntax.String {
			continue
		}
		if name, ok := manifest.VariableReference(v.Text); ok {
			if found := s.Manifest.Var(name); found != nil {
				out = append(out, Hint{v.Span.End, variableHint(found)})
			}
			continue
		}
		if p.Field.Content != schema.Paths || !source.HasMeta(v.Text) || manifest.Interpolates(v.Text) {
			continue
		}
		// Finding the target is for the few that need it.
		if t := s.Target(c); t != nil {
			if files, err := s.tree.Glob(t.Dir() + v.Text); err == nil && len(files) > 0 {
				out = append(out, Hint{v.Span.End, plural(len(files), "file")})
			}
		}
	}
	return out
}

func variableHint(v *manifest.Variable) string {
	const longest = 40
	values := make([]string, len(v.Values))
	for i, s := range v.Values {
		values[i] = s.Value
	}
	text := strings.Join(values, " ")
	if len(text) > longest {
		return plural(len(values), "value")
	}
	return text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
