package lsp

import (
	"context"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// place is a position in a file of a project.
type place struct {
	project *analysis.Snapshot
	file    *syntax.File
	offset  uint32
}

// find returns where a position is; project is nil if it is in no project.
func (s *Server) find(ctx context.Context, doc protocol.TextDocumentIdentifier, at protocol.Position) place {
	project, file := stateOf(ctx).project(pathOf(doc.URI))
	if project == nil {
		return place{}
	}
	return place{project, file, toOffset(s.encoding, file, at)}
}

// named returns the name at a position.
func (s *Server) named(ctx context.Context, doc protocol.TextDocumentIdentifier, position protocol.Position) (place, analysis.Mention, bool) {
	at := s.find(ctx, doc, position)
	if at.project == nil {
		return at, analysis.Mention{}, false
	}
	m, ok := at.project.MentionAt(at.file, at.offset)
	return at, m, ok
}

func (s *Server) location(at manifest.Location) protocol.Location {
	return protocol.Location{URI: uri.File(at.File.Path), Range: toRange(s.encoding, at.File, at.Span)}
}

func locationOf(m analysis.Mention) manifest.Location {
	return manifest.Location{File: m.File, Span: m.Span}
}

// Definition leads to where a name is given, or to a file.
func (s *Server) Definition(ctx context.Context, params *protocol.DefinitionParams) (protocol.DefinitionResult, error) {
	at := s.find(ctx, params.TextDocument, params.Position)
	if at.project == nil {
		return nil, nil
	}
	_, to, path := at.project.Definition(at.file, at.offset)
	switch {
	case to.File != nil:
		return protocol.LocationSlice{s.location(to)}, nil
	case path != "":
		return protocol.LocationSlice{{URI: uri.File(path)}}, nil
	}
	return nil, nil
}

// References lists where a thing is named.
func (s *Server) References(ctx context.Context, params *protocol.ReferenceParams) ([]protocol.Location, error) {
	at, m, ok := s.named(ctx, params.TextDocument, params.Position)
	if !ok {
		return nil, nil
	}
	out := []protocol.Location{}
	for _, ref := range at.project.References(m.Symbol) {
		if params.Context.IncludeDeclaration || !ref.Defines() {
			out = append(out, s.location(locationOf(ref)))
		}
	}
	return out, nil
}

// DocumentHighlight marks what is named under the cursor in this file.
func (s *Server) DocumentHighlight(ctx context.Context, params *protocol.DocumentHighlightParams) ([]protocol.DocumentHighlight, error) {
	at, m, ok := s.named(ctx, params.TextDocument, params.Position)
	if !ok {
		return nil, nil
	}
	out := []protocol.DocumentHighlight{}
	for _, ref := range at.project.Mentions(at.file) {
		if ref.Symbol != m.Symbol {
			continue
		}
		kind := protocol.DocumentHighlightKindRead
		if ref.Defines() {
			kind = protocol.DocumentHighlightKindWrite
		}
		out = append(out, protocol.DocumentHighlight{Range: toRange(s.encoding, at.file, ref.Span), Kind: kind})
	}
	return out, nil
}

// PrepareRename says what would be renamed.
func (s *Server) PrepareRename(ctx context.Context, params *protocol.PrepareRenameParams) (protocol.PrepareRenameResult, error) {
	at, m, ok := s.named(ctx, params.TextDocument, params.Position)
	if !ok {
		return nil, nil
	}
	return &protocol.PrepareRenamePlaceholder{Range: toRange(s.encoding, at.file, m.Span), Placeholder: m.Symbol.Text}, nil
}

// Rename gives a thing another name in all files.
func (s *Server) Rename(ctx context.Context, params *protocol.RenameParams) (*protocol.WorkspaceEdit, error) {
	at := s.find(ctx, params.TextDocument, params.Position)
	if at.project == nil {
		return nil, nil
	}
	edits, err := at.project.Rename(at.file, at.offset, params.NewName)
	if err != nil {
		return nil, jsonrpc2.Errorf(requestFailed, "%v", err)
	}
	return s.workspaceEdit(edits), nil
}

// requestFailed is the protocol's code for a request that was fine but cannot
// be carried out.
const requestFailed = -32803

func (s *Server) workspaceEdit(edits []manifest.Edit) *protocol.WorkspaceEdit {
	changes := map[uri.URI][]protocol.TextEdit{}
	for _, e := range edits {
		u := uri.File(e.File.Path)
		changes[u] = append(changes[u], protocol.TextEdit{Range: toRange(s.encoding, e.File, e.Span), NewText: e.Text})
	}
	return &protocol.WorkspaceEdit{Changes: changes}
}

// DocumentLink lists the paths and addresses in a file.
func (s *Server) DocumentLink(ctx context.Context, params *protocol.DocumentLinkParams) ([]protocol.DocumentLink, error) {
	project, file := stateOf(ctx).project(pathOf(params.TextDocument.URI))
	if project == nil {
		return nil, nil
	}
	out := []protocol.DocumentLink{}
	for _, l := range project.Links(file) {
		target := uri.URI(l.URL)
		if l.Path != "" {
			target = uri.File(l.Path)
		}
		out = append(out, protocol.DocumentLink{Range: toRange(s.encoding, file, l.Span), Target: &target})
	}
	return out, nil
}
