package testbed

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"
)

// A listener keeps what happens.
type listener chan EventRecord

func (l *lab) listen() listener {
	heard := make(listener, 1000)
	l.t.Cleanup(l.Subscribe(func(e EventRecord) {
		select {
		case heard <- e:
		default:
		}
	}))
	return heard
}

// next is the next event of some kinds.
func (h listener) next(t testing.TB, kinds ...string) EventRecord {
	t.Helper()
	end := time.After(time.Minute)
	for {
		select {
		case e := <-h:
			if slices.Contains(kinds, e.Event) {
				return e
			}
		case <-end:
			t.Fatalf("no event is any of %q", kinds)
		}
	}
}

// The log of a run tells what there was, what was done to it and why it ended.
func TestEvents(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := newLab(t, Options{Events: &log, Seed: 9})
	c, err := l.dialRaw()
	if err == nil {
		expectReset(t, c) // nobody listens
	}
	heard := l.listen()
	sim, fc := l.pair()
	send(t, sim, "hello")
	expect(t, fc, "hello")
	f := l.fault(Rule{Reset: 1})
	send(t, sim, "x")
	expectReset(t, sim)
	heard.next(t, "connection.closed")
	f.Clear()
	check(t, l.Close())

	var kinds []string
	var last time.Time
	records := make(map[string]EventRecord)
	for line := range bytes.Lines(log.Bytes()) {
		var e EventRecord
		check(t, json.Unmarshal(line, &e))
		if e.Time.Before(last) || e.Elapsed < 0 {
			t.Errorf("%s is at %v, %v s after the start; the event before is at %v", e.Event, e.Time, e.Elapsed, last)
		}
		last = e.Time
		kinds = append(kinds, e.Event)
		records[e.Event] = e
	}
	want := []string{
		"network.opened", "node.declared", "node.declared", "link.opened", "link.opened",
		"connection.refused", "connection.opened", "fault.set", "connection.closed",
		"fault.cleared", "link.counted", "link.counted", "link.closed", "link.closed", "network.closed",
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("the events are\n%q; want\n%q", kinds, want)
	}
	if e := records["network.opened"]; e.Seed != 9 {
		t.Errorf("the seed is %d", e.Seed)
	}
	if e := records["connection.refused"]; e.Connection != 1 || e.Error == "" || *e.Link != overTCP {
		t.Errorf("the refusal is %+v", e)
	}
	if e := records["connection.closed"]; e.Connection != 2 || e.Reason != "reset by fault 1" || e.Forward.Bytes != 5 {
		t.Errorf("the end of the connection is %+v", e)
	}
	if e := records["fault.set"]; e.Fault != 1 || e.Rule.Reset != 1 || e.Selectors[0] != simToFC {
		t.Errorf("the fault is %+v", e)
	}
}

// Who listens slowly slows down nobody.
func TestSlowListener(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	block := make(chan struct{})
	stop := l.Subscribe(func(EventRecord) { <-block })
	for range 3 * maxEvents {
		l.events.emit(EventRecord{Event: "error"})
	}
	close(block)
	heard := l.listen()
	eventually(t, "the listener catches up", func() bool {
		l.events.mu.Lock()
		defer l.events.mu.Unlock()
		return len(l.events.waiting) == 0
	})
	l.events.emit(EventRecord{Event: "error", Error: "the last one"})
	lost := heard.next(t, "events.lost")
	if lost.Lost < maxEvents || lost.Lost > 2*maxEvents {
		t.Errorf("%d of %d events are lost; %d may wait", lost.Lost, 3*maxEvents, maxEvents)
	}
	stop()
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// A log that cannot be written is an error of Close, and no other.
func TestEventsFail(t *testing.T) {
	t.Parallel()
	n, err := Open(Options{Events: failing{}})
	check(t, err)
	check(t, n.Declare(Node{Name: "a"}))
	expectError(t, n.Close(), "event log: disk full")
}
