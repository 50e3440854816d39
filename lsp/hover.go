package lsp

import (
	"context"

	"go.lsp.dev/protocol"
)

// Hover explains what is under the cursor.
func (s *Server) Hover(ctx context.Context, params *protocol.HoverParams) (*protocol.Hover, error) {
	project, file := stateOf(ctx).project(pathOf(params.TextDocument.URI))
	if project == nil {
		return nil, nil
	}
	h, ok := project.Hover(file, toOffset(s.encoding, file, params.Position))
	if !ok {
		return nil, nil
	}
	if text := s.describePackage(ctx, project.Manifest.Dir, h.Package); text != "" {
		h.Markdown = text
	}
	r := toRange(s.encoding, file, h.Span)
	return &protocol.Hover{
		Contents: &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: h.Markdown},
		Range:    &r,
	}, nil
}
