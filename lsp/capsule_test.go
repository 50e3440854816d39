package lsp_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/protocol"
)

// TestCapsuleLenses starts a capsule by its lens, which then offers to stop it,
// and notices when it ends by itself.
func TestCapsuleLenses(t *testing.T) {
	for _, part := range []string{"nix", "podman"} {
		if _, err := exec.LookPath(part); err != nil {
			if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), part) {
				t.Fatal(part, "is missing")
			}
			t.Skip(part, "is missing")
		}
	}
	program(t) // it is built with the cache of the user
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	conf := filepath.Join(t.TempDir(), "containers.conf")
	if err := os.WriteFile(conf, []byte("[engine]\nruntime = \"runc\"\n[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONTAINERS_CONF", conf)
	text := `[project]
name = "p"
[nixpkgs]
ref = "host"
[targets.forever]
kind = "capsule"
deps.nixpkgs = ["coreutils"]
entrypoint = "exec sleep 1000"
[targets.short]
kind = "capsule"
deps.nixpkgs = ["coreutils"]
entrypoint = "exec sleep 3"
[targets.fails]
kind = "capsule"
entrypoint = "echo no configuration >&2; exit 3"
`
	e := openWith(t, func(p *protocol.InitializeParams) {
		yes := true
		p.Capabilities.Workspace = &protocol.WorkspaceClientCapabilities{CodeLens: &protocol.CodeLensWorkspaceClientCapabilities{RefreshSupport: &yes}}
	}, "rigx.toml", text)
	t.Cleanup(func() {
		stop := exec.Command(program(t), "-C", e.dir, "capsule", "stop", "--all")
		_ = stop.Run()
		remove := exec.Command("sh", "-c", "podman rmi -f $(jq -r .image.reference output/*/manifest.json)")
		remove.Dir = e.dir
		_ = remove.Run()
	})
	e.didOpen("rigx.toml", text)
	e.diagnostics("rigx.toml", 1)
	titles := func() string {
		var out []string
		for _, l := range e.lenses("rigx.toml") {
			out = append(out, l.Command.Title)
		}
		return strings.Join(out, ", ")
	}
	if got := titles(); got != "Build, Watch, Start, Build, Watch, Start, Build, Watch, Start" {
		t.Error(got)
	}
	click := func(n int, title string) string {
		t.Helper()
		l := e.lenses("rigx.toml")[n]
		if l.Command.Title != title {
			t.Errorf("lens %d is %s, not %s", n, l.Command.Title, title)
		}
		got, err := e.server.ExecuteCommand(t.Context(), &protocol.ExecuteCommandParams{Command: l.Command.Command, Arguments: l.Command.Arguments})
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	states := func() (out [3]string) {
		lenses := e.lenses("rigx.toml")
		for i := range out {
			out[i] = lenses[3*i+2].Command.Title
		}
		return out
	}
	eventually := func(what string, wanted [3]string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); states() != wanted; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited for %s in vain: %q", what, states())
			}
		}
	}
	const start, stop = "Start", "Stop ● running"
	if got := click(2, start); !strings.Contains(got, `"status":0`) {
		t.Fatal(got)
	}
	eventually("the capsule to be seen", [3]string{stop, start, start})
	if got := click(5, start); !strings.Contains(got, `"status":0`) {
		t.Fatal(got)
	}
	eventually("both capsules to be seen", [3]string{stop, stop, start})
	refreshed := e.lensRefreshes.Load()
	eventually("one to have ended", [3]string{stop, start, start})
	e.until("the editor to be told", func() bool { return e.lensRefreshes.Load() > refreshed })
	if got := click(8, start); !strings.Contains(got, `"status":1`) || !strings.Contains(got, "no configuration") {
		t.Error(got)
	}
	if got := click(2, stop); !strings.Contains(got, `"status":0`) {
		t.Error(got)
	}
	eventually("the capsule to be gone", [3]string{start, start, start})
	out, err := exec.Command("podman", "ps", "--all", "--quiet", "--filter", fmt.Sprintf("label=rigx.project=%s", e.dir), "--filter", "label=rigx.capsule=forever").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Error("left behind:", string(out), err)
	}
}
