//go:build unix

package testbed

import (
	"errors"

	"golang.org/x/sys/unix"
)

// wait blocks until something can be read, without a buffer: most connections
// are idle most of the time.
func (e *end) wait() error {
	if e.raw == nil {
		return nil
	}
	return e.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		for {
			_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if !errors.Is(err, unix.EINTR) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
}

// gone is true if the other side has closed without having sent anything.
func gone(e *end) bool {
	if e.raw == nil {
		return false
	}
	var b [1]byte
	n, err := 1, error(nil)
	_ = e.raw.Control(func(fd uintptr) {
		n, _, err = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return n == 0 && err == nil || errors.Is(err, unix.ECONNRESET)
}
