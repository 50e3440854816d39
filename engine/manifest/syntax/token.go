package syntax

import "iter"

// TokenKind says what a token is.
type TokenKind uint8

// The kinds of tokens.
const (
	// TokenInvalid is text that has no place in TOML.
	TokenInvalid TokenKind = iota
	TokenByteOrderMark
	TokenSpace   // spaces and tabs
	TokenNewline // one line ending
	TokenComment // from the # to the end of the line
	TokenKey     // one part of a key, with its quotes
	TokenDot
	TokenEquals
	TokenComma
	TokenHeaderOpen  // [ or [[ of a table header
	TokenHeaderClose // ] or ]] of a table header
	TokenArrayOpen
	TokenArrayClose
	TokenTableOpen  // { of an inline table
	TokenTableClose // } of an inline table
	TokenString
	TokenNumber // an integer or float
	TokenBoolean
	TokenDatetime
)

// Token is a piece of the text.
type Token struct {
	Span Span
	Kind TokenKind
}

// Tokens yields the whole text, piece by piece: every byte is in exactly one
// token.
func (t *Tree) Tokens() iter.Seq[Token] {
	return func(yield func(Token) bool) {
		if len(t.Text) > MaxSize {
			return
		}
		p := newParser(t.Text, t.strategy)
		p.yield = yield
		p.document()
	}
}
