package testbed

import (
	"io"
	"testing"
	"time"
)

// Faults come and go by themselves, in order.
func TestSchedule(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	heard := l.listen()
	start := time.Now()
	_, err := l.Schedule(
		Event{At: 40 * time.Millisecond, For: 20 * time.Millisecond, Selector: simToFC, Rule: Rule{Partition: true}},
		Event{At: 0, For: 20 * time.Millisecond, Rule: Rule{Drop: 0.5}},
		Event{At: 80 * time.Millisecond, Rule: Rule{Corrupt: 1}},
	)
	check(t, err)
	for _, want := range []struct {
		event string
		fault int
		after time.Duration
	}{
		{"fault.set", 2, 0}, {"fault.cleared", 2, 20 * time.Millisecond},
		{"fault.set", 1, 40 * time.Millisecond}, {"fault.cleared", 1, 60 * time.Millisecond},
		{"fault.set", 3, 80 * time.Millisecond},
	} {
		got := heard.next(t, "fault.set", "fault.cleared")
		if got.Event != want.event || got.Fault != want.fault || got.Time.Sub(start) < want.after {
			t.Errorf("%s of fault %d after %v; want %s of %d after %v or more", got.Event, got.Fault, got.Time.Sub(start), want.event, want.fault, want.after)
		}
	}
	if s := l.State(); len(s.Faults) != 1 || s.Faults[0].ID != 3 {
		t.Errorf("in force are %v; want the third fault, which has no end", s.Faults)
	}
}

// Stopping clears what is there, and what is yet to come does not.
func TestScheduleStops(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	heard := l.listen()
	stop, err := l.Schedule(
		Event{Rule: Rule{Partition: true}},
		Event{At: silent, Rule: Rule{Partition: true}},
		Event{At: time.Hour, Rule: Rule{Partition: true}},
	)
	check(t, err)
	heard.next(t, "fault.set")
	stop()
	stop()
	sim, fc := l.pair()
	time.Sleep(2 * silent)
	send(t, sim, "hello")
	expect(t, fc, "hello")
	if s := l.State(); len(s.Faults) != 0 {
		t.Errorf("in force is %v", s.Faults)
	}
}

// What a closed network gave may still be stopped and cleared.
func TestStopsAfterClose(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	stop, err := l.Schedule(Event{At: time.Hour, Rule: Rule{Drop: 1}}, Event{At: time.Hour, Rule: Rule{Drop: 1}})
	check(t, err)
	f := l.fault(Rule{Drop: 1})
	record, err := l.Record(Selector{}, io.Discard)
	check(t, err)
	unsubscribe := l.Subscribe(func(EventRecord) {})
	check(t, l.Close())
	stop()
	f.Clear()
	check(t, record())
	unsubscribe()
	l.State()
}

// If one event is wrong, none is scheduled.
func TestBadSchedule(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{At: -1}, "event 2: at = -1ns"},
		{Event{For: -time.Second}, "times cannot be negative"},
		{Event{Selector: Selector{From: "nobody"}}, `event 2: there is no node "nobody"`},
		{Event{Rule: Rule{Drop: 2}}, "event 2: drop_rate = 2"},
	} {
		_, err := l.Schedule(Event{Rule: Rule{Drop: 1}}, c.event)
		expectError(t, err, c.want)
	}
	if f := l.fault(Rule{}); f.ID() != 1 {
		t.Errorf("the first fault has the number %d", f.ID())
	}
}
