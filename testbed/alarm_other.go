//go:build !linux

package testbed

import "time"

// An alarm rings once at a time, as precisely as the timers of the runtime do.
type alarm struct {
	timer *time.Timer
	done  chan struct{}
}

func newAlarm() (alarm, error) {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return alarm{timer: t, done: make(chan struct{})}, nil
}

// set has it ring after d, and not at the time set before.
func (a alarm) set(d time.Duration) { a.timer.Reset(d) }

// wait blocks until it rings, or says false once it is closed.
func (a alarm) wait() bool {
	select {
	case <-a.timer.C:
		return true
	case <-a.done:
		return false
	}
}

func (a alarm) close() {
	a.timer.Stop()
	close(a.done)
}
