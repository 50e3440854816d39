package testbed

import (
	"fmt"
	"slices"
	"time"
)

// An Event is a fault that comes and goes by itself.
type Event struct {
	At       time.Duration // after the call of Schedule
	For      time.Duration // how long it lasts; 0 until the network is closed
	Selector Selector
	Rule     Rule
}

// Schedule sets faults over time. All are checked, and numbered in the order in
// which they are given, before any is set. However late this process is, they
// come and go in the order of their times. The function that it returns clears
// them, and cancels those yet to come.
func (n *Network) Schedule(events ...Event) (stop func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := &schedule{network: n}
	s.alarm.wake = func() { go s.run() } // the clock must not wait for n.mu
	first, now := n.nextFault, time.Now()
	for i, e := range events {
		if e.At < 0 || e.For < 0 {
			err = fmt.Errorf("at = %v, for = %v: times cannot be negative", e.At, e.For)
		}
		var f *Fault
		if err == nil {
			f, err = n.newFault([]Selector{e.Selector}, e.Rule)
		}
		if err != nil {
			n.nextFault = first
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		s.faults = append(s.faults, f)
		begin := now.Add(e.At)
		s.steps = append(s.steps, step{begin, f.set})
		if e.For > 0 {
			s.steps = append(s.steps, step{begin.Add(e.For), f.clear})
		}
	}
	slices.SortStableFunc(s.steps, func(a, b step) int { return a.at.Compare(b.at) })
	if len(s.steps) > 0 {
		n.clock.set(&s.alarm, s.steps[0].at)
	}
	return s.stop, nil
}

// A schedule is what is left of a call of [Network.Schedule]. It is guarded by
// the mutex of the network.
type schedule struct {
	network *Network
	alarm   waiter
	steps   []step // in the order of their times
	faults  []*Fault
}

// A step sets or clears a fault.
type step struct {
	at time.Time
	do func()
}

// run does what is due.
func (s *schedule) run() {
	n := s.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	for len(s.steps) > 0 && !s.steps[0].at.After(time.Now()) {
		s.steps[0].do()
		s.steps = s.steps[1:]
	}
	if len(s.steps) > 0 {
		n.clock.set(&s.alarm, s.steps[0].at)
	}
}

func (s *schedule) stop() {
	n := s.network
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock.cancel(&s.alarm)
	s.steps = nil
	for _, f := range s.faults {
		f.clear()
	}
}
