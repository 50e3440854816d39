package testbed

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// An alarm rings once at a time. It is a timerfd below the runtime's poller:
// timers of the runtime round up to the next millisecond when nothing else
// goes on.
type alarm struct {
	fd   int
	file *os.File
}

func newAlarm() (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return alarm{}, fmt.Errorf("timerfd: %w", err)
	}
	return alarm{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}, nil
}

// set has it ring after d, and not at the time set before. It must not be
// called during or after close.
func (a alarm) set(d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(d), 1))}
	_ = unix.TimerfdSettime(a.fd, 0, &spec, nil)
}

// wait blocks until it rings, or says false once it is closed.
func (a alarm) wait() bool {
	var expirations [8]byte
	_, err := a.file.Read(expirations[:])
	return err == nil
}

func (a alarm) close() { a.file.Close() }
