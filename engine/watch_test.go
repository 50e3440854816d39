package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rigx-build/rigx/engine"
)

// A watching is a running [engine.Watch] on a project of its own.
type watching struct {
	t        *testing.T
	dir      string
	started  chan []string
	finished chan watched
}

type watched struct {
	results []engine.Result
	err     error
}

func watch(t *testing.T, files map[string]string, names ...string) *watching {
	t.Helper()
	if _, err := exec.LookPath("nix"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("nix is not installed")
		}
		t.Skip("nix is not installed")
	}
	w := &watching{t: t, dir: t.TempDir(), started: make(chan []string, 100), finished: make(chan watched, 100)}
	for name, text := range files {
		w.write(name, text)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- engine.Watch(ctx, w.dir, engine.WatchOptions{
			Workspace: engine.Options{Nixpkgs: "host"},
			Names:     names,
			Started:   func(_ *engine.Workspace, changed []string) { w.started <- changed },
			Finished:  func(results []engine.Result, err error) { w.finished <- watched{results, err} },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error("watch ended with", err)
		}
	})
	return w
}

func (w *watching) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// builds waits for a build that was caused by exactly these files.
func (w *watching) builds(changed ...string) {
	w.t.Helper()
	select {
	case got := <-w.started:
		if !slices.Equal(got, changed) {
			w.t.Fatalf("a build began because of %q, not %q", got, changed)
		}
	case <-time.After(time.Minute):
		w.t.Fatalf("no build began after %q changed", changed)
	}
}

func (w *watching) ends() watched {
	w.t.Helper()
	select {
	case got := <-w.finished:
		return got
	case <-time.After(time.Minute):
		w.t.Fatal("no build ended")
	}
	panic("unreachable")
}

// yields waits for a build to end well with that text.
func (w *watching) yields(want string) {
	w.t.Helper()
	got := w.ends()
	if got.err != nil || len(got.results) != 1 || got.results[0].Err != nil {
		w.t.Fatalf("%+v", got)
	}
	text, err := os.ReadFile(filepath.Join(w.dir, got.results[0].Link))
	if err != nil || string(text) != want {
		w.t.Fatalf("built %q, not %q (%v)", text, want, err)
	}
}

func (w *watching) doesNothing() {
	w.t.Helper()
	select {
	case got := <-w.started:
		w.t.Fatalf("a build began because of %q", got)
	case <-time.After(400 * time.Millisecond):
	}
}

const watchedProject = `
[project]
name = "p"

[targets.words]
kind = "custom"
sources = ["src/**/*.txt"]
install_script = "cat $(find src -name '*.txt' | sort) ${header} > $out"

[targets.header]
kind = "custom"
sources = ["header"]
install_script = "cp header $out"

[targets.other]
kind = "custom"
sources = ["other.txt"]
install_script = "cp other.txt $out"
`

