package lsp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.lsp.dev/protocol"
)

// The features that answer questions about a place, through the protocol; what
// they answer is tested in package analysis.
func TestFeatures(t *testing.T) {
	const text = `[project]
name = "p"

[targets.greet]
kind = "static_library"
sources = ["src/*.c"]

[targets.hello]
kind = "executable"
sources = ["src/a.c"]
deps.internal = ["greet", "gret"]
`
	e := openWith(t, func(p *protocol.InitializeParams) {
		yes := true
		p.Capabilities.TextDocument = &protocol.TextDocumentClientCapabilities{Completion: &protocol.CompletionClientCapabilities{
			CompletionItem: &protocol.ClientCompletionItemOptions{SnippetSupport: &yes},
		}}
	}, "rigx.toml", text, "src/a.c", "", "more.toml", "")
	e.didOpen("rigx.toml", text)
	doc := protocol.TextDocumentIdentifier{URI: e.uri("rigx.toml")}
	at := func(line, character uint32) protocol.TextDocumentPositionParams {
		return protocol.TextDocumentPositionParams{TextDocument: doc, Position: protocol.Position{Line: line, Character: character}}
	}
	ctx := t.Context()

	def, err := e.server.Definition(ctx, &protocol.DefinitionParams{TextDocumentPositionParams: at(10, 20)})
	want := protocol.LocationSlice{{URI: e.uri("rigx.toml"), Range: span(3, 9, 3, 14)}}
	if diff := cmp.Diff(protocol.DefinitionResult(want), def); diff != "" || err != nil {
		t.Error(diff, err)
	}
	refs, err := e.server.References(ctx, &protocol.ReferenceParams{TextDocumentPositionParams: at(3, 10), Context: protocol.ReferenceContext{IncludeDeclaration: true}})
	if len(refs) != 2 || err != nil {
		t.Error(refs, err)
	}
	marks, err := e.server.DocumentHighlight(ctx, &protocol.DocumentHighlightParams{TextDocumentPositionParams: at(3, 10)})
	if len(marks) != 2 || marks[0].Kind != protocol.DocumentHighlightKindWrite || err != nil {
		t.Error(marks, err)
	}
	prepared, err := e.server.PrepareRename(ctx, &protocol.PrepareRenameParams{TextDocumentPositionParams: at(10, 20)})
	if p, ok := prepared.(*protocol.PrepareRenamePlaceholder); !ok || p.Placeholder != "greet" || err != nil {
		t.Error(prepared, err)
	}
	renamed, err := e.server.Rename(ctx, &protocol.RenameParams{TextDocumentPositionParams: at(10, 20), NewName: "hi"})
	if err != nil || len(renamed.Changes[doc.URI]) != 2 || renamed.Changes[doc.URI][0].NewText != "hi" {
		t.Error(renamed, err)
	}
	if _, err := e.server.Rename(ctx, &protocol.RenameParams{TextDocumentPositionParams: at(10, 20), NewName: "hello"}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Error("a taken name is accepted:", err)
	}

	completed, err := e.server.Completion(ctx, &protocol.CompletionParams{TextDocumentPositionParams: at(8, 10)})
	if list, ok := completed.(*protocol.CompletionList); !ok || err != nil || len(list.Items) == 0 || list.Items[0].Label != "executable" {
		t.Errorf("%+v %v", completed, err)
	}
	symbols, err := e.server.DocumentSymbol(ctx, &protocol.DocumentSymbolParams{TextDocument: doc})
	if list, ok := symbols.(protocol.DocumentSymbolSlice); !ok || len(list) != 3 || list[1].Name != "greet" || err != nil {
		t.Error(symbols, err)
	}
	found, err := e.server.Symbols(ctx, &protocol.WorkspaceSymbolParams{Query: "hlo"})
	if list, ok := found.(protocol.SymbolInformationSlice); !ok || len(list) != 1 || list[0].Name != "hello" || err != nil {
		t.Error(found, err)
	}
	folds, err := e.server.FoldingRanges(ctx, &protocol.FoldingRangeParams{TextDocument: doc})
	if len(folds) != 3 || err != nil {
		t.Error(folds, err)
	}
	selected, err := e.server.SelectionRange(ctx, &protocol.SelectionRangeParams{TextDocument: doc, Positions: []protocol.Position{{Line: 10, Character: 20}}})
	if len(selected) != 1 || selected[0].Range != span(10, 18, 10, 23) || selected[0].Parent == nil || err != nil {
		t.Error(selected, err)
	}
	links, err := e.server.DocumentLink(ctx, &protocol.DocumentLinkParams{TextDocument: doc})
	if len(links) != 1 || *links[0].Target != e.uri("src/a.c") || err != nil {
		t.Error(links, err)
	}
	hints, err := e.server.InlayHint(ctx, &protocol.InlayHintParams{TextDocument: doc, Range: span(0, 0, 99, 0)})
	if len(hints) != 3 || err != nil {
		t.Error(hints, err)
	}
	edits, err := e.server.Formatting(ctx, &protocol.DocumentFormattingParams{TextDocument: doc})
	if len(edits) != 1 || edits[0].Range.Start.Line != 4 || err != nil {
		t.Error(edits, err)
	}
	actions, err := e.server.CodeAction(ctx, &protocol.CodeActionParams{TextDocument: doc, Range: span(10, 28, 10, 28)})
	if err != nil || len(actions) == 0 || actions[0].(*protocol.CodeAction).Edit.Changes[doc.URI][0].NewText != "greet" {
		t.Error(actions, err)
	}
	items, err := e.server.PrepareCallHierarchy(ctx, &protocol.CallHierarchyPrepareParams{TextDocumentPositionParams: at(3, 10)})
	if len(items) != 1 || err != nil {
		t.Fatal(items, err)
	}
	calls, err := e.server.IncomingCalls(ctx, &protocol.CallHierarchyIncomingCallsParams{Item: items[0]})
	if len(calls) != 1 || calls[0].From.Name != "hello" || err != nil {
		t.Error(calls, err)
	}
	out, err := e.server.OutgoingCalls(ctx, &protocol.CallHierarchyOutgoingCallsParams{Item: calls[0].From})
	if len(out) != 1 || out[0].To.Name != "greet" || err != nil {
		t.Error(out, err)
	}
}

