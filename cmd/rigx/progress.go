package main

import (
	"fmt"
	"time"

	"github.com/rigx-build/rigx/engine/nix"
)

// progress tells what Nix does in plain lines: each derivation that is built,
// and with -v the output of all builders.
type progress struct {
	a     *app
	begin time.Time
	built int
	names map[string]time.Time
}

func (a *app) newProgress() *progress {
	return &progress{a: a, begin: time.Now(), names: map[string]time.Time{}}
}

// event is called by one goroutine at a time.
func (p *progress) event(e nix.Event) {
	if p.a.quiet {
		return
	}
	switch e := e.(type) {
	case nix.BuildStarted:
		p.names[e.DrvPath] = time.Now()
		fmt.Fprintf(p.a.err, "building %s\n", e.Name)
	case nix.BuildFinished:
		if begin, ok := p.names[e.DrvPath]; ok {
			p.built++
			delete(p.names, e.DrvPath)
			if took := time.Since(begin); took > 10*time.Second {
				fmt.Fprintf(p.a.err, "built %s in %s\n", e.Name, took.Round(time.Second))
			}
		}
	case nix.LogLine:
		if p.a.verbose {
			fmt.Fprintf(p.a.err, "%s> %s\n", e.Name, e.Text)
		}
	case nix.FetchStarted:
		fmt.Fprintf(p.a.err, "fetching %s\n", e.What)
	}
}

func (p *progress) end() {
	if p.built > 0 && !p.a.quiet {
		fmt.Fprintf(p.a.err, "built %s in %s\n", count(p.built, "derivation"), time.Since(p.begin).Round(100*time.Millisecond))
	}
}
