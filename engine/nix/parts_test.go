package nix

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPartsProgress: what Nix counts for each part by itself is told as one sum, and what
// ends or fails because it was interrupted is neither built nor a failure.
func TestPartsProgress(t *testing.T) {
	var told []string
	w := newWatcher(func(e Event) { told = append(told, fmt.Sprintf("%T %v", e, e)) })
	say := func(events ...Event) {
		for _, e := range events {
			w.event(e)
		}
	}
	interrupted := false
	parts := [][]Derivation{make([]Derivation, 2), make([]Derivation, 2), make([]Derivation, 1)}
	w.beginParts(parts, time.NewTimer(time.Hour), func() bool { return interrupted })
	a, b, c := BuildStarted{"/a.drv", "a"}, BuildStarted{"/b.drv", "b"}, BuildStarted{"/c.drv", "c"}
	d, output := BuildStarted{"/d.drv", "d"}, t.TempDir()
	w.outputs[d.DrvPath] = map[string]string{"out": output}
	say(recounting{}, a, Counted{0, 2, 1, 0}, Counted{1, 2, 0, 0}, b, Counted{1, 2, 0, 1})
	say(recounting{}, c, Counted{0, 2, 1, 0}, d)
	interrupted = true
	say(Message{0, "error: builder for '/c.drv' failed with exit code 1"}, Counted{0, 2, 0, 1}, BuildFinished(c))
	if err := os.Chtimes(output, time.Time{}, time.Unix(1, 0)); err != nil { // as what is in the store
		t.Fatal(err)
	}
	w.endParts()
	if !w.failed("/b.drv") || w.failed("/c.drv") || len(w.failures) > 0 {
		t.Errorf("b has failed and c was interrupted, but: %v", w.failures)
	}
	say(recounting{}, c, Counted{0, 2, 1, 0}, Counted{1, 2, 0, 0})
	want := []string{
		"nix.BuildStarted {/a.drv a}", "nix.Counted {0 5 1 0}", "nix.BuildFinished {/a.drv a}", "nix.Counted {1 5 0 0}",
		"nix.BuildStarted {/b.drv b}", "nix.BuildFinished {/b.drv b}", "nix.Counted {1 5 0 1}",
		"nix.BuildStarted {/c.drv c}", "nix.Counted {1 5 1 1}",
		"nix.BuildStarted {/d.drv d}", "nix.BuildFinished {/d.drv d}", "nix.BuildInterrupted {/c.drv c}",
		"nix.BuildStarted {/c.drv c}", "nix.Counted {1 4 1 1}", "nix.BuildFinished {/c.drv c}", "nix.Counted {2 4 0 1}",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// TestPartsHurry: a part is interrupted when a build takes longer than a moment, and when
// for that long nothing is built.
func TestPartsHurry(t *testing.T) {
	for _, idle := range []bool{false, true} {
		w := newWatcher(nil)
		rung := make(chan bool, 1)
		w.beginParts(nil, time.AfterFunc(time.Hour, func() { rung <- true }), func() bool { return false })
		w.event(recounting{})
		if !idle {
			w.event(BuildStarted{"/a.drv", "a"})
			w.begun["/a.drv"] = time.Now().Add(-Moment)
			w.event(BuildStarted{"/b.drv", "b"})
		}
		begun := time.Now()
		<-rung
		if took := time.Since(begun); idle != (took > Moment/2) {
			t.Errorf("idle %v: it is interrupted after %v", idle, took)
		}
		w.endParts()
	}
}

// TestNestedCount: what another machine counts while it builds one of them is not the
// count of all.
func TestNestedCount(t *testing.T) {
	var counts []Event
	p := newLogParser(func(e Event) {
		switch e.(type) {
		case recounting, Counted:
			counts = append(counts, e)
		}
	})
	for _, line := range []string{
		`@nix {"action":"start","id":1,"type":104}`,
		`@nix {"action":"start","fields":["/nix/store/0123456789abcdefghijklmnopqrstuv-b.drv","ssh://far",1,1],"id":2,"type":105}`,
		`@nix {"action":"start","id":3,"parent":2,"type":104}`,
		`@nix {"action":"result","fields":[1,1,0,0],"id":3,"type":105}`,
		`@nix {"action":"stop","id":2}`,
		`@nix {"action":"result","fields":[1,9,0,0],"id":1,"type":105}`,
	} {
		p.line([]byte(line))
	}
	if diff := cmp.Diff([]Event{recounting{}, Counted{1, 9, 0, 0}}, counts); diff != "" {
		t.Error(diff)
	}
}

func TestNoBuilders(t *testing.T) {
	dir := t.TempDir()
	empty, machines := filepath.Join(dir, "empty"), filepath.Join(dir, "machines")
	if err := errors.Join(os.WriteFile(empty, []byte("\n"), 0o644), os.WriteFile(machines, []byte("ssh://far\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for setting, want := range map[string]bool{
		"": true, "@/nowhere/machines": true, "@" + empty: true, "@" + machines: false, "ssh://far x86_64-linux": false,
	} {
		if noBuilders(setting) != want {
			t.Errorf("%q: %v", setting, !want)
		}
	}
}