func span(line, character, endLine, endCharacter uint32) protocol.Range {
	return protocol.Range{Start: protocol.Position{Line: line, Character: character}, End: protocol.Position{Line: endLine, Character: endCharacter}}
}

// TestCreateFile: an editor that can is told to create a file that is missing.
func TestCreateFile(t *testing.T) {
	const text = `[project]
name = "p"

[targets.hello]
kind = "executable"
sources = ["src/missing.c"]
`
	e := openWith(t, func(p *protocol.InitializeParams) {
		p.Capabilities.Workspace = &protocol.WorkspaceClientCapabilities{WorkspaceEdit: &protocol.WorkspaceEditClientCapabilities{
			ResourceOperations: []protocol.ResourceOperationKind{protocol.ResourceOperationKindCreate},
		}}
	}, "rigx.toml", text)
	e.didOpen("rigx.toml", text)
	var sent answer
	_, err := e.conn.Call(t.Context(), protocol.MethodTextDocumentCodeAction, &protocol.CodeActionParams{
		TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("rigx.toml")}, Range: span(5, 15, 5, 15),
	}, &sent)
	want := `"documentChanges":[{"kind":"create","uri":"` + string(e.uri("src/missing.c")) + `"}]`
	if err != nil || !strings.Contains(string(sent), want) {
		t.Errorf("%s\nhas no %s (%v)", sent, want, err)
	}
}

// answer is what was sent, as text.
type answer string

func (a *answer) UnmarshalJSON(data []byte) error {
	*a = answer(data) // a copy: the client's memory is used again
	return nil
}
