package lsp

import (
	"context"
	"hash/maphash"
	"strconv"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// resultSeed makes names of results that no other run of the server gives.
var resultSeed = maphash.MakeSeed()

// resultID names what was found, so that a client which has it need not be sent
// it again.
func resultID(found []protocol.Diagnostic) (string, error) {
	data, err := protocol.Marshal(found)
	if err != nil {
		return "", err
	}
	return strconv.FormatUint(maphash.Bytes(resultSeed, data), 36), nil
}

// Diagnostic answers a client that asks for the findings of a document instead
// of waiting to be told.
func (s *Server) Diagnostic(ctx context.Context, params *protocol.DocumentDiagnosticParams) (protocol.DocumentDiagnosticReport, error) {
	found := s.found(stateOf(ctx), pathOf(params.TextDocument.URI))
	id, err := resultID(found)
	if err != nil {
		return nil, err
	}
	if params.PreviousResultID != nil && *params.PreviousResultID == id {
		return &protocol.RelatedUnchangedDocumentDiagnosticReport{UnchangedDocumentDiagnosticReport: unchanged(id)}, nil
	}
	return &protocol.RelatedFullDocumentDiagnosticReport{FullDocumentDiagnosticReport: full(id, found)}, nil
}

func unchanged(id string) protocol.UnchangedDocumentDiagnosticReport {
	return protocol.UnchangedDocumentDiagnosticReport{Kind: "unchanged", ResultID: id}
}

func full(id string, found []protocol.Diagnostic) protocol.FullDocumentDiagnosticReport {
	return protocol.FullDocumentDiagnosticReport{Kind: "full", ResultID: &id, Items: found}
}

// found is what is to be said about a file.
func (s *Server) found(st *state, path string) []protocol.Diagnostic {
	if r := st.revised(); r != nil && r.doc.path == path {
		return s.toDiagnostics(r.Diagnostics())
	}
	if project, file := st.project(path); project != nil {
		return s.toDiagnostics(project.Diagnostics(file))
	}
	return []protocol.Diagnostic{}
}

// DiagnosticWorkspace answers for all files of the projects that the folders
// of the workspace and the open documents belong to.
func (s *Server) DiagnosticWorkspace(ctx context.Context, params *protocol.WorkspaceDiagnosticParams) (*protocol.WorkspaceDiagnosticReport, error) {
	st := stateOf(ctx)
	known := map[uri.URI]string{}
	for _, p := range params.PreviousResultIds {
		known[p.URI] = p.Value
	}
	report := &protocol.WorkspaceDiagnosticReport{Items: []protocol.WorkspaceDocumentDiagnosticReport{}}
	add := func(u uri.URI, version *int32, found []protocol.Diagnostic) error {
		id, err := resultID(found)
		switch {
		case err != nil:
			return err
		case known[u] == id:
			report.Items = append(report.Items, &protocol.WorkspaceUnchangedDocumentDiagnosticReport{
				UnchangedDocumentDiagnosticReport: unchanged(id), URI: u, Version: version,
			})
		default:
			report.Items = append(report.Items, &protocol.WorkspaceFullDocumentDiagnosticReport{
				FullDocumentDiagnosticReport: full(id, found), URI: u, Version: version,
			})
		}
		delete(known, u)
		return nil
	}
	said := map[string]bool{}
	for _, project := range st.workspaceProjects() {
		for _, file := range project.Manifest.Files {
			if ctx.Err() != nil || said[file.Path] {
				continue
			}
			said[file.Path] = true
			u, version := uri.File(file.Path), (*int32)(nil)
			if doc := st.docs[file.Path]; doc != nil {
				u, version = doc.uri, &doc.version
			}
			if err := add(u, version, s.toDiagnostics(project.Diagnostics(file))); err != nil {
				return nil, err
			}
		}
	}
	for u := range known { // files that are no part of a project any more
		if err := add(u, nil, []protocol.Diagnostic{}); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// refreshDiagnostics makes a client that asks for findings ask again.
func (s *Server) refreshDiagnostics() {
	if s.features.pull {
		go func() { _ = s.client.DiagnosticRefresh(context.Background()) }()
	}
}
