package nix

import (
	"fmt"
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
	say(recounting{}, a, Counted{0, 2, 1, 0}, Counted{1, 2, 0, 0}, b, Counted{1, 2, 0, 1})
	say(recounting{}, c, Counted{0, 2, 1, 0})
	interrupted = true
	say(Message{0, "error: builder for '/c.drv' failed with exit code 1"}, Counted{0, 2, 0, 1}, BuildFinished(c))
	if begun := w.endParts(); begun != 2 {
		t.Errorf("%d parts have begun, want 2", begun)
	}
	say(recounting{}, c, Counted{0, 2, 1, 0}, Counted{1, 2, 0, 0})
	want := []string{
		"nix.BuildStarted {/a.drv a}", "nix.Counted {0 5 1 0}", "nix.BuildFinished {/a.drv a}", "nix.Counted {1 5 0 0}",
		"nix.BuildStarted {/b.drv b}", "nix.BuildFinished {/b.drv b}", "nix.Counted {1 5 0 1}",
		"nix.BuildStarted {/c.drv c}", "nix.Counted {1 5 1 1}",
		"nix.BuildInterrupted {/c.drv c}",
		"nix.BuildStarted {/c.drv c}", "nix.Counted {1 4 1 1}", "nix.BuildFinished {/c.drv c}", "nix.Counted {2 4 0 1}",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	if w.failed("/x.drv") || len(w.failures) > 0 {
		t.Errorf("failures: %v", w.failures)
	}
}
