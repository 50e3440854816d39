package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// TokenKind says what a part of a script is.
type TokenKind uint8

// The kinds of tokens.
const (
	Keyword TokenKind = iota
	Command
	Variable
	Quoted
	Comment
)

// Token is a part of a script that an editor colours.
type Token struct {
	Span
	Kind TokenKind
}

// reader collects what a syntax tree holds.
type reader struct {
	s    *Script
	text string
}

func (r *reader) read(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		r.node(n)
		return true
	})
	slices.SortStableFunc(r.s.Tokens, func(a, b Token) int { return a.Start - b.Start })
	// Parts of a quoted string are tokens of their own; a heredoc can be met
	// before what stands on its line.
	end := 0
	r.s.Tokens = slices.DeleteFunc(r.s.Tokens, func(t Token) bool {
		if t.Start < end {
			return true
		}
		end = t.End
		return false
	})
}

func (r *reader) add(kind TokenKind, start, end int) {
	if 0 <= start && start < end && end <= len(r.text) {
		r.s.Tokens = append(r.s.Tokens, Token{Span{start, end}, kind})
	}
}

// words marks keywords where they stand.
func (r *reader) words(places map[string]syntax.Pos) {
	for word, at := range places {
		if start := int(at.Offset()); at.IsValid() && strings.HasPrefix(r.text[min(start, len(r.text)):], word) {
			r.add(Keyword, start, start+len(word))
		}
	}
}

func (r *reader) node(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.Comment:
		r.add(Comment, int(n.Hash.Offset()), int(n.End().Offset()))
	case *syntax.CallExpr:
		r.call(n)
	case *syntax.Assign:
		if n.Name != nil {
			r.add(Variable, int(n.Name.Pos().Offset()), int(n.Name.End().Offset()))
		}
	case *syntax.ParamExp:
		r.parameter(n)
	case *syntax.SglQuoted:
		r.add(Quoted, int(n.Pos().Offset()), int(n.End().Offset()))
	case *syntax.DblQuoted:
		r.quoted(n)
	case *syntax.Redirect:
		if n.Hdoc != nil {
			for _, part := range n.Hdoc.Parts {
				if lit, ok := part.(*syntax.Lit); ok {
					r.add(Quoted, int(lit.Pos().Offset()), int(lit.End().Offset()))
				}
			}
		}
	case *syntax.FuncDecl:
		if n.RsrvWord {
			r.words(map[string]syntax.Pos{"function": n.Position})
		}
		if n.Name != nil {
			r.s.functions[n.Name.Value] = true
			r.add(Command, int(n.Name.Pos().Offset()), int(n.Name.End().Offset()))
		}
	case *syntax.IfClause:
		r.words(map[string]syntax.Pos{"if": n.Position, "elif": n.Position, "else": n.Position, "then": n.ThenPos, "fi": n.FiPos})
	case *syntax.WhileClause:
		r.words(map[string]syntax.Pos{"while": n.WhilePos, "until": n.WhilePos, "do": n.DoPos, "done": n.DonePos})
	case *syntax.ForClause:
		r.words(map[string]syntax.Pos{"for": n.ForPos, "select": n.ForPos, "do": n.DoPos, "done": n.DonePos})
	case *syntax.WordIter:
		r.add(Variable, int(n.Name.Pos().Offset()), int(n.Name.End().Offset()))
		r.words(map[string]syntax.Pos{"in": n.InPos})
	case *syntax.CaseClause:
		r.words(map[string]syntax.Pos{"case": n.Case, "in": n.In, "esac": n.Esac})
	case *syntax.DeclClause:
		r.add(Keyword, int(n.Variant.Pos().Offset()), int(n.Variant.End().Offset()))
	case *syntax.TestClause:
		r.words(map[string]syntax.Pos{"[[": n.Left, "]]": n.Right})
	case *syntax.TimeClause:
		r.words(map[string]syntax.Pos{"time": n.Pos()})
	}
}

func (r *reader) call(n *syntax.CallExpr) {
	if len(n.Args) == 0 {
		return
	}
	name, ok := literal(n.Args[0])
	if !ok {
		return
	}
	at := Span{int(n.Args[0].Pos().Offset()), int(n.Args[0].End().Offset())}
	r.add(Command, at.Start, at.End)
	r.s.Commands = append(r.s.Commands, Word{at, name})
	switch name {
	case "command", "type", "which", "hash", "alias":
		for _, arg := range n.Args[1:] {
			if text, ok := literal(arg); ok {
				text, _, _ = strings.Cut(text, "=")
				r.s.asked[text] = true
			}
		}
	}
}

// literal is the text of a word without quotes or expansions.
func literal(w *syntax.Word) (string, bool) {
	if len(w.Parts) != 1 {
		return "", false
	}
	lit, ok := w.Parts[0].(*syntax.Lit)
	if !ok {
		return "", false
	}
	return lit.Value, true
}

func (r *reader) parameter(n *syntax.ParamExp) {
	if n.Param == nil || !n.Dollar.IsValid() {
		return
	}
	r.add(Variable, int(n.Dollar.Offset()), int(n.Param.End().Offset()))
	if !n.Short {
		r.add(Variable, int(n.Rbrace.Offset()), int(n.Rbrace.Offset())+1)
	}
}

// quoted marks the text between what is expanded in it.
func (r *reader) quoted(n *syntax.DblQuoted) {
	from := int(n.Pos().Offset())
	for _, part := range n.Parts {
		if _, ok := part.(*syntax.Lit); !ok {
			r.add(Quoted, from, int(part.Pos().Offset()))
			from = int(part.End().Offset())
		}
	}
	r.add(Quoted, from, int(n.End().Offset()))
}
