package testbed

import (
	"testing"
	"time"
)

// TestClockNotEarly: the alarm rings ahead of time, but nobody is woken before it.
func TestClockNotEarly(t *testing.T) {
	c, err := newClock()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	woken := make(chan time.Time, 1)
	w := waiter{wake: func() { woken <- time.Now() }}
	for i := range 50 {
		at := time.Now().Add(asleep + time.Duration(i)*100*time.Microsecond)
		c.set(&w, at)
		if now := <-woken; now.Before(at) {
			t.Errorf("woken %v before its time", at.Sub(now))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lead <= 0 || c.lead > maxLead {
		t.Errorf("the alarm rings %v ahead of time", c.lead)
	}
}
