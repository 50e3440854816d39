package source

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lay writes empty files and, for names with " -> ", links.
func lay(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func link(t *testing.T, dir, name, to string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
		t.Skip("links cannot be made here:", err)
	}
}

func TestGlob(t *testing.T) {
	dir := lay(t, "a.c", "b.c", "src/c.c", "src/deep/d.c", "src/.e.c", ".git/f.c", "output/g.c", "src/output/h.c", "x.h")
	link(t, dir, "l.c", "a.c")
	link(t, dir, "gone.c", "nowhere")
	link(t, dir, "loop", ".")
	link(t, dir, "srclink", "src")
	tree := NewTree(Disk(), dir)
	for pattern, want := range map[string][]string{
		"*.c":            {"a.c", "b.c", "gone.c", "l.c"},
		"**/*.c":         {"a.c", "b.c", "gone.c", "l.c", "src/.e.c", "src/c.c", "src/deep/d.c", "src/output/h.c"},
		"src/*":          {"src/.e.c", "src/c.c"},
		"src/**":         {"src/.e.c", "src/c.c", "src/deep/d.c", "src/output/h.c"},
		"s*/c.c":         {"src/c.c", "srclink/c.c"},
		"[ab].c":         {"a.c", "b.c"},
		"output/*.c":     {"output/g.c"},
		"nothing/*.c":    nil,
		".git/*.c":       {".git/f.c"},
		"src/deep/**/d*": {"src/deep/d.c"},
	} {
		got, err := tree.Glob(pattern)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", pattern, diff)
		}
	}
	var bad *PatternError
	if _, err := tree.Glob("["); !errors.As(err, &bad) {
		t.Error(err)
	}
}

