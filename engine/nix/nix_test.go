package nix

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What the versions of Nix print and want to be told; see testdata/script for
// what comes of it.

func TestVersion(t *testing.T) {
	for _, test := range []struct {
		text, flavor, drv, update string
		supported                 bool
	}{
		{"nix (Nix) 2.3.16", "Nix", "x.drv", "flake update path:x", false},
		{"nix (Nix) 2.8.0", "Nix", "x.drv", "flake update path:x", true},
		{"nix (Nix) 2.18.1", "Nix", "x.drv^*", "flake update path:x", true},
		{"nix (Nix) 2.34.8", "Nix", "x.drv^*", "flake update --flake path:x", true},
		{"nix (Lix, like Nix) 2.93.0\nSystem type: x86_64-linux", "Lix", "x.drv^*", "flake update --flake path:x", true},
		{"nix (Determinate Nix 3.6.2) 2.29.0", "Determinate Nix", "x.drv^*", "flake update --flake path:x", true},
	} {
		v, err := parseVersion(test.text)
		got := []any{v.Flavor, v.installable("x.drv"), strings.Join(v.updateFlake("path:x"), " "), v.supported()}
		if diff := cmp.Diff([]any{test.flavor, test.drv, test.update, test.supported}, got); diff != "" || err != nil {
			t.Error(test.text, diff, err)
		}
	}
	if _, err := parseVersion("nix 3"); err == nil {
		t.Error("nonsense is a version")
	}
}

