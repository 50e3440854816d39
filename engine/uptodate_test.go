package engine_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/nix"
)

func needsNix(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("nix"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
}

// A model is a project that is changed at random and built after each change.
type model struct {
	t      *testing.T
	dir    string
	cache  string
	random *rand.Rand
	log    []string
}

const modelProject = `[project]
name = "model"
sources = ["src/**", "data/*.txt", "tool"]
respect_gitignore = true

[nixpkgs]
ref = "host"

[targets.one]
kind = "custom"
sources = ["src/*.txt"]
install_script = "cat src/*.txt > $out"

[targets.two]
kind = "custom"
sources = ["data/a.txt", "tool"]
install_script = "cat data/a.txt ${one} > $out"
variants.x = { env = { A = "1" } }
variants.y = { env = { A = "2" } }

[targets.all]
kind = "custom"
install_script = "find . | sort > $out"

[dependencies.local.lib]
path = "lib"

[targets.other]
kind = "custom"
sources = ["tool"]
deps.internal = ["lib.part"]
install_script = "cat ${lib.part} > $out"
`

// modelLibrary lists what whole-tree sources leave out, and what git may ignore.
const modelLibrary = `[project]
name = "library"
sources = ["**"]
respect_gitignore = true

[nixpkgs]
ref = "host"

[targets.part]
kind = "custom"
install_script = "find . -name '*.txt' | sort | xargs cat > $out"

[targets.made]
kind = "custom"
sources = ["src/result/*.txt"]
install_script = "cat src/result/*.txt > $out"
`

// TestUpToDate changes a project in thousands of ways and compares what a build
// gives with what evaluating everything from scratch gives. RIGX_MODEL_STEPS
// makes it longer.
func TestUpToDate(t *testing.T) {
	needsNix(t)
	steps := 40
	if n, err := strconv.Atoi(os.Getenv("RIGX_MODEL_STEPS")); err == nil {
		steps = n
	}
	seed := uint64(time.Now().UnixNano())
	m := &model{t: t, dir: t.TempDir(), cache: t.TempDir(), random: rand.New(rand.NewPCG(seed, 1))}
	for name, text := range map[string]string{
		"rigx.toml": modelProject, "src/a.txt": "a\n", "src/b.txt": "b\n", "data/a.txt": "data\n", "tool": "#!/bin/sh\n", ".gitignore": "",
		"lib/rigx.toml": modelLibrary, "lib/in.txt": "in\n", "lib/src/result/e.txt": "e\n",
	} {
		m.write(name, text)
	}
	if out, err := exec.Command("git", "-C", m.dir, "init", "-q").CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	fast := 0
	for i := range steps {
		if i > 0 {
			m.change()
		}
		back := engine.SetManySources(1 + m.random.IntN(4)) // sometimes fewer are new
		results, ok := m.build()
		back()
		want, wantOK := m.scratch()
		if ok != wantOK {
			t.Fatalf("step %d of seed %d: %v\n%s", i, seed, ok, strings.Join(m.log, "\n"))
		}
		for n := range want {
			if results[n].Stale == "" {
				fast++
			}
			if results[n].Output != want[n].Output || !nix.Registered(results[n].Output) {
				t.Fatalf("step %d of seed %d: %s is %s, from scratch %s (%s)\n%s", i, seed, want[n].Attr, results[n].Output, want[n].Output, results[n].Stale, strings.Join(m.log, "\n"))
			}
		}
	}
	t.Logf("%d results of %d steps needed no Nix", fast, steps)
	if fast == 0 {
		t.Error("nothing was ever up to date")
	}
}

func (m *model) path(name string) string { return filepath.Join(m.dir, filepath.FromSlash(name)) }

func (m *model) write(name, text string) {
	if err := os.MkdirAll(filepath.Dir(m.path(name)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if info, err := os.Lstat(m.path(name)); err == nil && info.Mode()&os.ModeSymlink != 0 {
		_ = os.Remove(m.path(name)) // it may lead nowhere
	}
	if err := os.WriteFile(m.path(name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// scratch builds as if nothing was remembered.
func (m *model) scratch() ([]engine.Result, bool) {
	m.t.Helper()
	state, aside := filepath.Join(m.cache, "builds"), filepath.Join(m.cache, "aside")
	_ = os.Rename(state, aside)
	results, ok := m.build()
	if err := os.RemoveAll(state); err != nil {
		m.t.Fatal(err)
	}
	_ = os.Rename(aside, state)
	return results, ok
}

// build builds everything; it is not ok if the project is faulty just now.
func (m *model) build() ([]engine.Result, bool) {
	m.t.Helper()
	ws, err := engine.Open(m.t.Context(), m.dir, engine.Options{CacheDir: m.cache, Nix: nix.Options{Offline: true}})
	if err != nil {
		m.t.Fatal(err)
	}
	selected, err := ws.Select(nil)
	if err != nil {
		m.t.Fatal(err)
	}
	results, err := ws.Build(m.t.Context(), selected, engine.BuildOptions{})
	if err != nil {
		return nil, false
	}
	for _, r := range results {
		if r.Err != nil {
			return nil, false
		}
	}
	return results, true
}

// change does one of the things that people, tools and accidents do.
func (m *model) change() {
	files := []string{"src/a.txt", "src/b.txt", "src/c.txt", "src/deep/d.txt", "data/a.txt", "tool", "other.md", "lib/in.txt", "lib/new.txt", "lib/src/result/e.txt"}
	file := files[m.random.IntN(len(files))]
	path := m.path(file)
	contents := []string{"a\n", "b\n", "c\n", "d\n"} // of one size
	text := contents[m.random.IntN(len(contents))]
	what := ""
	kind := m.random.IntN(19)
	if _, err := os.Readlink(m.path("src")); err == nil && m.random.IntN(2) == 0 {
		kind = 16 // most goes wrong meanwhile
	}
	switch kind {
	case 0, 1, 2:
		what = "write " + file + " " + text
		m.write(file, text)
	case 3:
		what = "write keeping the time " + file + " " + text
		info, err := os.Stat(path)
		m.write(file, text)
		if err == nil {
			_ = os.Chtimes(path, info.ModTime(), info.ModTime())
		}
	case 4:
		what = "touch " + file
		at := time.Now().Add(time.Duration(m.random.IntN(7200)-3600) * time.Second)
		_ = os.Chtimes(path, at, at)
	case 5:
		what = "remove " + file
		_ = os.Remove(path)
		if m.random.IntN(2) == 0 {
			m.write(file, text)
		}
	case 6:
		other := files[m.random.IntN(len(files))]
		what = "rename " + file + " to " + other
		_ = os.MkdirAll(filepath.Dir(m.path(other)), 0o755)
		_ = os.Rename(path, m.path(other))
	case 7:
		what = "chmod " + file
		_ = os.Chmod(path, []os.FileMode{0o644, 0o755, 0o600}[m.random.IntN(3)])
	case 8:
		what = "link " + file
		_ = os.Remove(path)
		_ = os.Symlink([]string{"b.txt", "../data/a.txt"}[m.random.IntN(2)], path)
	case 9:
		rules := []string{"", "c.txt\n", "src/b.txt\n", "*.md\n", "new.txt\n"}[m.random.IntN(5)]
		what = "ignore " + rules
		m.write(".gitignore", rules)
	case 10:
		what = "remove flake.nix"
		_ = os.Remove(m.path("flake.nix"))
	case 11:
		what = "break flake.nix"
		m.write("flake.nix", "{ }\n")
	case 12:
		link := m.path("output/one")
		to, err := os.Readlink(link)
		what = "collect " + to
		if err == nil {
			_ = os.RemoveAll(m.path("output"))
			_ = exec.Command("nix-store", "--option", "build-users-group", "", "--delete", to).Run()
		}
	case 13:
		what = "turn output/one"
		_ = os.Remove(m.path("output/one"))
		_ = os.Symlink("/nonexistent", m.path("output/one"))
	case 14:
		flag := []string{"1", "2", "3"}[m.random.IntN(3)]
		what = "variant " + flag
		m.write("rigx.toml", strings.Replace(modelProject, `A = "2"`, `A = "`+flag+`"`, 1))
	case 15:
		what = "directory"
		_ = os.MkdirAll(m.path("empty"+fmt.Sprint(m.random.IntN(2))), 0o755)
	case 16:
		what = "turn src into a link, or back"
		if to, err := os.Readlink(m.path("src")); err == nil {
			_ = os.Remove(m.path("src"))
			_ = os.Rename(m.path(to), m.path("src"))
		} else if os.Rename(m.path("src"), m.path("real")) == nil {
			_ = os.Symlink("real", m.path("src"))
		}
	case 17:
		// Sources that were copied before, and whatever was built from them.
		what = "collect sources"
		collect := `for drv in $(nix-store --query --deriver "$1"); do for source in $(nix-store --query --references "$drv" | grep -e -source$); do ` +
			`nix-store --option build-users-group "" --delete --ignore-liveness $(nix-store --query --referrers-closure "$source"); done; done`
		if to, err := os.Readlink(m.path("output/one")); err == nil {
			_ = os.RemoveAll(m.path("output"))
			_ = exec.Command("sh", "-c", collect, "sh", to).Run()
		}
	case 18:
		what = "wait" // for the time stamps to be old
		time.Sleep(30 * time.Millisecond)
	}
	// All of it must be there, or most steps would be about errors.
	for _, name := range []string{"src/a.txt", "data/a.txt", "tool", "lib/src/result/e.txt"} {
		if _, err := os.Stat(m.path(name)); err != nil {
			_ = os.Remove(m.path(name))
			m.write(name, "a\n")
		}
	}
	m.log = append(m.log, strings.TrimSpace(what))
}