func TestWholeTree(t *testing.T) {
	dir := lay(t, "rigx.toml", "a.c", "flake.nix", "output/x", "deep/result", "deep/b.c", "node_modules/x.js", ".hidden", ".git/x")
	link(t, dir, "dir", "deep")
	got := NewTree(Disk(), dir).WholeTree()
	if diff := cmp.Diff([]string{".hidden", "a.c", "deep/b.c", "dir", "rigx.toml"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBaseline(t *testing.T) {
	dir := lay(t, "a.c", "b.c", "old.c", "build/gen.c", "nested/repo/n.c", "nested/repo/ignored.o", "output/o.c", "deleted.c", "new.c", "notes.txt")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(".gitignore", "build/\n*.o\n")
	sel := Selection{Include: []string{"**/*.c", "**/*.o"}, Exclude: []string{"old.c"}, RespectGitignore: true}

	// Outside of a checkout nothing is ignored.
	got, err := NewTree(Disk(), dir).Baseline(t.Context(), sel)
	want := []string{"a.c", "b.c", "build/gen.c", "deleted.c", "nested/repo/ignored.o", "nested/repo/n.c", "new.c"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}

	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing")
	}
	git := func(in string, args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", filepath.Join(dir, in), "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("", "init", "-q")
	git("nested/repo", "init", "-q")
	git("", "add", "a.c", "b.c", "old.c", "deleted.c")
	git("", "commit", "-qm", "one")
	if err := os.Remove(filepath.Join(dir, "deleted.c")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_DIR", t.TempDir()) // as a hook of another repository has it
	t.Setenv("GIT_INDEX_FILE", filepath.Join(dir, "none"))
	got, err = NewTree(Disk(), dir).Baseline(t.Context(), sel)
	// What is new and not ignored counts; a nested repository is taken as it is.
	want = []string{"a.c", "b.c", "nested/repo/ignored.o", "nested/repo/n.c", "new.c"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}

	t.Setenv("PATH", "")
	if _, err = NewTree(Disk(), dir).Baseline(t.Context(), sel); !errors.Is(err, ErrNoGit) {
		t.Error("without git:", err)
	}
}

func TestOverlay(t *testing.T) {
	dir := lay(t, "a", "sub/b")
	fsys := Overlay(Disk(), map[string]string{filepath.Join(dir, "a"): "new", filepath.Join(dir, "sub", "c"): "only here"})
	if text, err := fsys.ReadFile(filepath.Join(dir, "a")); text != "new" || err != nil {
		t.Error(text, err)
	}
	if text, err := fsys.ReadFile(filepath.Join(dir, "sub", "b")); text != "sub/b" || err != nil {
		t.Error(text, err)
	}
	if _, err := fsys.ReadFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if info, err := fsys.Stat(filepath.Join(dir, "sub", "c")); err != nil || info.Size() != 9 || info.IsDir() {
		t.Error(info, err)
	}
	entries, err := fsys.ReadDir(filepath.Join(dir, "sub"))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"b", "c"}, names); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestIndex: a changed file is noticed by whatever the file system says of it,
// and a damaged index is refused.
func TestIndex(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	x := NewIndex()
	first, err := x.Of(file)
	if err != nil {
		t.Fatal(err)
	}
	again, rest, err := ReadIndex(append(x.AppendTo(nil), "rest"...))
	if err != nil || string(rest) != "rest" {
		t.Fatal(string(rest), err)
	}
	for _, step := range []func(){
		func() { write("two") }, // of the same size, and with the same time
		func() { _ = os.Chmod(file, 0o755) },
		func() { _ = os.Remove(file); _ = os.Symlink("b", file) },
	} {
		step()
		_ = os.Chtimes(file, old, old)
		now, err := again.Of(file)
		if err != nil || now == first {
			t.Error("a change went unnoticed", err)
		}
		first = now
	}
	data := x.AppendTo(nil)
	for n := range data {
		if _, _, err := ReadIndex(data[:n]); err == nil && n < len(data) {
			t.Errorf("an index cut after %d bytes is accepted", n)
		}
	}
}

// TestIndexOfMany: what was read, what came, changed and went since, in any order, is
// written once each.
func TestIndexOfMany(t *testing.T) {
	root := t.TempDir()
	old := time.Now().Add(-time.Hour)
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644), os.Chtimes(file, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	begin := root + string(filepath.Separator)
	look := func(x *Index, names ...string) (hashes []Hash) {
		t.Helper()
		o := x.NewObservation()
		places := o.Add(nil, begin, names)
		if again := o.Add(nil, begin, names); !slices.Equal(places, again) {
			t.Errorf("%v were added twice: %v, %v", names, places, again)
		}
		o.Observe()
		for i, at := range places {
			if want := filepath.Join(root, filepath.FromSlash(names[i])); o.Path(at) != want || string(o.AppendPath(nil, at)) != want {
				t.Errorf("%s is at the place of %s", o.Path(at), names[i])
			}
			hash, ok := o.Hash(at)
			if !ok {
				t.Errorf("%s is not there", names[i])
			}
			hashes = append(hashes, hash)
		}
		return hashes
	}
	again := func(x *Index) *Index {
		t.Helper()
		x, rest, err := ReadIndex(x.AppendTo(nil))
		if err != nil || len(rest) > 0 {
			t.Fatal(len(rest), err)
		}
		return x
	}
	all := []string{"b/two", "a", "b/one", "b.c/x", "b/c/y", "b/three", "z"}
	for _, name := range all {
		write(name, name)
	}
	time.Sleep(2 * settled)
	x := NewIndex()
	first := look(x, all...)
	x = again(x)
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1, 0}, {2, 5, 0, 4, 3, 1, 6}} {
		names, want := make([]string, len(order)), make([]Hash, len(order))
		for i, at := range order {
			names[i], want[i] = all[at], first[at]
		}
		if got := look(x, names...); !slices.Equal(got, want) || x.Changed() {
			t.Errorf("in the order %v others are found, or looked into again", order)
		}
	}
	write("b/one", "another")
	write("b/new", "new")
	write("n/new", "new")
	time.Sleep(2 * settled)
	all = append(all, "b/new", "n/new")
	second := look(x, all...)
	for i, hash := range second {
		before, known := x.Before(filepath.Join(root, filepath.FromSlash(all[i])))
		if known != (i < len(first)) || known && before != first[i] || (hash != before) != (i == 2 || i > 6) {
			t.Errorf("%s: %v before, and another one now: %v", all[i], known, hash != before)
		}
	}
	x = again(x)
	if third := look(x, all...); !slices.Equal(second, third) || x.Changed() {
		t.Error("what was looked into is not known")
	}
}

// TestIndexClock: a time stamp proves something only if it is well before the moment
// at which the file was hashed. One that lies ahead, because the clock was set back
// since, never does; the file is hashed each time.
func TestIndexClock(t *testing.T) {
	hashed := time.Unix(1_000_000, 123_456_789)
	for _, c := range []struct {
		what    string
		changed time.Time
		recent  bool
	}{
		{"an hour ago", hashed.Add(-time.Hour), false},
		{"just now", hashed.Add(-time.Millisecond), true},
		{"a second ago, in whole seconds", time.Unix(999_999, 0), true},
		{"ten seconds ago, in whole seconds", time.Unix(999_990, 0), false},
		{"in an hour: the clock was set back", hashed.Add(time.Hour), true},
	} {
		at := c.changed.UnixNano()
		for _, s := range []stamp{{mtime: at}, {ctime: at}} {
			if recent(s, hashed) != c.recent {
				t.Errorf("%s: recent is %v", c.what, !c.recent)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(file, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	ahead := time.Now().Add(time.Hour)
	if err := os.Chtimes(file, ahead, ahead); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * settled)
	x := NewIndex()
	for _, text := range []string{"two", "six", "ten"} {
		before, err := x.Of(file)
		if err != nil {
			t.Fatal(err)
		}
		if dir, name := cutName(file); !x.dirs[dir].entry(name).racy() {
			t.Error("a file that was changed in the future is trusted")
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, ahead, ahead); err != nil {
			t.Fatal(err)
		}
		if after, err := x.Of(file); err != nil || after == before {
			t.Error("a change went unnoticed", err)
		}
	}
}

// TestIndexForgets: a path that nobody asks for stays known for a while, as other targets
// may need it.
func TestIndexForgets(t *testing.T) {
	used, unused := t.TempDir(), t.TempDir()
	x := NewIndex()
	_, _ = x.Of(unused)
	for n := range oldest + 3 {
		again, _, err := ReadIndex(x.AppendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, known := again.Before(unused); known != (n <= oldest) {
			t.Errorf("after %d builds: %v", n, known)
		}
		x = again
		if _, err := x.Of(used); err != nil {
			t.Fatal(err)
		}
	}
	if _, known := x.Before(used); !known {
		t.Error("what is asked for each time is forgotten")
	}
}

// FuzzReadIndex: what is damaged is refused, whatever it holds.
func FuzzReadIndex(f *testing.F) {
	x := NewIndex()
	_, _ = x.Of("/")
	f.Add(x.AppendTo(nil))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 127})
	f.Fuzz(func(t *testing.T, data []byte) {
		if x, rest, err := ReadIndex(data); err == nil && (x == nil || len(rest) > len(data)) {
			t.Fatal("nothing was read")
		}
	})
}

func observe(x *Index, paths ...string) *Observation {
	o := x.NewObservation()
	o.Add(nil, "", paths)
	o.Observe()
	return o
}

// TestObservation holds as long as nothing changes, comes or goes.
func TestObservation(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a")
	if err := os.WriteFile(file, []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	x := NewIndex()
	if observe(x, dir, file).Holds() {
		t.Error("a file that was just written is trusted")
	}
	time.Sleep(50 * time.Millisecond)
	o := observe(x, dir, file)
	if !o.Holds() {
		t.Error("nothing changed")
	}
	if err := os.WriteFile(filepath.Join(dir, "b"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if o.Holds() {
		t.Error("a new file went unnoticed")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if hash, ok := observe(x, dir, file).Hash(1); ok || hash != (Hash{}) {
		t.Error("a file that is gone has the hash that it had")
	}
}

// TestWrite reads what was observed, and nothing else.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "file"), filepath.Join(dir, "tool"), filepath.Join(dir, "link"), filepath.Join(dir, "late"), filepath.Join(dir, "folder"), filepath.Join(dir, "none")}
	for i, mode := range []os.FileMode{0o644, 0o755, 0, 0o600} {
		if mode != 0 {
			if err := os.WriteFile(paths[i], []byte(paths[i]), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(os.Symlink("nowhere", paths[2]), os.Mkdir(paths[4], 0o755)); err != nil {
		t.Fatal(err)
	}
	o := observe(NewIndex(), paths...)
	if err := os.WriteFile(paths[3], []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	for at, path := range paths {
		var content strings.Builder
		err := o.Write(&content, at)
		if at > 2 {
			if err == nil {
				t.Errorf("%s can be read", path)
			}
			continue
		}
		want := path
		if at == 2 {
			want = "nowhere"
		}
		if err != nil || content.String() != want || o.Size(at) != int64(len(want)) {
			t.Errorf("%s: %q, %d bytes, %v", path, content.String(), o.Size(at), err)
		}
	}
	if o.Mode(0)&0o100 != 0 || o.Mode(1)&0o100 == 0 || o.Mode(2)&fs.ModeSymlink == 0 {
		t.Error("the modes are not those of a file, a program and a link")
	}
}

// TestLinkOnTheWay: a link is seen by whoever looks up only what lies behind it.
func TestLinkOnTheWay(t *testing.T) {
	for _, link := range []string{"link", "dir/link", "dot./link"} {
		dir := t.TempDir()
		at := filepath.Join(dir, filepath.FromSlash(link))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.MkdirAll(filepath.Join(dir, "real", "sub"), 0o755), os.Symlink(filepath.Join(dir, "real"), at)); err != nil {
			t.Fatal(err)
		}
		tree := NewTree(Disk(), dir)
		if tree.Exists(link + "/sub/none"); !tree.HasLinks() || !tree.IsLink(link) {
			t.Errorf("%s is not seen", link)
		}
	}
}