func TestParseFailure(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"error: builder for '/nix/store/x-a.drv' failed with exit code 3;\n       last 2 log lines:", "/nix/store/x-a.drv 3 failed with exit code 3"},
		{"error: Cannot build '/nix/store/x-a.drv'.\n       Reason: builder failed with exit code 1.", "/nix/store/x-a.drv 1 failed with exit code 1"},
		{"builder for '/nix/store/x-a.drv' failed due to signal 9 (Killed)", "/nix/store/x-a.drv 1 failed due to signal 9 (Killed)"},
		{"error: hash mismatch in fixed-output derivation '/nix/store/x-a.drv':\n         specified: sha256-A=\n            got:    sha256-B=", "/nix/store/x-a.drv 102 the content does not have the hash that was given sha256-A= sha256-B="},
		{"error: a 'aarch64-linux' with features {} is required to build '/nix/store/x-a.drv', but I am a 'x86_64-linux' with features {kvm}", "/nix/store/x-a.drv 1 it can be built on aarch64-linux only, and this machine is x86_64-linux"},
		{"error: Cannot build '/nix/store/x-a.drv'.\n       Reason: platform mismatch\n       Required system: 'aarch64-linux'\n       Current system: 'x86_64-linux'", "/nix/store/x-a.drv 1 it can be built on aarch64-linux only, and this machine is x86_64-linux"},
		{"error: something else", ""},
	} {
		got := ""
		if f, ok := parseFailure(test.text); ok {
			got = fmt.Sprint(f.drvPath, " ", f.status, " ", f.reason)
			if f.hash != nil {
				got += " " + f.hash.Specified + " " + f.hash.Got
			}
		}
		if got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

// TestPathInfo: a list until 2.18, an object since.
func TestPathInfo(t *testing.T) {
	for _, text := range []string{
		`[{"path":"/nix/store/0123456789abcdefghijklmnopqrstuv-a-1.0","narSize":7,"references":["x"]}]`,
		`{"/nix/store/0123456789abcdefghijklmnopqrstuv-a-1.0":{"narSize":7,"references":["x"]},"/nix/store/gone":null}`,
	} {
		infos, err := decodePathInfo([]byte(text))
		if err != nil || len(infos) != 1 || infos[0].Name() != "a-1.0" || infos[0].NarSize != 7 || len(infos[0].References) != 1 {
			t.Errorf("%s: %+v %v", text, infos, err)
		}
	}
}

// TestLog: the log of a build as events; what is unknown is ignored.
func TestLog(t *testing.T) {
	var events []string
	p := newLogParser(func(e Event) { events = append(events, fmt.Sprintf("%T %v", e, e)) })
	for _, line := range []string{
		`@nix {"action":"start","id":2,"type":104}`,
		`@nix {"action":"start","id":18446744073709551615,"type":105,"fields":["/nix/store/0123456789abcdefghijklmnopqrstuv-a.drv","",1,1]}`,
		`@nix {"action":"result","id":18446744073709551615,"type":101,"fields":["a line"]}`,
		`@nix {"action":"result","id":2,"type":105,"fields":[1,4,2,1]}`,
		`@nix {"action":"start","fields":["/nix/store/0123456789abcdefghijklmnopqrstuv-b.drv","",1,1],"id":7,"level":3,"text":"building b","type":105}`,
		`@nix {"action":"result","fields":[2,4,1,1],"id":2,"type":105}`,
		`@nix {"action":"result","fields":[3,4,0,1],"id":12,"type":105}`,
		`@nix {"action":"result","fields":[101,4],"id":2,"type":106}`,
		`@nix {"action":"start","id":3,"type":999999,"fields":[{}]}`,
		`@nix {"action":"dance"}`,
		`@nix not json`,
		`plain text`,
		`@nix {"action":"stop","id":18446744073709551615}`,
	} {
		p.line([]byte(line))
	}
	want := []string{
		"nix.recounting {}",
		"nix.BuildStarted {/nix/store/0123456789abcdefghijklmnopqrstuv-a.drv a}",
		"nix.LogLine {/nix/store/0123456789abcdefghijklmnopqrstuv-a.drv a a line}",
		"nix.Counted {1 4 2 1}",
		"nix.BuildStarted {/nix/store/0123456789abcdefghijklmnopqrstuv-b.drv b}",
		"nix.Counted {2 4 1 1}",
		"nix.Message {3 plain text}",
		"nix.BuildFinished {/nix/store/0123456789abcdefghijklmnopqrstuv-a.drv a}",
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Error(diff)
	}
}

// TestSweep: a killed evaluation leaves its directory, but not for ever.
func TestSweep(t *testing.T) {
	below := t.TempDir()
	old, other := filepath.Join(below, "rigx-eval-1"), filepath.Join(below, "else")
	for _, dir := range []string{old, other} {
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chtimes(dir, time.Time{}, time.Now().Add(-25*time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := momentaryDir(below); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(below, "*"))
	if err != nil || len(left) != 3 || slices.Contains(left, old) {
		t.Errorf("left are %q: %v", left, err)
	}
}

// TestLogPieces reads lines that come in pieces, and cuts one that is far too long.
func TestLogPieces(t *testing.T) {
	var got []int
	w := newWatcher(func(e Event) { got = append(got, len(e.(Message).Text)) })
	log := "one\r\n" + strings.Repeat("x", longestLogLine+5) + "\nlast"
	for piece := range slices.Chunk([]byte(log), 10_001) {
		_, _ = w.Write(piece)
	}
	w.end()
	if want := []int{3, longestLogLine, 5, 4}; !slices.Equal(got, want) {
		t.Errorf("lines of %d bytes, want %d", got, want)
	}
}

// FuzzLog: whatever Nix prints, reading it goes on.
func FuzzLog(f *testing.F) {
	f.Add(`@nix {"action":"result","id":1,"type":101,"fields":["x"]}`)
	f.Add(`@nix {"action":"msg","level":0,"msg":"builder for '/x.drv' failed with exit code 99999999999999999999"}`)
	f.Fuzz(func(t *testing.T, text string) {
		w := newWatcher(nil)
		w.expect([]Derivation{{DrvPath: "/x.drv", Outputs: map[string]string{"out": "/x"}}})
		for piece := range slices.Chunk([]byte(text), 7) {
			_, _ = w.Write(piece)
		}
		w.end()
		if _, err := json.Marshal(w.tail); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSourceKey: other files have another key.
func TestSourceKey(t *testing.T) {
	if SourceKey([]string{"a", "b"}) == SourceKey([]string{"a\nb"}) || SourceKey([]string{"a", "b"}) == SourceKey([]string{"a/b"}) {
		t.Error("two sets of files have one key")
	}
}

// TestReplaceLink: a link that somebody left aside is not taken for ours.
func TestReplaceLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "app")
	for _, to := range []string{"one", "two", "two", "three"} {
		_ = os.Symlink("old", fmt.Sprintf("%s.tmp-%d", link, os.Getpid()))
		if err := replaceLink(link, to); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(link); err != nil || got != to {
			t.Errorf("it leads to %s, not %s (%v)", got, to, err)
		}
	}
}

// TestRedacted: whatever is printed has no password in it.
func TestRedacted(t *testing.T) {
	for text, want := range map[string]string{
		"cannot reach https://me:secret@host/x, 'ssh-ng://me:p:w@host'": "cannot reach https://me:***@host/x, 'ssh-ng://me:***@host'",
		"ssh-ng://me@host:22 and https://host:80/a@b":                   "ssh-ng://me@host:22 and https://host:80/a@b",
		"a:b@c": "a:b@c",
	} {
		if got := Redacted(text); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
}

// TestConfiguration: a change of any file that Nix reads its configuration from is seen.
func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("XDG_CONFIG_DIRS", filepath.Join(dir, "site")+string(filepath.ListSeparator))
	t.Setenv("NIX_CONF_DIR", filepath.Join(dir, "etc"))
	t.Setenv("NIX_USER_CONF_FILES", filepath.Join(dir, "user.conf"))
	t.Setenv("NIX_CONFIG", "# include none.conf\ninclude "+filepath.Join(dir, "variable.conf")+"\n")
	written := func() string {
		var b strings.Builder
		WriteConfiguration(&b)
		return b.String()
	}
	t.Chdir(dir)
	if err := errors.Join(os.Mkdir("nix", 0o755), os.WriteFile("nix/nix.conf", []byte("cores = 1\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(written(), "cores") {
		t.Error("a file of the project is taken for Nix's configuration")
	}
	before := written()
	for _, file := range []string{
		"etc/nix.conf", "home/.config/nix/nix.conf", "config/nix/nix.conf", "site/nix/nix.conf", "user.conf", "variable.conf",
		"etc/custom.conf", "etc/loop.conf",
	} {
		path := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("!include custom.conf\n!include  loop.conf # both\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		now := written()
		if now == before {
			t.Errorf("%s goes unnoticed", file)
		}
		before = now
	}
}
