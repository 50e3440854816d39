package analysis

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// ErrNothingToRename says that there is no name under the cursor.
var ErrNothingToRename = errors.New("there is no name of a target, variant, variable or dependency here")

// Rename returns the edits that give the thing under the cursor another name,
// everywhere: in all files of the project and of those it depends on, inside
// ${…} and scripts. It fails if the name cannot be used or is taken.
func (s *Snapshot) Rename(file *syntax.File, offset uint32, name string) ([]manifest.Edit, error) {
	at, ok := s.MentionAt(file, offset)
	if !ok {
		return nil, ErrNothingToRename
	}
	if err := s.renamable(at.Symbol, name); err != nil {
		return nil, err
	}
	var edits []manifest.Edit
	for _, m := range s.References(at.Symbol) {
		text := name
		switch {
		case !m.InString:
			text = syntax.QuoteKey(name)
		case m.Braced && !canBeBraced(name):
			line := m.File.Position(m.Span.Start).Line + 1
			return nil, fmt.Errorf("%s:%d refers to it as ${%s}, and `%s` cannot stand in braces", m.File.Name, line, at.Symbol.Text, name)
		case strings.ContainsAny(name, "\"'\\\n\t"):
			return nil, fmt.Errorf("`%s` cannot stand in a string without escapes", name)
		}
		edits = append(edits, manifest.Edit{File: m.File, Span: m.Span, Text: text})
	}
	return edits, nil
}

// canBeBraced reports whether ${name} is a reference.
func canBeBraced(name string) bool {
	parts, errs := manifest.ParseTemplate("${" + name + "}")
	return len(errs) == 0 && len(parts) == 1 && parts[0].Ref == name
}

// renamable reports why a symbol cannot have a name.
func (s *Snapshot) renamable(sym Symbol, name string) error {
	if name == sym.Text {
		return nil
	}
	taken := func(yes bool) error {
		if yes {
			return fmt.Errorf("there is a %s `%s` already", sym.Kind, name)
		}
		return nil
	}
	m := s.owner(sym.At.File)
	if name == "" {
		return errors.New("a name must not be empty")
	}
	switch sym.Kind {
	case TargetName:
		if why := manifest.BadName(name); why != "" {
			return fmt.Errorf("`%s` cannot be the name of a target: it %s", name, why)
		}
		_, other := m.Attr(strings.TrimSuffix(sym.Target.Name, sym.Text) + name)
		return taken(other)
	case VariantName:
		if why := manifest.BadName(name); why != "" {
			return fmt.Errorf("`%s` cannot be the name of a variant: it %s", name, why)
		}
		return taken(sym.Target.Variant(name) != nil)
	case NodeName:
		if why := manifest.BadName(name); why != "" {
			return fmt.Errorf("`%s` cannot be the name of a node: it %s", name, why)
		}
		_, other := node(sym.Target, name)
		return taken(other || name == schema.HostNode)
	case VariableName:
		return taken(m.Var(name) != nil)
	case GitName, LocalName, ExternalName:
		return taken(m.GitDep(name) != nil || m.LocalDep(name) != nil || m.ExternalIn(name) != nil)
	}
	return nil
}
