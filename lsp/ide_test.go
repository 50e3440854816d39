package lsp_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/protocol"
)

// TestIDE: in a workspace that is trusted, a save brings compile_commands.json
// up to date, if rigx wrote it; in others nothing is run.
func TestIDE(t *testing.T) {
	for _, program := range []string{"nix", "gcc"} {
		if _, err := exec.LookPath(program); err != nil {
			if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
				t.Fatal(program + " is missing")
			}
			t.Skip(program + " is missing")
		}
	}
	text := "[project]\nname = \"p\"\n[nixpkgs]\nref = \"host\"\n[targets.a]\nkind = \"executable\"\nsources = [\"a.c\"]\ndefines = { OLD = 1 }\n"
	newer := strings.Replace(text, "OLD", "NEW", 1)
	const written = `[{"directory": "/", "file": "/a.c", "arguments": [], "output": ".rigx/ide/a.o"}]`
	commands := func(e *editor) string {
		data, err := os.ReadFile(filepath.Join(e.dir, "compile_commands.json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	save := func(e *editor) {
		t.Helper()
		e.didOpen("rigx.toml", text)
		e.diagnostics("rigx.toml", 1)
		if err := os.WriteFile(filepath.Join(e.dir, "rigx.toml"), []byte(newer), 0o644); err != nil {
			t.Fatal(err)
		}
		params := &protocol.DidSaveTextDocumentParams{}
		params.TextDocument.URI = e.uri("rigx.toml")
		if err := e.server.DidSave(t.Context(), params); err != nil {
			t.Fatal(err)
		}
	}
	trusted := func(p *protocol.InitializeParams) { p.InitializationOptions = protocol.LSPAny(`{"trusted": true}`) }
	files := []string{"rigx.toml", text, "a.c", "int main(void) { return 0; }\n", "compile_commands.json"}

	e := openWith(t, trusted, append(files, written)...)
	save(e)
	for begun := time.Now(); !strings.Contains(commands(e), `"-DNEW=1"`); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("waited in vain for the new define; log: %q", e.log)
		}
	}

	foreign := openWith(t, trusted, append(files, "[]")...)
	save(foreign)
	untrusted := open(t, append(files, written)...)
	save(untrusted)
	time.Sleep(2 * time.Second) // nothing to wait for
	if commands(foreign) != "[]" || commands(untrusted) != written {
		t.Error("files were written that must stay")
	}
}
