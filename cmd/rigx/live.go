package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/engine/problem"
)

// liveView draws what is built just now at the bottom of a terminal.
type liveView struct {
	to    io.Writer
	width func() int

	mu    sync.Mutex
	state liveState
	drawn int // lines
	stop  chan struct{}
	done  chan struct{}
}

// liveState is what a frame shows.
type liveState struct {
	begun   time.Time
	counted nix.Counted
	running []runningBuild
	fetched string
	// lasted is how long builds took the last time, by name, without those that
	// have begun since.
	lasted map[string]time.Duration
	// most is how many ran at once.
	most int
}

type runningBuild struct {
	drv, name string
	since     time.Time
	lasted    time.Duration // the last time; 0 if that is not known
	last      string        // line of its log
}

// frames is how long a frame stays.
const frames = 100 * time.Millisecond

// longFor is how long a build must run for the last line of its log to be
// shown.
const longFor = 2 * time.Second

// newLiveView starts to draw. It needs a terminal.
func newLiveView(to *os.File, lasted map[string]time.Duration) *liveView {
	v := &liveView{to: to, state: liveState{begun: time.Now(), lasted: lasted}, stop: make(chan struct{}), done: make(chan struct{})}
	v.width = func() int {
		width, _, err := term.GetSize(int(to.Fd()))
		if err != nil || width < 20 {
			return 80
		}
		return width
	}
	go func() {
		defer close(v.done)
		ticker := time.NewTicker(frames)
		defer ticker.Stop()
		for {
			select {
			case <-v.stop:
				v.print("")
				return
			case <-ticker.C:
				v.mu.Lock()
				v.draw(v.state.frame(v.width(), time.Now()))
				v.mu.Unlock()
			}
		}
	}()
	return v
}

// event is called by one goroutine at a time.
func (v *liveView) event(e nix.Event) {
	v.mu.Lock()
	v.state.event(e, time.Now())
	v.mu.Unlock()
}

// print puts text above the view.
func (v *liveView) print(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.draw(nil)
	fmt.Fprint(v.to, text)
}

// end takes the view away.
func (v *liveView) end() {
	close(v.stop)
	<-v.done
}

// draw replaces the lines that were drawn last.
func (v *liveView) draw(lines []string) {
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", v.drawn)
	}
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	v.drawn = len(lines)
	if b.Len() > 0 {
		fmt.Fprint(v.to, b.String())
	}
}

func (s *liveState) event(e nix.Event, now time.Time) {
	switch e := e.(type) {
	case nix.BuildStarted:
		s.running = append(s.running, runningBuild{drv: e.DrvPath, name: e.Name, since: now, lasted: s.lasted[e.Name]})
		delete(s.lasted, e.Name)
		s.most = max(s.most, len(s.running))
		s.fetched = ""
	case nix.BuildFinished:
		s.stopped(e.DrvPath)
	case nix.BuildInterrupted:
		if r := s.stopped(e.DrvPath); r.lasted > 0 {
			s.lasted[e.Name] = r.lasted
		}
	case nix.LogLine:
		for i := range s.running {
			if s.running[i].drv == e.DrvPath {
				s.running[i].last = e.Text
			}
		}
	case nix.FetchStarted:
		s.fetched = e.What
	case nix.LinkBroken:
		s.fetched = "from " + e.Store + " again: the link broke"
	case nix.Counted:
		s.counted = e
	}
}

// stopped takes a build from those that run, and returns it.
func (s *liveState) stopped(drv string) (stopped runningBuild) {
	if i := slices.IndexFunc(s.running, func(r runningBuild) bool { return r.drv == drv }); i >= 0 {
		stopped = s.running[i]
		s.running = slices.Delete(s.running, i, i+1)
	}
	return stopped
}

// shownBuilds is how many of the running builds have a line of their own.
const shownBuilds = 8

// frame is what the view shows: a line for each running build, the longest
// first, and the sum below.
func (s *liveState) frame(width int, now time.Time) []string {
	var lines []string
	for i, r := range s.running {
		if i == shownBuilds {
			lines = append(lines, fmt.Sprintf("  … and %d more", len(s.running)-i))
			break
		}
		took := now.Sub(r.since)
		line := fmt.Sprintf("  %-24s %6s", r.name, took.Round(100*time.Millisecond))
		if last := strings.TrimSpace(problem.Plain(r.last)); took > longFor && last != "" {
			line += "  " + last
		}
		lines = append(lines, fit(line, width))
	}
	sum := fmt.Sprintf("[%d/%d built", s.counted.Done, s.counted.Expected)
	if s.counted.Failed > 0 {
		sum += fmt.Sprintf(", %d failed", s.counted.Failed)
	}
	sum += fmt.Sprintf(", %d running] %s", len(s.running), now.Sub(s.begun).Round(time.Second))
	if left := s.left(now); left > 0 {
		sum += fmt.Sprintf(", about %s left", left.Round(time.Second))
	}
	if s.fetched != "" {
		sum += "  fetching " + s.fetched
	}
	if s.counted.Expected == 0 && len(s.running) == 0 && s.fetched == "" {
		if now.Sub(s.begun) < longFor/4 {
			return nil
		}
		sum = fmt.Sprintf("evaluating %s", now.Sub(s.begun).Round(100*time.Millisecond))
	}
	return append(lines, fit(sum, width))
}

// left guesses how long it will take: from how long things took the last time,
// and where that is not known, from how long it took so far. It is 0 before
// there is something to go by.
func (s *liveState) left(now time.Time) time.Duration {
	waiting := s.counted.Expected - s.counted.Done - s.counted.Failed - len(s.running)
	took := now.Sub(s.begun)
	var usual time.Duration // of one that waits
	switch {
	case len(s.lasted) > 0:
		for _, d := range s.lasted {
			usual += d / time.Duration(len(s.lasted))
		}
	case s.counted.Done >= 3 && took >= 5*time.Second:
		usual = took * time.Duration(max(s.most, 1)) / time.Duration(s.counted.Done)
	case waiting > 0:
		return 0
	}
	work, longest := usual*time.Duration(max(waiting, 0)), time.Duration(0)
	for _, r := range s.running {
		expected := r.lasted
		if expected == 0 {
			expected = usual
		}
		remaining := max(expected-now.Sub(r.since), 0)
		work += remaining
		longest = max(longest, remaining)
	}
	return max(longest, work/time.Duration(max(s.most, 1)))
}

// fit cuts a line to the width of the terminal.
func fit(line string, width int) string {
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line)
	if utf8.RuneCountInString(line) < width {
		return line
	}
	runes := []rune(line)
	return string(runes[:max(width-2, 0)]) + "…"
}
