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
	closed  bool
}

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
		c.alarm.set(time.Until(at))
	}
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
		now := time.Now()
		for len(c.waiters) > 0 && !c.waiters[0].at.After(now) {
			w := c.waiters.remove(0)
			w.index = 0
			due = append(due, w)
		}
		if len(c.waiters) > 0 {
			c.alarm.set(c.waiters[0].at.Sub(now))
		}
		c.mu.Unlock()
		for _, w := range due {
			w.wake()
		}
		clear(due)
		due = due[:0]
	}
}

func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.waiters = nil
	c.alarm.close()
	c.mu.Unlock()
	<-c.done
}
