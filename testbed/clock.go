package testbed

import (
	"sync"
	"time"
)

// A clock wakes many waiters, each at its time, from one goroutine and with
// one [alarm], which is more precise than the timers of the runtime.
type clock struct {
	alarm alarm
	done  chan struct{}

	mu      sync.Mutex
	waiters heap[*waiter]
	rings   time.Time // when the alarm is to ring; zero if right when a waiter is to be woken
	lead    time.Duration
	closed  bool
}

const (
	// A processor that has slept wakes up late, that of a virtual machine by more than
	// most delays may be off. So the alarm rings earlier than it must, by the lead, which is
	// how late it was lately, but for maxLead at most; what is left of it is spent awake.
	maxLead = 200 * time.Microsecond
	// asleep is how far off a time must be for that: where much goes on, nobody sleeps.
	asleep = 2 * time.Millisecond
)

// A waiter is woken once for each time that it is set. Its function must not
// block.
type waiter struct {
	wake  func()
	at    time.Time
	index int // in the heap, from 1; 0 if it does not wait
}

func (w *waiter) before(other *waiter) bool { return w.at.Before(other.at) }
func (w *waiter) moved(index int)           { w.index = index + 1 }

func newClock() (*clock, error) {
	a, err := newAlarm()
	if err != nil {
		return nil, err
	}
	c := &clock{alarm: a, done: make(chan struct{})}
	go c.run()
	return c, nil
}

// set has w woken at a time, and no longer at the one before.
func (c *clock) set(w *waiter, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	w.at = at
	if w.index == 0 {
		c.waiters.push(w)
	} else {
		c.waiters.fix(w.index - 1)
	}
	if c.waiters[0] == w {
		c.ring(time.Now(), at)
	}
}

// ring sets the alarm for the first waiter. The caller holds mu.
func (c *clock) ring(now, at time.Time) {
	c.rings = time.Time{}
	in := at.Sub(now)
	if in > asleep {
		in -= c.lead
		c.rings = now.Add(in)
	}
	c.alarm.set(in)
}

// cancel has w not woken.
func (c *clock) cancel(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.index != 0 && !c.closed {
		c.waiters.remove(w.index - 1)
		w.index = 0
	}
}

func (c *clock) run() {
	defer close(c.done)
	var due []*waiter
	for c.alarm.wait() {
		c.mu.Lock()
		now := c.awake()
		for len(c.waiters) > 0 && !c.waiters[0].at.After(now) {
			w := c.waiters.remove(0)
			w.index = 0
			due = append(due, w)
		}
		if len(c.waiters) > 0 {
			c.ring(now, c.waiters[0].at)
		}
		c.mu.Unlock()
		for _, w := range due {
			w.wake()
		}
		clear(due)
		due = due[:0]
	}
}

// awake returns the time once the first waiter is due, if the alarm has rung ahead of it.
// The caller holds mu.
func (c *clock) awake() time.Time {
	now := time.Now()
	if c.rings.IsZero() || c.rings.After(now) || len(c.waiters) == 0 {
		return now
	}
	c.lead += (min(now.Sub(c.rings), maxLead) - c.lead) / 8
	at := c.waiters[0].at
	if at.Sub(now) > maxLead {
		return now
	}
	c.mu.Unlock()
	for now.Before(at) {
		now = time.Now()
	}
	c.mu.Lock()
	return now
}

func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.waiters = nil
	c.alarm.close()
	c.mu.Unlock()
	<-c.done
}
