// Package shell reads the bash that stands in the strings of a rigx.toml: what
// is wrong with it, which programs it runs, and how an editor colours it.
//
// [Parse] takes the text of a script as bash will see it, in which a caller has
// put stand-ins of the same length for what Nix fills in, so that offsets in
// the script are offsets in the string. Nothing is ever run.
package shell

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// MaxSize is the largest script, in bytes, that is read; others have neither
// faults nor tokens.
const MaxSize = 1 << 20

// Script is a bash script that was read.
type Script struct {
	// Fault is the first thing that is not bash, or nil.
	Fault *Fault
	// Commands are the programs, builtins and functions that are run, where
	// that can be told, in order.
	Commands []Word
	// Tokens are the parts that an editor colours, in order. None overlap.
	Tokens []Token

	functions map[string]bool
	asked     map[string]bool // given to command -v and the like
}

// Span is a half-open range of byte offsets in a script.
type Span struct{ Start, End int }

// Fault is a place that bash would refuse.
type Fault struct {
	Span
	Message string
}

// Word is a literal word of a script.
type Word struct {
	Span
	Text string
}

// Parse reads a script. One for another interpreter, by its first line, is
// taken for no script at all.
func Parse(text string) (s *Script) {
	s = &Script{functions: map[string]bool{}, asked: map[string]bool{}}
	if len(text) > MaxSize || otherInterpreter(text) {
		return s
	}
	// The parser panics on some half-typed scripts, such as "<<0& \n".
	defer func() { _ = recover() }()
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true))
	file, err := parser.Parse(strings.NewReader(text), "")
	if err != nil {
		s.Fault = faultOf(err, text)
		// What stands before the fault can still be coloured.
		file = &syntax.File{}
		again := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true))
		for stmt, err := range again.StmtsSeq(strings.NewReader(text)) {
			if err != nil {
				break
			}
			file.Stmts = append(file.Stmts, stmt)
		}
	}
	r := reader{s: s, text: text}
	r.read(file)
	return s
}

func otherInterpreter(text string) bool {
	line, ok := strings.CutPrefix(text, "#!")
	if !ok {
		return false
	}
	line, _, _ = strings.Cut(line, "\n")
	return !strings.Contains(line, "sh")
}

func faultOf(err error, text string) *Fault {
	var (
		parse syntax.ParseError
		lang  syntax.LangError
	)
	switch {
	case errors.As(err, &parse):
		at := min(int(parse.Pos.Offset()), len(text))
		return &Fault{Span{at, wordEnd(text, at)}, parse.Text}
	case errors.As(err, &lang):
		at := min(int(lang.Pos.Offset()), len(text))
		return &Fault{Span{at, wordEnd(text, at)}, lang.Feature + " is not for bash"}
	}
	return &Fault{Span{0, wordEnd(text, 0)}, err.Error()}
}

// wordEnd is the end of the word at a place, at least one byte behind it.
func wordEnd(text string, at int) int {
	end := at
	for end < len(text) && !strings.ContainsRune(" \t\r\n;", rune(text[end])) {
		end++
	}
	return max(end, min(at+1, len(text)))
}

// Runs lists the programs that the script starts and does not define, guard
// with `command -v` or reach by a path, each once.
func (s *Script) Runs() []Word {
	var out []Word
	seen := map[string]bool{}
	for _, c := range s.Commands {
		if s.functions[c.Text] || s.asked[c.Text] || seen[c.Text] || strings.Contains(c.Text, "/") {
			continue
		}
		seen[c.Text] = true
		out = append(out, c)
	}
	return out
}
