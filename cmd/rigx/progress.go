package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/nix"
)

// progress tells what Nix does: on a terminal with a live view, elsewhere in
// plain lines, and with -v with the output of all builders.
type progress struct {
	a     *app
	begin time.Time
	live  *liveView // nil elsewhere

	mu    sync.Mutex
	built int
	names map[string]runningBuild
	said  time.Time // when a line was last written
	stop  chan struct{}
}

// heartbeat is how long a build is silent before it says that it goes on, where
// somebody may think that it hangs: continuous integration ends such jobs.
const heartbeat = time.Minute

// newProgress tells of builds in a workspace.
func (a *app) newProgress(ws *engine.Workspace) *progress {
	p := &progress{a: a, begin: time.Now(), said: time.Now(), names: map[string]runningBuild{}, stop: make(chan struct{})}
	if !a.quiet && !a.verbose && os.Getenv("TERM") != "dumb" && isTerminal(a.err) {
		p.live = newLiveView(a.err.(*os.File), ws.Durations())
	} else if !a.quiet {
		go p.beat(heartbeat)
	}
	return p
}

// newPlainProgress is for what writes its own output meanwhile.
func (a *app) newPlainProgress() *progress {
	return &progress{a: a, begin: time.Now(), names: map[string]runningBuild{}, stop: make(chan struct{})}
}

// event is called by one goroutine at a time.
func (p *progress) event(e nix.Event) {
	if p.a.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live != nil {
		p.live.event(e)
	}
	switch e := e.(type) {
	case nix.BuildStarted:
		p.names[e.DrvPath] = runningBuild{name: e.Name, since: time.Now()}
		p.say("building %s\n", e.Name)
	case nix.BuildFinished:
		if r, ok := p.names[e.DrvPath]; ok {
			p.built++
			delete(p.names, e.DrvPath)
			if took := time.Since(r.since); took > 10*time.Second {
				p.say("built %s in %s\n", e.Name, took.Round(time.Second))
			}
		}
	case nix.BuildInterrupted:
		delete(p.names, e.DrvPath)
	case nix.LogLine:
		if p.a.verbose {
			p.say("%s> %s\n", e.Name, e.Text)
		}
	case nix.FetchStarted:
		p.say("fetching %s\n", e.What)
	case nix.LinkBroken:
		p.say("the link to %s broke (%s); trying again in %v\n", e.Store, firstLine(e.Reason), e.Wait)
	}
}

// say writes a line, unless the live view shows the same.
func (p *progress) say(format string, args ...any) {
	if p.live != nil {
		return
	}
	p.said = time.Now()
	fmt.Fprintf(p.a.err, format, args...)
}

// beat says after each silence what is still being built.
func (p *progress) beat(every time.Duration) {
	ticker := time.NewTicker(every / 10)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-ticker.C:
			p.mu.Lock()
			if now.Sub(p.said) >= every && len(p.names) > 0 {
				p.say("still building %s\n", still(p.names, now))
			}
			p.mu.Unlock()
		}
	}
}

// still lists what is being built, and for how long.
func still(names map[string]runningBuild, now time.Time) string {
	list := make([]string, 0, len(names))
	for _, r := range names {
		list = append(list, fmt.Sprintf("%s (%s)", r.name, now.Sub(r.since).Round(time.Second)))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (p *progress) end() {
	close(p.stop)
	if p.live != nil {
		p.live.end()
	}
	if p.built > 0 && !p.a.quiet {
		fmt.Fprintf(p.a.err, "built %s in %s\n", count(p.built, "derivation"), time.Since(p.begin).Round(100*time.Millisecond))
	}
}
