package lsp

import (
	"context"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Formatting writes a file in its canonical shape, as the smallest change of
// whole lines, so that the cursor stays where it is.
func (s *Server) Formatting(ctx context.Context, params *protocol.DocumentFormattingParams) ([]protocol.TextEdit, error) {
	_, file := stateOf(ctx).project(pathOf(params.TextDocument.URI))
	if file == nil {
		return nil, nil
	}
	out := []protocol.TextEdit{}
	for _, e := range analysis.Format(file) {
		out = append(out, protocol.TextEdit{Range: toRange(s.encoding, file, e.Span), NewText: e.Text})
	}
	return out, nil
}

// CodeAction lists what can be done about a part of a file.
func (s *Server) CodeAction(ctx context.Context, params *protocol.CodeActionParams) ([]protocol.CommandOrCodeAction, error) {
	project, file := stateOf(ctx).project(pathOf(params.TextDocument.URI))
	if project == nil {
		return nil, nil
	}
	span := syntax.Span{Start: toOffset(s.encoding, file, params.Range.Start), End: toOffset(s.encoding, file, params.Range.End)}
	out := []protocol.CommandOrCodeAction{}
	for _, a := range project.Actions(file, span) {
		kind := protocol.CodeActionKindRefactorRewrite
		action := &protocol.CodeAction{Title: a.Title, Kind: &kind}
		if a.Fixes != nil {
			kind = protocol.CodeActionKindQuickFix
			action.Diagnostics = []protocol.Diagnostic{s.toDiagnostic(a.Fixes)}
			action.IsPreferred = &a.Preferred
		}
		switch {
		case a.UpdateHashes:
			if !stateOf(ctx).settings.trusted() {
				continue
			}
			command, err := rigxCommand("build", a.Title, commandArgument{Project: uri.File(project.Manifest.Dir), Target: a.Target, UpdateHashes: true})
			if err != nil {
				return nil, err
			}
			action.Command = command
		case a.Create != "":
			if !s.features.createFiles {
				continue
			}
			action.Edit = &protocol.WorkspaceEdit{DocumentChanges: []protocol.DocumentChange{&protocol.CreateFile{Kind: "create", URI: uri.File(a.Create)}}}
		default:
			action.Edit = s.workspaceEdit(a.Edits)
		}
		out = append(out, action)
	}
	return out, nil
}

// InlayHint lists remarks to show inside the text.
func (s *Server) InlayHint(ctx context.Context, params *protocol.InlayHintParams) ([]protocol.InlayHint, error) {
	project, file := stateOf(ctx).project(pathOf(params.TextDocument.URI))
	if project == nil {
		return nil, nil
	}
	span := syntax.Span{Start: toOffset(s.encoding, file, params.Range.Start), End: toOffset(s.encoding, file, params.Range.End)}
	yes := true
	out := []protocol.InlayHint{}
	for _, h := range project.Hints(file, span) {
		out = append(out, protocol.InlayHint{
			Position: toPosition(s.encoding, file, h.Offset), Label: protocol.String(h.Text), PaddingLeft: &yes,
		})
	}
	return out, nil
}
