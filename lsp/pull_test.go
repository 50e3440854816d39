package lsp_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// pulls makes a client ask for diagnostics.
func pulls(p *protocol.InitializeParams) {
	yes := true
	p.Capabilities.TextDocument = &protocol.TextDocumentClientCapabilities{Diagnostic: &protocol.DiagnosticClientCapabilities{}}
	p.Capabilities.Workspace = &protocol.WorkspaceClientCapabilities{Diagnostics: &protocol.DiagnosticWorkspaceClientCapabilities{RefreshSupport: &yes}}
}

// TestPull: a client that asks is answered, and told nothing by itself.
func TestPull(t *testing.T) {
	const text = "include = [\"more.toml\"]\n[project]\nname = \"p\"\n\n[targets.a]\nkind = \"custom\"\ninstall_script = \"touch $out\"\n"
	const more = "[targets.b]\nkind = \"costum\"\n"
	e := openWith(t, pulls, "rigx.toml", text, "more.toml", more)
	e.didOpen("rigx.toml", text)
	ask := func(name, previous string) (id string, found []protocol.Diagnostic, same bool) {
		t.Helper()
		params := &protocol.DocumentDiagnosticParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri(name)}}
		if previous != "" {
			params.PreviousResultID = &previous
		}
		report, err := e.server.Diagnostic(t.Context(), params)
		if err != nil {
			t.Fatal(err)
		}
		switch r := report.(type) {
		case *protocol.RelatedFullDocumentDiagnosticReport:
			return *r.ResultID, r.Items, false
		case *protocol.RelatedUnchangedDocumentDiagnosticReport:
			return r.ResultID, nil, true
		}
		t.Fatalf("%T", report)
		return
	}
	id, found, _ := ask("rigx.toml", "")
	if len(found) != 0 {
		t.Error(found)
	}
	if again, _, same := ask("rigx.toml", id); !same || again != id {
		t.Error("nothing changed, but the answer did")
	}
	e.edit("rigx.toml", 2, protocol.Position{Line: 5, Character: 8}, protocol.Position{Line: 5, Character: 9}, "k")
	id2, found, same := ask("rigx.toml", id)
	if same || id2 == id || len(found) != 1 {
		t.Error(id2, found, same)
	}

	report, err := e.server.DiagnosticWorkspace(t.Context(), &protocol.WorkspaceDiagnosticParams{
		PreviousResultIds: []protocol.PreviousResultId{{URI: e.uri("rigx.toml"), Value: id2}, {URI: e.uri("gone.toml"), Value: "x"}},
	})
	if err != nil || len(report.Items) != 3 {
		t.Fatal(report, err)
	}
	if r, ok := report.Items[0].(*protocol.WorkspaceUnchangedDocumentDiagnosticReport); !ok || r.URI != e.uri("rigx.toml") || *r.Version != 2 {
		t.Errorf("%+v", report.Items[0])
	}
	if r, ok := report.Items[1].(*protocol.WorkspaceFullDocumentDiagnosticReport); !ok || r.URI != e.uri("more.toml") || len(r.Items) != 1 {
		t.Errorf("%+v", report.Items[1])
	}
	if r, ok := report.Items[2].(*protocol.WorkspaceFullDocumentDiagnosticReport); !ok || len(r.Items) != 0 {
		t.Errorf("a file that is gone keeps its findings: %+v", report.Items[2])
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.published) != 0 {
		t.Error("told without being asked:", e.published)
	}
}

