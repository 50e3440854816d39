//go:build unix

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
	"syscall"
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

// needs skips the test where a program is missing that RIGX_TEST_REQUIRE does
// not name.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), program) {
				t.Fatal(program, "is not installed")
			}
			t.Skip(program, "is not installed")
		}
	}
}

// inProject is a command in a fresh project, in a folder with a space and a #, with rigx and rigx-ls on PATH.
func inProject(t *testing.T, command ...string) *exec.Cmd {
	t.Helper()
	bin, dir := t.TempDir(), filepath.Join(t.TempDir(), "my project #1")
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
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "XDG_STATE_HOME="+t.TempDir())
	return cmd
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// endsWithOK runs an editor on a script that prints ok when all went well.
func endsWithOK(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "ok") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestNeovim opens a project in Neovim with the plugin and no other, sees a
// mistake appear and vanish, clicks Build, and breaks the build.
func TestNeovim(t *testing.T) {
	needs(t, "nvim", "nix")
	endsWithOK(t, inProject(t, "nvim", "--headless", "-u", "NONE", "-n", "+luafile "+absolute(t, "nvim/test/run.lua")))
}

// TestEmacs opens a project in Emacs, with either client that it has, and sees a
// mistake.
func TestEmacs(t *testing.T) {
	needs(t, "emacs")
	for _, client := range []string{"eglot", "lsp-mode"} {
		t.Run(client, func(t *testing.T) {
			if err := exec.Command("emacs", "--batch", "--eval", "(progn (package-initialize) (require '"+client+"))").Run(); err != nil {
				if client == "eglot" && strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "emacs") {
					t.Fatal("eglot is not installed")
				}
				t.Skip(client, "is not installed")
			}
			endsWithOK(t, inProject(t, "emacs", "-q", "--batch", "--eval", "(package-initialize)", "-L", absolute(t, "emacs"), "-l", absolute(t, "emacs/test/"+client+".el")))
		})
	}
}

// TestVim opens a project in Vim with ALE and our plugin, and sees a mistake both
// as a diagnostic and in the quickfix list.
func TestVim(t *testing.T) {
	needs(t, "vim")
	if _, err := os.Stat("/usr/share/vim/vimfiles/pack/dist-bundle/opt/ale"); err != nil {
		t.Skip("ALE is not installed")
	}
	result := filepath.Join(t.TempDir(), "result")
	vim := inProject(t, "vim", "-u", "NONE", "-i", "NONE", "-n", "-N", "-es", "-V1",
		"--cmd", "set rtp+="+absolute(t, "vim"), "-c", "runtime plugin/rigx.vim", "-S", absolute(t, "vim/test/run.vim"))
	vim.Env = append(vim.Env, "RESULT="+result)
	out, err := vim.CombinedOutput()
	said, _ := os.ReadFile(result)
	if err != nil || string(said) != "ok\n" {
		t.Fatalf("%v\n%s\n%s", err, said, out)
	}
}

// TestHelix has Helix find the server by our configuration.
func TestHelix(t *testing.T) {
	needs(t, "hx")
	config := t.TempDir()
	data, err := os.ReadFile("helix/languages.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(config, "helix"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "helix", "languages.toml"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	hx := inProject(t, "hx", "--health", "toml")
	hx.Env = append(hx.Env, "XDG_CONFIG_HOME="+config)
	out, err := hx.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "rigx") || strings.Contains(string(out), "'rigx-ls' not found") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestKate opens a project in Kate with our settings; the mistake in it reaches the
// editor.
func TestKate(t *testing.T) {
	needs(t, "kate", "xvfb-run", "dbus-run-session")
	settings, err := os.ReadFile("kate/settings.json")
	if err != nil {
		t.Fatal(err)
	}
	kate := inProject(t, "dbus-run-session", "--", "xvfb-run", "-a", "kate", "-n", "--startanon", "rigx.toml")
	home := t.TempDir()
	heard, between := filepath.Join(home, "heard"), filepath.Join(home, "rigx-ls")
	own := os.Getenv("PATH")
	for _, variable := range kate.Env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			own = value // the last one counts
		}
	}
	for name, text := range map[string]string{
		"rigx-ls":                              "#!/bin/sh\nPATH='" + own + "' rigx-ls | tee '" + heard + "'\n",
		".config/kate/lspclient/settings.json": string(settings),
		// Kate asks before it starts a program for the first time.
		".config/katerc": "[Kate Plugins]\nlspclientplugin=true\n[lspclient]\nAllowedServerCommandLines=" + between + "\n",
	} {
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	kate.Env = append(kate.Env, "HOME="+home, "XDG_CONFIG_HOME="+home+"/.config", "XDG_RUNTIME_DIR="+home, "PATH="+home+":"+own)
	kate.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := kate.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-kate.Process.Pid, syscall.SIGKILL)
		_ = kate.Wait()
	})
	for range 600 {
		if said, _ := os.ReadFile(heard); bytes.Contains(said, []byte("did you mean `executable`?")) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	said, _ := os.ReadFile(heard)
	t.Fatalf("Kate was told nothing of the mistake: %s", said)
}

// TestConfigurations reads what is written for editors that are not started here.
func TestConfigurations(t *testing.T) {
	for _, file := range []string{"zed/settings.json", "sublime/LSP-rigx.sublime-settings", "kate/settings.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var any map[string]any
		if err := json.Unmarshal(data, &any); err != nil || !bytes.Contains(data, []byte("rigx-ls")) {
			t.Errorf("%s: %v", file, err)
		}
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
