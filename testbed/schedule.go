package testbed

import (
	"fmt"
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
// which they are given, before any is set. The function that it returns clears
// them, and cancels those yet to come.
func (n *Network) Schedule(events ...Event) (stop func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	plans := make([]*plan, len(events))
	first := n.nextFault
	for i, e := range events {
		if e.At < 0 || e.For < 0 {
			err = fmt.Errorf("at = %v, for = %v: times cannot be negative", e.At, e.For)
		}
		if err == nil {
			plans[i] = &plan{length: e.For}
			plans[i].fault, err = n.newFault([]Selector{e.Selector}, e.Rule)
		}
		if err != nil {
			n.nextFault = first
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
	}
	for i, p := range plans {
		p.alarm.wake = func() { go p.run() }
		n.clock.set(&p.alarm, time.Now().Add(events[i].At))
	}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, p := range plans {
			n.clock.cancel(&p.alarm)
			p.over = true
			p.fault.clear()
		}
	}, nil
}

// A plan is a fault yet to be set, or to be cleared.
type plan struct {
	fault  *Fault
	length time.Duration
	alarm  waiter
	set    bool
	over   bool
}

// run does what is next.
func (p *plan) run() {
	n := p.fault.network
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed || p.over:
	case p.set:
		p.fault.clear()
	default:
		p.set = true
		p.fault.set()
		if p.length > 0 {
			n.clock.set(&p.alarm, p.fault.since.Add(p.length))
		}
	}
}
