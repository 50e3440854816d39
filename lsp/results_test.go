package lsp_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/protocol"

	"github.com/rigx-build/rigx/engine/history"
	"github.com/rigx-build/rigx/engine/problem"
)

// TestResults: what rigx remembers of a build is shown in lenses and in the
// source files, and vanishes with the next build.
func TestResults(t *testing.T) {
	program(t) // it is built with the cache of the user
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	cache, err := history.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	text := "[project]\nname = \"p\"\n[targets.hello]\nkind = \"executable\"\nsources = [\"a.c\"]\n"
	e := open(t, "rigx.toml", text, "a.c", "int x;\n\tint 🙂 = yes;\n")
	e.didOpen("rigx.toml", text)
	e.diagnostics("rigx.toml", 1)
	if got := e.lenses("rigx.toml"); got[0].Command.Title != "Build" {
		t.Error(got[0].Command.Title)
	}
	remember := func(r history.Record) {
		t.Helper()
		err := history.Update(history.File(cache, e.dir), func(h *history.History) { h.Targets["hello"] = r })
		if err != nil {
			t.Fatal(err)
		}
	}
	remember(history.Record{Verb: "build", Status: 1, At: time.Now(), Problems: []problem.Problem{
		{File: "a.c", Line: 2, Column: 13, Severity: problem.Error, Message: "no `yes`"},
		{File: "a.c", Line: 9, Severity: problem.Warning, Message: "behind the end"},
		{File: "../x.c", Line: 1, Severity: problem.Warning, Message: "outside"},
	}})
	found := func() []protocol.Diagnostic {
		if p := e.published[e.uri("a.c")]; p != nil {
			return p.Diagnostics
		}
		return nil
	}
	e.until("problems in a.c", func() bool { return len(found()) == 2 })
	e.mu.Lock()
	// The emoji is two units of UTF-16.
	if got := found()[0]; got.Range != span(1, 10, 1, 13) || got.Message != protocol.String("no `yes`") {
		t.Errorf("%+v", got)
	}
	e.mu.Unlock()
	if got := e.lenses("rigx.toml"); got[0].Command.Title != "Build ✗ 1" {
		t.Error(got[0].Command.Title)
	}
	remember(history.Record{Verb: "build", Seconds: 1.26, At: time.Now()})
	e.until("a.c to be fine", func() bool { return len(found()) == 0 })
	if got := e.lenses("rigx.toml"); got[0].Command.Title != "Build ✓ 1.3 s" {
		t.Error(got[0].Command.Title)
	}
	// A file that is broken counts as empty.
	if err := os.WriteFile(history.File(cache, e.dir), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for e.lenses("rigx.toml")[0].Command.Title != "Build" {
		time.Sleep(10 * time.Millisecond)
	}
}

// TestBuildProblems builds a faulty program from the editor, mends it, and
// builds again.
func TestBuildProblems(t *testing.T) {
	if _, err := exec.LookPath("nix"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
	program(t) // it is built with the cache of the user
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	text := "[project]\nname = \"p\"\n[nixpkgs]\nref = \"host\"\n[targets.hello]\nkind = \"executable\"\nsources = [\"src/a.c\"]\n"
	e := open(t, "rigx.toml", text, "src/a.c", "int main(void) {\n  return nothing;\n}\n")
	e.didOpen("rigx.toml", text)
	e.diagnostics("rigx.toml", 1)
	build := e.lenses("rigx.toml")[0].Command
	run := func(status string) {
		t.Helper()
		got, err := e.server.ExecuteCommand(t.Context(), &protocol.ExecuteCommandParams{Command: build.Command, Arguments: build.Arguments})
		if err != nil || !strings.Contains(string(got), status) {
			t.Fatal(string(got), err)
		}
	}
	problems := func() int {
		if p := e.published[e.uri("src/a.c")]; p != nil {
			return len(p.Diagnostics)
		}
		return 0
	}
	run(`"status":1`)
	e.until("the error in a.c", func() bool { return problems() > 0 })
	if err := os.WriteFile(filepath.Join(e.dir, "src", "a.c"), []byte("int main(void) {\n  return 0;\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(`"status":0`)
	e.until("the error to vanish", func() bool { return problems() == 0 })
}
