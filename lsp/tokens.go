package lsp

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// colours are the tokens that a client was last given for a document.
type colours struct {
	id   int
	data []uint32
}

// tokensLegend says what the numbers in the answers mean.
func tokensLegend() protocol.SemanticTokensLegend {
	return protocol.SemanticTokensLegend{TokenTypes: analysis.TokenKinds, TokenModifiers: []string{"declaration"}}
}

// SemanticTokensFull colours a document.
func (s *Server) SemanticTokensFull(ctx context.Context, params *protocol.SemanticTokensParams) (*protocol.SemanticTokens, error) {
	path := pathOf(params.TextDocument.URI)
	data := s.tokenData(ctx, path, nil)
	return &protocol.SemanticTokens{ResultID: s.remember(path, data), Data: data}, nil
}

// SemanticTokensRange colours what an editor shows of a document.
func (s *Server) SemanticTokensRange(ctx context.Context, params *protocol.SemanticTokensRangeParams) (*protocol.SemanticTokens, error) {
	return &protocol.SemanticTokens{Data: s.tokenData(ctx, pathOf(params.TextDocument.URI), &params.Range)}, nil
}

// SemanticTokensFullDelta tells what changed since an earlier answer, or all if
// that is not remembered.
func (s *Server) SemanticTokensFullDelta(ctx context.Context, params *protocol.SemanticTokensDeltaParams) (protocol.SemanticTokensDeltaResult, error) {
	path := pathOf(params.TextDocument.URI)
	s.coloursMu.Lock()
	before, ok := s.coloured[path]
	s.coloursMu.Unlock()
	data := s.tokenData(ctx, path, nil)
	id := s.remember(path, data)
	if !ok || strconv.Itoa(before.id) != params.PreviousResultID {
		return &protocol.SemanticTokens{ResultID: id, Data: data}, nil
	}
	return &protocol.SemanticTokensDelta{ResultID: id, Edits: tokenEdits(before.data, data)}, nil
}

// tokenEdits is the one edit between what both begin and end with.
func tokenEdits(before, after []uint32) []protocol.SemanticTokensEdit {
	start, end := 0, 0
	for start < min(len(before), len(after)) && before[start] == after[start] {
		start++
	}
	for end < min(len(before), len(after))-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	if start == len(before) && start == len(after) {
		return []protocol.SemanticTokensEdit{}
	}
	return []protocol.SemanticTokensEdit{{
		Start: uint32(start), DeleteCount: uint32(len(before) - end - start), Data: slices.Clone(after[start : len(after)-end]),
	}}
}

// remember keeps an answer for the next one, and gives it a name.
func (s *Server) remember(path string, data []uint32) *string {
	s.coloursMu.Lock()
	defer s.coloursMu.Unlock()
	last := s.coloured[path]
	s.coloured[path] = colours{last.id + 1, data}
	id := strconv.Itoa(last.id + 1)
	return &id
}

// tokenData is five numbers for each token: lines and columns from the one
// before, length, kind and modifiers. A token ends with its line, as not all
// editors accept longer ones.
func (s *Server) tokenData(ctx context.Context, path string, part *protocol.Range) []uint32 {
	project, file := stateOf(ctx).project(path)
	if project == nil {
		return []uint32{}
	}
	span := syntax.Span{End: uint32(len(file.Tree.Text))}
	if part != nil {
		span = syntax.Span{Start: toOffset(s.encoding, file, part.Start), End: toOffset(s.encoding, file, part.End)}
	}
	tokens := project.Tokens(file, span)
	out := make([]uint32, 0, 5*len(tokens))
	var last protocol.Position
	for _, t := range tokens {
		at := toPosition(s.encoding, file, t.Span.Start)
		for i, line := range strings.Split(file.Tree.Text[t.Span.Start:t.Span.End], "\n") {
			if i > 0 {
				at = protocol.Position{Line: at.Line + 1}
			}
			width := units(s.encoding, strings.TrimSuffix(line, "\r"))
			if width == 0 {
				continue
			}
			column := at.Character
			if at.Line == last.Line {
				column -= last.Character
			}
			modifiers := uint32(0)
			if t.Declares {
				modifiers = 1
			}
			out = append(out, at.Line-last.Line, column, uint32(width), uint32(t.Kind), modifiers)
			last = at
		}
	}
	return out
}
