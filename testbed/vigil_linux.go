package testbed

import (
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// wakefulness is how long a carrier stays awake for the next message, if the
	// one before came as soon.
	wakefulness = 100 * time.Microsecond
	// doze is how long a carrier waits for a message without the runtime.
	doze = time.Millisecond
	// chat is how many messages make it worth while to doze.
	chat = 8
	// restraint is how many times as long as others needed its processor it does not.
	restraint = 20
	// stride is how many answers there are between looks at where they come from.
	stride = 4
)

// awake counts the vigils of the process that are being kept.
var awake atomic.Int32

// A vigil has a carrier wait for the answer to a message without going to sleep:
// to wake a processor that has gone to sleep too takes longer than most answers
// do, above all that of a virtual machine. For the same reason the carrier moves
// to the processor on which the messages are sent: that one is awake, and free
// while the sender waits for the answer. A carrier without messages sleeps.
type vigil struct {
	last    time.Time // when there were messages
	quick   bool      // they came soon after those before
	talk    int       // how many came since there were none for long
	until   time.Time // it does not stay awake
	answers int
}

// wait returns when there are messages, and how many.
func (v *vigil) wait(epoll int, events []unix.EpollEvent) int {
	n := v.awake(epoll, events)
	if n <= 0 && v.talk >= chat {
		n, _ = unix.EpollWait(epoll, events, int(doze.Milliseconds()))
	}
	if n <= 0 {
		n = sleep(epoll, events)
	}
	now := time.Now()
	waited := now.Sub(v.last)
	v.quick = waited < wakefulness
	if v.talk++; waited > doze {
		v.talk = 0
	}
	v.last = now
	return n
}

// sleep waits as the runtime has goroutines wait. A thread that waits by itself has
// the runtime look after it fifty times, which takes more of a processor than what
// comes now and then. But to wake up takes longer, and while the runtime watches it
// is woken by each message.
func sleep(epoll int, events []unix.EpollEvent) (n int) {
	runtime.UnlockOSThread()
	defer runtime.LockOSThread()
	look := func(timeout int) bool {
		n, _ = uninterrupted(func() (int, error) { return unix.EpollWait(epoll, events, timeout) })
		return n > 0
	}
	fd, err := unix.FcntlInt(uintptr(epoll), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil { // too many files are open
		look(-1)
		return n
	}
	watched := os.NewFile(uintptr(fd), "epoll")
	defer watched.Close()
	raw, err := watched.SyscallConn()
	if err == nil {
		err = raw.Read(func(uintptr) bool { return look(0) })
	}
	if err != nil {
		look(-1)
	}
	return n
}

// awake is wait, but gives up after a while.
func (v *vigil) awake(epoll int, events []unix.EpollEvent) int {
	if !v.quick || v.last.Before(v.until) {
		return 0
	}
	// This takes one of the processors that goroutines run on. Others need one too.
	defer awake.Add(-1)
	if awake.Add(1) >= int32(runtime.GOMAXPROCS(0)) {
		return 0
	}
	for {
		if n, _ := unix.EpollWait(epoll, events, 0); n > 0 {
			return n
		}
		if waited := time.Since(v.last); waited > wakefulness {
			if waited > 3*wakefulness { // others have needed the processor, for long
				v.until = v.last.Add(waited + restraint*waited)
			}
			return 0
		}
		// Whoever is to answer may need this processor for it.
		_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// follow moves the thread to the processor on which what came from a socket was
// sent. It may be moved away again at any time.
func (v *vigil) follow(socket int) {
	v.answers++
	if !v.quick || v.answers%stride != 0 {
		return
	}
	cpu, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_INCOMING_CPU)
	var own uint32
	_, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&own)), 0, 0)
	if err != nil || errno != 0 || cpu == int(own) {
		return
	}
	var allowed, there unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil || cpu < 0 || !allowed.IsSet(cpu) {
		return
	}
	there.Set(cpu)
	_ = unix.SchedSetaffinity(0, &there)
	_ = unix.SchedSetaffinity(0, &allowed)
}
