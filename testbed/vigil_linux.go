package testbed

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// wakefulness is how long a carrier stays awake for the next message, if the
	// one before came as soon.
	wakefulness = 100 * time.Microsecond
	// restraint is for how long it does not, after others wanted its processor.
	restraint = time.Second
)

// awake counts the vigils of the process that are being kept.
var awake atomic.Int32

// A vigil has a carrier wait for the answer to a message without going to sleep:
// to wake a processor that has gone to sleep too takes longer than most answers
// do, above all that of a virtual machine. A carrier without messages sleeps.
type vigil struct {
	last  time.Time // when there were messages
	quick bool      // they came soon after those before
	until time.Time // it does not stay awake
}

// wait returns when there are messages, and how many.
func (v *vigil) wait(epoll int, events []unix.EpollEvent) int {
	n := v.awake(epoll, events)
	if n <= 0 {
		n, _ = unix.EpollWait(epoll, events, -1)
	}
	now := time.Now()
	v.quick = now.Sub(v.last) < wakefulness
	v.last = now
	return n
}

// awake is wait, but gives up after a while.
func (v *vigil) awake(epoll int, events []unix.EpollEvent) (n int) {
	if !v.quick || v.last.Before(v.until) {
		return 0
	}
	// This takes one of the processors that goroutines run on. Others need one too.
	defer awake.Add(-1)
	if awake.Add(1) >= int32(runtime.GOMAXPROCS(0)) {
		return 0
	}
	for n <= 0 {
		n, _ = unix.EpollWait(epoll, events, 0)
		if n > 0 {
			break
		}
		_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		if waited := time.Since(v.last); waited > wakefulness {
			if waited > 3*wakefulness { // others were let run, for long
				v.until = v.last.Add(waited + restraint)
			}
			break
		}
	}
	return n
}
