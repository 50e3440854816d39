// Package editors tests what editors load, in the real editors.
package editors

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

var update = flag.Bool("update", false, "write the schema")

const project = `[project]
name = "p"

[targets.hello]
kind = "exexutable"
sources = ["src/hello.c"]

[targets.smoke]
kind = "test"
script = "true"
`

// TestNeovim opens a project in Neovim with the plugin and no other, sees a
// mistake appear and vanish, clicks Build, and breaks the build.
func TestNeovim(t *testing.T) {
	for _, program := range []string{"nvim", "nix"} {
		if _, err := exec.LookPath(program); err != nil {
			if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), program) {
				t.Fatal(program, "is not installed")
			}
			t.Skip(program, "is not installed")
		}
	}
	bin, dir := t.TempDir(), t.TempDir()
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "../cmd/rigx", "../cmd/rigx-ls")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range map[string]string{"rigx.toml": project, "src/hello.c": "int main(void) { return 0; }\n"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("nvim/test/run.lua")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	nvim := exec.CommandContext(ctx, "nvim", "--headless", "-u", "NONE", "-n", "+luafile "+script)
	nvim.Dir = dir
	nvim.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "XDG_STATE_HOME="+t.TempDir())
	out, err := nvim.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "ok") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestSchema holds the schema, which the extension of VS Code names for other
// TOML extensions, to the fields that there are. -update writes it.
func TestSchema(t *testing.T) {
	want, err := json.MarshalIndent(schema.JSONSchema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	const file = "vscode/rigx.schema.json"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what `rigx schema` prints: go test ./editors -run Schema -update (%v)", file, err)
	}
}
