package syntax

type strategy uint8

type parser struct {
	text     string
	strategy strategy
	tree     *Tree
	yield    func(Token) bool
}

func (p *parser) tokens() {}

// Parse reads a text. It never fails and takes time linear in its size.
func Parse(text string) *Tree {
	return &Tree{Text: text, Tables: make([]Table, 1)}
}