func TestWatch(t *testing.T) {
	w := watch(t, map[string]string{
		"rigx.toml": watchedProject, "src/a.txt": "a", "header": "h", "other.txt": "o", "src/notes.md": "",
	}, "words")
	w.builds()
	w.yields("ah")

	// What the target, or what it depends on, is made of.
	w.write("src/a.txt", "A")
	w.builds("src/a.txt")
	w.yields("Ah")
	w.write("header", "H")
	w.builds("header")
	w.yields("AH")

	// Even what whole trees leave out, if a pattern matches it.
	w.write("src/output/z.txt", "z")
	w.builds("src/output/z.txt")
	w.yields("AzH")
	if err := os.RemoveAll(filepath.Join(w.dir, "src/output")); err != nil {
		t.Fatal(err)
	}
	w.builds("src/output/z.txt")
	w.yields("AH")
	w.write("flake.lock", `{"nodes":{"root":{}},"root":"root","version":7}`)
	w.doesNothing() // perhaps a build wrote it
	w.write("flake.lock", `{"nodes":{"root":{}},"root":"root", "version":7}`)
	w.builds("flake.lock")
	w.yields("AH")

	// Other targets' files, and files that no pattern matches.
	w.write("other.txt", "O")
	w.write("src/notes.md", "x")
	w.write("src/.a.txt.swp", "x")
	w.doesNothing()

	// A pattern matches something new, in a directory that is new; a file goes;
	// a file is replaced, as many editors save.
	w.write("src/deep/er/b.txt", "b")
	w.builds("src/deep/er/b.txt")
	w.yields("AbH")
	w.write("src/deep/er/b.txt", "B")
	w.builds("src/deep/er/b.txt")
	w.yields("ABH")
	if err := os.Remove(filepath.Join(w.dir, "src/a.txt")); err != nil {
		t.Fatal(err)
	}
	w.builds("src/a.txt")
	w.yields("BH")
	w.write("src/new", "new")
	w.doesNothing()
	if err := os.Rename(filepath.Join(w.dir, "src/new"), filepath.Join(w.dir, "src/a.txt")); err != nil {
		t.Fatal(err)
	}
	w.builds("src/a.txt")
	w.yields("newBH")

	// A mistake in rigx.toml is reported, and building goes on when it is mended.
	w.write("rigx.toml", strings.Replace(watchedProject, "${header}", "${hedaer}", 1))
	w.builds("rigx.toml")
	var invalid *engine.InvalidError
	if got := w.ends(); !errors.As(got.err, &invalid) {
		t.Fatalf("%+v", got)
	}
	w.write("rigx.toml", strings.Replace(watchedProject, "${header}", "", 1))
	w.builds("rigx.toml")
	w.yields("newB")
	w.write("header", "no longer used")
	w.doesNothing()
}

// A change while a build is going on ends it and begins another.
func TestWatchCancels(t *testing.T) {
	project := func(seconds int) string {
		return fmt.Sprintf("[project]\nname = \"p\"\n[targets.slow]\nkind = \"custom\"\nsources = [\"a\"]\ninstall_script = \"sleep %d; cp a $out\"\n", seconds)
	}
	w := watch(t, map[string]string{"rigx.toml": project(1000), "a": "1"})
	w.builds()
	time.Sleep(time.Second)
	w.write("rigx.toml", project(0))
	w.builds("rigx.toml")
	w.yields("1")
}

// BenchmarkWatch measures how long after a file was saved the build begins, in
// a tree of 10,000 files.
func BenchmarkWatch(b *testing.B) {
	dir := b.TempDir()
	for i := range 10_000 {
		name := filepath.Join(dir, fmt.Sprintf("src/part%d/file%d.c", i/100, i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	project := "[project]\nname = \"p\"\n[targets.a]\nkind = \"custom\"\nsources = [\"src/**/*.c\"]\ninstall_script = \"true > $out\"\n"
	if err := os.WriteFile(filepath.Join(dir, "rigx.toml"), []byte(project), 0o644); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	started, ended := make(chan time.Time, 1), make(chan struct{})
	finished := make(chan struct{}, 1)
	go func() {
		defer close(ended)
		err := engine.Watch(ctx, dir, engine.WatchOptions{
			Workspace: engine.Options{Nixpkgs: "host"},
			Started:   func(*engine.Workspace, []string) { started <- time.Now() },
			Finished:  func([]engine.Result, error) { finished <- struct{}{} },
		})
		if !errors.Is(err, context.Canceled) {
			b.Error(err)
		}
	}()
	<-started
	<-finished
	var total time.Duration
	n := 0
	for b.Loop() {
		saved := time.Now()
		if err := os.WriteFile(filepath.Join(dir, "src/part7/file700.c"), []byte(fmt.Sprintf("// %d", n)), 0o644); err != nil {
			b.Fatal(err)
		}
		total += (<-started).Sub(saved)
		<-finished
		n++
	}
	b.ReportMetric(float64(total.Milliseconds())/float64(n), "ms/reaction")
	cancel()
	<-ended
}
