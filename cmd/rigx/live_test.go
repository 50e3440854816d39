package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rigx-build/rigx/engine/nix"
)

// TestLiveFrame: what the view shows while a build goes on.
func TestLiveFrame(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	after := func(s float64) time.Time { return begun.Add(time.Duration(s * float64(time.Second))) }
	s := liveState{begun: begun}
	if lines := s.frame(60, after(0.1)); len(lines) != 0 {
		t.Error("it flickers:", lines)
	}
	check := func(now float64, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, s.frame(60, after(now))); diff != "" {
			t.Error(diff)
		}
	}
	check(1, "evaluating 1s")
	s.event(nix.Counted{Done: 3, Expected: 9, Running: 2}, after(1))
	s.event(nix.BuildStarted{DrvPath: "a", Name: "hello"}, after(1))
	s.event(nix.BuildStarted{DrvPath: "b", Name: "greet"}, after(5))
	s.event(nix.LogLine{DrvPath: "a", Text: "\x1b[31mcompiling\x1b[0m\tone of very many files that there are"}, after(5))
	s.event(nix.LogLine{DrvPath: "b", Text: "fresh"}, after(5))
	check(6,
		"  hello                        5s  compiling one of very m…",
		"  greet                        1s",
		"[3/9 built, 2 running] 6s, about 10s left")
	s.event(nix.BuildFinished{DrvPath: "a", Name: "hello"}, after(7))
	s.event(nix.Counted{Done: 3, Expected: 9, Failed: 1}, after(7))
	check(7,
		"  greet                        2s",
		"[3/9 built, 1 failed, 1 running] 7s, about 11s left")
	for i := range 10 {
		s.event(nix.BuildStarted{DrvPath: string(rune('c' + i)), Name: "x"}, after(7))
	}
	if lines := s.frame(60, after(8)); len(lines) != shownBuilds+2 || lines[shownBuilds] != "  … and 3 more" {
		t.Error(lines)
	}
}

// TestLiveLeft: how long it will take is known from the last time.
func TestLiveLeft(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := liveState{begun: begun, lasted: map[string]time.Duration{
		"a": 30 * time.Second, "b": 10 * time.Second, "c": 8 * time.Second, "d": 12 * time.Second,
	}}
	s.event(nix.Counted{Expected: 4}, begun)
	s.event(nix.BuildStarted{DrvPath: "1", Name: "a"}, begun)
	s.event(nix.BuildStarted{DrvPath: "2", Name: "b"}, begun)
	for _, step := range []struct {
		after time.Duration
		want  time.Duration
	}{
		{0, 30 * time.Second},                // a alone takes as long as the other three
		{4 * time.Second, 26 * time.Second},  // of a
		{40 * time.Second, 10 * time.Second}, // a and b are late; c and d are yet to come, side by side
	} {
		if left := s.left(begun.Add(step.after)); left != step.want {
			t.Errorf("after %v: %v, want %v", step.after, left, step.want)
		}
	}
	unknown := liveState{begun: begun}
	unknown.event(nix.Counted{Expected: 4}, begun)
	if left := unknown.left(begun.Add(time.Minute)); left != 0 {
		t.Errorf("nothing is known, and it says %v", left)
	}
}

// TestLiveDraw: each frame takes the place of the one before.
func TestLiveDraw(t *testing.T) {
	var out bytes.Buffer
	v := &liveView{to: &out}
	v.draw([]string{"a", "b"})
	v.draw([]string{"c"})
	v.print("above\n")
	if want := "a\nb\n\x1b[2A\r\x1b[Jc\n\x1b[1A\r\x1b[Jabove\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}

// TestHeartbeat: a silent build says that it goes on.
func TestHeartbeat(t *testing.T) {
	var out bytes.Buffer
	p := &progress{a: &app{err: &out}, said: time.Now(), names: map[string]runningBuild{}, stop: make(chan struct{})}
	p.event(nix.BuildStarted{DrvPath: "x", Name: "slow"})
	go p.beat(20 * time.Millisecond)
	deadline := time.Now().Add(10 * time.Second)
	for text := ""; !strings.Contains(text, "still building slow (0s)"); {
		p.mu.Lock()
		text = out.String()
		p.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatalf("%q", text)
		}
		time.Sleep(5 * time.Millisecond)
	}
	close(p.stop)
}
