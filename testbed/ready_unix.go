//go:build unix

package testbed

import (
	"errors"

	"golang.org/x/sys/unix"
)

// wait blocks until something can be read, without a buffer: most connections
// are idle most of the time. It returns the error of a connection that broke,
// which the kernel tells only once.
func (e *end) wait() error {
	if e.raw == nil {
		return nil
	}
	var broken error
	err := e.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		for {
			_, _, broken = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if !errors.Is(broken, unix.EINTR) {
				return !errors.Is(broken, unix.EAGAIN)
			}
		}
	})
	if err != nil {
		return err
	}
	return broken
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
