package lsp_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.lsp.dev/protocol"
)

// TestPackages: in a workspace that is trusted, the packages of nixpkgs are
// known after a moment; in others nothing is run to find out.
func TestPackages(t *testing.T) {
	if _, err := exec.LookPath("nix"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
	text := "[project]\nname = \"p\"\n[nixpkgs]\nref = \"host\"\n[targets.a]\nkind = \"custom\"\ninstall_script = \"touch $out\"\ndeps.nixpkgs = [\"coreutilz\", \"git\"]\n"
	ask := func(e *editor) (hover string, labels []string) {
		t.Helper()
		params := &protocol.HoverParams{}
		params.TextDocument.URI, params.Position = e.uri("rigx.toml"), protocol.Position{Line: 7, Character: 31}
		h, err := e.server.Hover(t.Context(), params)
		if err != nil || h == nil {
			t.Fatal(h, err)
		}
		complete := &protocol.CompletionParams{TextDocumentPositionParams: params.TextDocumentPositionParams}
		result, err := e.server.Completion(t.Context(), complete)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range result.(*protocol.CompletionList).Items {
			labels = append(labels, item.Label)
		}
		return h.Contents.(*protocol.MarkupContent).Value, labels
	}
	e := openWith(t, func(p *protocol.InitializeParams) { p.InitializationOptions = protocol.LSPAny(`{"trusted": true}`) }, "rigx.toml", text)
	e.didOpen("rigx.toml", text)
	e.until("the doubt about coreutilz", func() bool {
		p := e.published[e.uri("rigx.toml")]
		return p != nil && len(p.Diagnostics) == 1 && strings.Contains(string(p.Diagnostics[0].Message.(protocol.String)), "did you mean `coreutils`?")
	})
	hover, labels := ask(e)
	if !strings.Contains(hover, "**git** host") || len(labels) < 2 {
		t.Error(hover, labels)
	}

	untrusted := open(t, "rigx.toml", text)
	untrusted.didOpen("rigx.toml", text)
	untrusted.diagnostics("rigx.toml", 1)
	if hover, labels := ask(untrusted); strings.Contains(hover, "**git**") || len(labels) > 1 {
		t.Error("without trust:", hover, labels)
	}
}