// TestPullFolder: files of a folder are judged though none is open.
func TestPullFolder(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e := openWith(t, func(p *protocol.InitializeParams) {
		pulls(p)
		p.WorkspaceFolders = protocol.NewNullable([]protocol.WorkspaceFolder{{URI: uri.File(dir), Name: "x"}})
	})
	e.dir = dir
	e.write("rigx.toml", "[project]\nname = 1\n")
	report, err := e.server.DiagnosticWorkspace(t.Context(), &protocol.WorkspaceDiagnosticParams{})
	if err != nil || len(report.Items) != 1 {
		t.Fatal(report, err)
	}
	err = e.server.DidChangeWorkspaceFolders(t.Context(), &protocol.DidChangeWorkspaceFoldersParams{
		Event: protocol.WorkspaceFoldersChangeEvent{Removed: []protocol.WorkspaceFolder{{URI: uri.File(dir), Name: "x"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err = e.server.DiagnosticWorkspace(t.Context(), &protocol.WorkspaceDiagnosticParams{})
	if err != nil || len(report.Items) != 0 {
		t.Fatal(report, err)
	}
}

// TestSemanticTokens: what changed is sent, and adds up to what is asked for as
// a whole; positions count UTF-16.
func TestSemanticTokens(t *testing.T) {
	const text = "[project]\r\nname = \"😀\" # c\r\n\r\n[targets.a]\r\nkind = \"custom\"\r\ninstall_script = '''\r\nif true; then touch $out; fi\r\n'''\r\n"
	e := open(t, "rigx.toml", text)
	e.didOpen("rigx.toml", text)
	doc := protocol.TextDocumentIdentifier{URI: e.uri("rigx.toml")}
	first, err := e.server.SemanticTokensFull(t.Context(), &protocol.SemanticTokensParams{TextDocument: doc})
	if err != nil || len(first.Data) < 50 {
		t.Fatal(first, err)
	}
	// [project]; name = "😀", which is 4 units wide; the comment.
	want := []uint32{0, 1, 7, 0, 0, 1, 0, 4, 3, 0, 0, 7, 4, 8, 0, 0, 5, 3, 10, 0}
	if diff := cmp.Diff(want, first.Data[:len(want)]); diff != "" {
		t.Error(diff)
	}
	e.edit("rigx.toml", 2, protocol.Position{Line: 1, Character: 0}, protocol.Position{Line: 1, Character: 0}, "# a line\r\n")
	delta, err := e.server.SemanticTokensFullDelta(t.Context(), &protocol.SemanticTokensDeltaParams{TextDocument: doc, PreviousResultID: *first.ResultID})
	if err != nil {
		t.Fatal(err)
	}
	edits := delta.(*protocol.SemanticTokensDelta).Edits
	if len(edits) != 1 || len(edits[0].Data) != 5 {
		t.Error("one line brings these edits:", edits)
	}
	data := slices.Clone(first.Data)
	for _, edit := range edits {
		data = slices.Replace(data, int(edit.Start), int(edit.Start+edit.DeleteCount), edit.Data...)
	}
	whole, err := e.server.SemanticTokensFull(t.Context(), &protocol.SemanticTokensParams{TextDocument: doc})
	if diff := cmp.Diff(whole.Data, data); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if stale, err := e.server.SemanticTokensFullDelta(t.Context(), &protocol.SemanticTokensDeltaParams{TextDocument: doc, PreviousResultID: *first.ResultID}); err != nil {
		t.Error(err)
	} else if _, ok := stale.(*protocol.SemanticTokens); !ok {
		t.Error("a difference from what the client does not have")
	}
	part, err := e.server.SemanticTokensRange(t.Context(), &protocol.SemanticTokensRangeParams{TextDocument: doc, Range: span(0, 0, 0, 9)})
	if err != nil || len(part.Data) < 5 || len(part.Data) >= len(whole.Data) {
		t.Error(part, err)
	}
}

// TestWillRenameFiles: paths follow a file, in buffers as they are.
func TestWillRenameFiles(t *testing.T) {
	const text = "[project]\nname = \"p\"\n\n[targets.a]\nkind = \"executable\"\nsources = [\"a.c\"]\n"
	e := open(t, "rigx.toml", "", "a.c", "")
	e.didOpen("rigx.toml", text)
	edit, err := e.server.WillRenameFiles(t.Context(), &protocol.RenameFilesParams{Files: []protocol.FileRename{
		{OldURI: string(e.uri("a.c")), NewURI: string(e.uri("src/a.c"))},
	}})
	if err != nil || len(edit.Changes[e.uri("rigx.toml")]) != 1 || edit.Changes[e.uri("rigx.toml")][0].NewText != "src/a.c" {
		t.Error(edit, err)
	}
	edit, err = e.server.WillRenameFiles(t.Context(), &protocol.RenameFilesParams{Files: []protocol.FileRename{
		{OldURI: string(e.uri("b.c")), NewURI: "untitled:x"},
	}})
	if edit != nil || err != nil {
		t.Error(edit, err)
	}
}

// TestCompletionResolve: the documentation of a target comes when it is asked
// for.
func TestCompletionResolve(t *testing.T) {
	const text = "[project]\nname = \"p\"\n\n[targets.a]\nkind = \"custom\"\ndescription = \"The first.\"\ninstall_script = \"touch $out\"\n\n[targets.b]\nkind = \"custom\"\ninstall_script = \"touch $out\"\ndeps.internal = []\n"
	e := open(t, "rigx.toml", text)
	e.didOpen("rigx.toml", text)
	params := &protocol.CompletionParams{}
	params.TextDocument.URI, params.Position = e.uri("rigx.toml"), protocol.Position{Line: 11, Character: 17}
	result, err := e.server.Completion(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	item := result.(*protocol.CompletionList).Items[0]
	if item.Label != "a" || item.Documentation != nil {
		t.Fatalf("%+v", item)
	}
	resolved, err := e.server.CompletionResolve(t.Context(), &item)
	if doc, ok := resolved.Documentation.(*protocol.MarkupContent); err != nil || !ok || doc.Value == "" {
		t.Errorf("%+v %v", resolved, err)
	}
	item.Data = protocol.LSPAny(`[1]`)
	if _, err := e.server.CompletionResolve(t.Context(), &item); err == nil {
		t.Error("data that is not ours is accepted")
	}
}
