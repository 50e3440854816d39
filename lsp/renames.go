package lsp

import (
	"context"
	"slices"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest"
)

// allFiles makes clients tell of every file and folder that is renamed.
func allFiles() protocol.FileOperationRegistrationOptions {
	scheme := "file"
	return protocol.FileOperationRegistrationOptions{Filters: []protocol.FileOperationFilter{
		{Scheme: &scheme, Pattern: protocol.FileOperationPattern{Glob: "**"}},
	}}
}

// WillRenameFiles keeps the paths in all projects true when files get other
// names or places.
func (s *Server) WillRenameFiles(ctx context.Context, params *protocol.RenameFilesParams) (*protocol.WorkspaceEdit, error) {
	var moves []analysis.FileMove
	for _, f := range params.Files {
		from, to := pathOf(uri.URI(f.OldURI)), pathOf(uri.URI(f.NewURI))
		if from != "" && to != "" {
			moves = append(moves, analysis.FileMove{From: from, To: to})
		}
	}
	var edits []manifest.Edit
	for _, project := range stateOf(ctx).workspaceProjects() {
		for _, e := range project.MoveFiles(moves) {
			// Two projects may have a third in common.
			known := func(other manifest.Edit) bool { return other.File.Path == e.File.Path && other.Span == e.Span }
			if !slices.ContainsFunc(edits, known) {
				edits = append(edits, e)
			}
		}
	}
	if len(edits) == 0 {
		return nil, nil
	}
	return s.workspaceEdit(edits), nil
}
