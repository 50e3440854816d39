package analysis

import (
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/shell"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// TokenKind says what a piece of the text is, for its colour.
type TokenKind uint8

// The kinds of tokens, in the words of the protocol.
const (
	NamespaceToken  TokenKind = iota // the name of a section
	TypeToken                        // the name of a target or dependency
	EnumMemberToken                  // the name of a variant, a kind, a word of a fixed choice
	PropertyToken                    // a key
	VariableToken                    // a variable of rigx or of the shell
	FunctionToken                    // a target that is referred to; a command of the shell
	KeywordToken                     // a keyword of the shell, a boolean
	MacroToken                       // ${…}
	StringToken
	NumberToken
	CommentToken
)

// TokenKinds names the kinds as editors know them, in order.
var TokenKinds = []string{
	"namespace", "type", "enumMember", "property", "variable", "function", "keyword", "macro", "string", "number", "comment",
}

// Token is a piece of the text with one colour. It may span lines.
type Token struct {
	Span syntax.Span
	Kind TokenKind
	// Declares is set where a name is given.
	Declares bool
}

// longestScript is the size, in bytes, up to which the bash in a string is told
// apart.
const longestScript = 64 << 10

// Tokens lists what an editor colours in a part of a file, in order and without
// overlap.
func (s *Snapshot) Tokens(file *syntax.File, part syntax.Span) []Token {
	w := tokener{s: s, file: file, m: s.owner(file), part: part}
	for i := range file.Tree.Tables {
		t := &file.Tree.Tables[i]
		if !overlaps(t.Span, part) && i > 0 {
			continue
		}
		w.names(t.Path, 0, true)
		w.entries(t.Path, t.Entries)
	}
	for _, c := range file.Tree.Comments() {
		if overlaps(c, part) {
			w.add(c, CommentToken)
		}
	}
	slices.SortStableFunc(w.out, func(a, b Token) int { return int(a.Span.Start) - int(b.Span.Start) })
	return w.out
}

type tokener struct {
	s    *Snapshot
	m    *manifest.Manifest // nil outside of projects
	file *syntax.File
	part syntax.Span
	out  []Token
}

func (w *tokener) add(span syntax.Span, kind TokenKind) {
	if span.Len() > 0 {
		w.out = append(w.out, Token{Span: span, Kind: kind})
	}
}

// names colours the keys of a path from one of them on.
func (w *tokener) names(path []syntax.Key, from int, header bool) {
	for i := from; i < len(path); i++ {
		kind, declares := PropertyToken, false
		switch {
		case i == 0 && (header || len(path) > 1):
			kind = NamespaceToken
		case path[0].Name == "targets" && i == 1, (path[0].Name == "external_inputs" || path[0].Name == "remotes") && i == 1, path[0].Name == "dependencies" && i == 2:
			kind, declares = TypeToken, true
		case path[0].Name == "targets" && i == 3 && path[2].Name == "variants":
			kind, declares = EnumMemberToken, true
		case path[0].Name == "vars" && i == 1 && path[1].Name != "extends":
			kind, declares = VariableToken, true
		case header && i < 3:
			kind = NamespaceToken
		}
		w.add(path[i].Span, kind)
		if declares && len(w.out) > 0 {
			w.out[len(w.out)-1].Declares = true
		}
	}
}

func (w *tokener) entries(above []syntax.Key, entries []syntax.Entry) {
	for i := range entries {
		e := &entries[i]
		if !overlaps(e.Span, w.part) {
			continue
		}
		path := join(above, e.Path)
		w.names(path, len(above), false)
		w.value(path, &e.Value)
	}
}

func (w *tokener) value(path []syntax.Key, v *syntax.Value) {
	switch v.Kind {
	case syntax.String:
		w.text(path, v)
	case syntax.Integer, syntax.Float, syntax.Datetime:
		w.add(v.Span, NumberToken)
	case syntax.Boolean:
		w.add(v.Span, KeywordToken)
	case syntax.Array:
		for i := range v.Items {
			w.value(path, &v.Items[i])
		}
	case syntax.InlineTable:
		w.entries(path, v.Entries)
	}
}

// A piece is a part of a decoded string with a colour of its own.
type piece struct {
	start, end int
	kind       TokenKind
}

// text colours a string by what the field holds.
func (w *tokener) text(path []syntax.Key, v *syntax.Value) {
	p := (Cursor{Path: path}).Place()
	f := p.Field
	if f == nil {
		w.add(v.Span, StringToken)
		return
	}
	if len(f.Values) > 0 {
		w.add(v.Span, EnumMemberToken)
		return
	}
	if _, ok := manifest.VariableReference(v.Text); ok {
		w.pieces(v, []piece{{0, len(v.Text), VariableToken}})
		return
	}
	switch f.Content {
	case schema.Targets:
		w.add(v.Span, FunctionToken)
		return
	case schema.NodeNames:
		w.add(v.Span, VariableToken)
		return
	}
	var pieces []piece
	if f.Interpolated && manifest.Interpolates(v.Text) {
		parts, _ := manifest.ParseTemplate(v.Text)
		for _, part := range parts {
			if part.Ref != "" {
				pieces = append(pieces, piece{part.Start, part.End, MacroToken})
			}
		}
	}
	if f.Content == schema.Script && w.m != nil && len(v.Text) <= longestScript {
		if t := w.m.TargetIn(w.file, p.Target); t != nil {
			pieces = w.bash(w.m.Script(t, v.Text, w.s.scripts), pieces)
		}
	}
	w.pieces(v, pieces)
}

var bashKinds = [...]TokenKind{
	shell.Keyword: KeywordToken, shell.Command: FunctionToken, shell.Variable: VariableToken,
	shell.Quoted: StringToken, shell.Comment: CommentToken,
}

// bash adds the tokens of a script between those that are there, which win.
func (w *tokener) bash(script *shell.Script, above []piece) []piece {
	out := slices.Clone(above)
	for _, token := range script.Tokens {
		from := token.Start
		for _, over := range above {
			if over.start >= token.End || over.end <= from {
				continue
			}
			if from < over.start {
				out = append(out, piece{from, over.start, bashKinds[token.Kind]})
			}
			from = over.end
		}
		if from < token.End {
			out = append(out, piece{from, token.End, bashKinds[token.Kind]})
		}
	}
	slices.SortFunc(out, func(a, b piece) int { return a.start - b.start })
	return out
}

// pieces colours a string: the pieces in their colours, the rest as a string.
func (w *tokener) pieces(v *syntax.Value, pieces []piece) {
	text, from := w.file.Tree.Text, v.Span.Start
	for _, p := range pieces {
		start, end := syntax.SourceOffset(text, v.Span, p.start), syntax.SourceOffset(text, v.Span, p.end)
		if start < from {
			continue
		}
		w.rest(from, start)
		w.add(syntax.Span{Start: start, End: end}, p.kind)
		from = max(from, end)
	}
	w.rest(from, v.Span.End)
}

// rest colours what is left of a string, unless it is blank.
func (w *tokener) rest(from, to uint32) {
	if from < to && strings.TrimSpace(w.file.Tree.Text[from:to]) != "" {
		w.add(syntax.Span{Start: from, End: to}, StringToken)
	}
}
