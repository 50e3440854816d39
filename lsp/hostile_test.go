package lsp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/protocol"
)

// TestHostileFiles: whatever a file holds, everything that is asked of it is
// answered.
func TestHostileFiles(t *testing.T) {
	long := 20 << 20
	if testing.Short() {
		long = 2 << 20
	}
	const custom = "[project]\nname = \"p\"\n[targets.a]\nkind = \"custom\"\ninstall_script = "
	for name, text := range map[string]string{
		"empty":          "",
		"20 MB of text":  strings.Repeat("x", long),
		"20 MB of lines": "[project]\nname = \"p\"\n" + strings.Repeat("# line\n", long/7),
		"2 MB of keys":   "[project]\nname = \"p\"\n[vars]\n" + strings.Repeat("a = [\"b\"]\n", long/100),
		"brackets":       "[project]\nname = \"p\"\nx = " + strings.Repeat("[", 200_000),
		"tables":         strings.Repeat("[a.", 100_000),
		"quotes":         strings.Repeat(`"""`, 100_000),
		"braces":         custom + "\"" + strings.Repeat("${", 100_000) + "\"\n",
		"shell":          custom + "'''\n" + strings.Repeat("$(", 50_000) + "\n'''\n",
		"includes":       "include = [\"rigx.toml\", \"**/*\", \"/**\", \"nowhere.toml\"]\n[project]\nname = \"p\"\n",
		"NUL":            "[project]\nname = \"\x00\"\n\x00\xff\xfe",
		"UTF-16":         "\xff\xfe[\x00p\x00",
	} {
		t.Run(name, func(t *testing.T) {
			e := open(t, "rigx.toml", "")
			e.didOpen("rigx.toml", strings.ToValidUTF8(text, "\uFFFD"))
			e.diagnostics("rigx.toml", 1)
			for _, p := range []protocol.Position{{}, {Line: 2, Character: 5}, {Line: 1 << 30, Character: 1 << 30}} {
				for what, err := range e.askAll("rigx.toml", p) {
					t.Errorf("%s at %v: %v", what, p, err)
				}
			}
		})
	}
}

// askAll asks everything about a place, and returns what was not answered.
func (e *editor) askAll(name string, p protocol.Position) map[string]error {
	doc, ctx := protocol.TextDocumentIdentifier{URI: e.uri(name)}, e.t.Context()
	at := protocol.TextDocumentPositionParams{TextDocument: doc, Position: p}
	failed := map[string]error{}
	note := func(what string, err error) {
		if err != nil {
			failed[what] = err
		}
	}
	_, err := e.server.Completion(ctx, &protocol.CompletionParams{TextDocumentPositionParams: at})
	note("completion", err)
	_, err = e.server.Hover(ctx, &protocol.HoverParams{TextDocumentPositionParams: at})
	note("hover", err)
	_, err = e.server.Definition(ctx, &protocol.DefinitionParams{TextDocumentPositionParams: at})
	note("definition", err)
	_, err = e.server.References(ctx, &protocol.ReferenceParams{TextDocumentPositionParams: at})
	note("references", err)
	_, err = e.server.DocumentHighlight(ctx, &protocol.DocumentHighlightParams{TextDocumentPositionParams: at})
	note("highlight", err)
	_, err = e.server.CodeAction(ctx, &protocol.CodeActionParams{TextDocument: doc, Range: protocol.Range{Start: p, End: p}})
	note("actions", err)
	_, err = e.server.SelectionRange(ctx, &protocol.SelectionRangeParams{TextDocument: doc, Positions: []protocol.Position{p}})
	note("selection", err)
	_, err = e.server.SemanticTokensRange(ctx, &protocol.SemanticTokensRangeParams{TextDocument: doc, Range: protocol.Range{End: p}})
	note("tokens", err)
	_, err = e.server.InlayHint(ctx, &protocol.InlayHintParams{TextDocument: doc, Range: protocol.Range{End: p}})
	note("hints", err)
	_, err = e.server.DocumentSymbol(ctx, &protocol.DocumentSymbolParams{TextDocument: doc})
	note("symbols", err)
	_, err = e.server.FoldingRanges(ctx, &protocol.FoldingRangeParams{TextDocument: doc})
	note("folds", err)
	_, err = e.server.DocumentLink(ctx, &protocol.DocumentLinkParams{TextDocument: doc})
	note("links", err)
	_, err = e.server.Formatting(ctx, &protocol.DocumentFormattingParams{TextDocument: doc})
	note("formatting", err)
	e.lenses(name)
	return failed
}

// TestVanishingFiles: files and folders may go while they are open.
func TestVanishingFiles(t *testing.T) {
	text := "include = [\"more.toml\"]\n[project]\nname = \"p\"\n"
	e := open(t, "rigx.toml", text, "more.toml", "[targets.a]\nkind = \"custom\"\ninstall_script = \"touch $out\"\n")
	e.didOpen("rigx.toml", text)
	if got := e.diagnostics("rigx.toml", 1); len(got) != 0 {
		t.Error(got)
	}
	if err := os.Remove(filepath.Join(e.dir, "more.toml")); err != nil {
		t.Fatal(err)
	}
	if err := e.server.DidChangeWatchedFiles(t.Context(), &protocol.DidChangeWatchedFilesParams{}); err != nil {
		t.Fatal(err)
	}
	e.until("the missing file to be told", func() bool { return len(e.published[e.uri("rigx.toml")].Diagnostics) == 1 })
	if err := os.RemoveAll(e.dir); err != nil {
		t.Fatal(err)
	}
	if err := e.server.DidChangeWatchedFiles(t.Context(), &protocol.DidChangeWatchedFilesParams{}); err != nil {
		t.Fatal(err)
	}
	e.edit("rigx.toml", 2, protocol.Position{}, protocol.Position{}, "# x\n")
	e.diagnostics("rigx.toml", 2)
	if err := e.server.DidClose(t.Context(), &protocol.DidCloseTextDocumentParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("rigx.toml")}}); err != nil {
		t.Fatal(err)
	}
	e.until("the document to be forgotten", func() bool { return len(e.published[e.uri("rigx.toml")].Diagnostics) == 0 })
}

// TestTrace: a client that asks is told of each message.
func TestTrace(t *testing.T) {
	e := openWith(t, func(p *protocol.InitializeParams) {
		p.Trace = protocol.TraceValueVerbose
		p.InitializationOptions = protocol.LSPAny(`{"logLevel": "info"}`)
	}, "rigx.toml", project)
	e.didOpen("rigx.toml", project)
	e.until("a trace of didOpen", func() bool {
		text := strings.Join(e.traces, "\n")
		return strings.Contains(text, "textDocument/didOpen: ") && strings.Contains(text, `"languageId":"toml"`)
	})
	e.until("a word on what was judged", func() bool {
		return strings.Contains(strings.Join(e.log, "\n"), "1 projects and 1 documents judged in ")
	})
	if err := e.server.SetTrace(t.Context(), &protocol.SetTraceParams{Value: protocol.TraceValueOff}); err != nil {
		t.Fatal(err)
	}
}
