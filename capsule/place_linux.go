package capsule

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// enterNetwork returns the network namespace of a process as a place.
func enterNetwork(pid int) (*Place, error) {
	unavailable := func(err error) error {
		e := failure(Unsupported, "the network of the capsule cannot be entered from here")
		e.Err = err
		return e.help("that takes the superuser; without it, peers are reached by their published ports")
	}
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, unavailable(err)
	}
	p := &Place{
		do:       func(f func() error) error { return inNamespace(ns, f) },
		listenAt: func(addr netip.AddrPort) netip.AddrPort { return addr },
		dialAt:   func(_ string, remote netip.AddrPort) (netip.AddrPort, error) { return remote, nil },
		close:    func() { ns.Close() },
	}
	p.redirect = func(ctx context.Context, network string, from, to netip.AddrPort) error {
		return p.do(func() error { return redirect(ctx, network, from, to) })
	}
	if err := p.do(func() error { return nil }); err != nil {
		ns.Close()
		return nil, unavailable(err)
	}
	return p, nil
}

// inNamespace runs f on a thread in another network namespace. Sockets stay in
// the one where they were made.
func inNamespace(ns *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		own, err := os.Open("/proc/thread-self/ns/net")
		if err == nil {
			defer own.Close()
			if err = setNamespace(ns); err == nil {
				err = f()
				if back := setNamespace(own); back != nil {
					// The thread is lost, and ends with the goroutine as it
					// stays locked.
					done <- errors.Join(err, back)
					return
				}
			}
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// setNamespace moves the thread. The file must not be closed meanwhile.
func setNamespace(ns *os.File) error {
	conn, err := ns.SyscallConn()
	if err != nil {
		return err
	}
	var moved error
	if err := conn.Control(func(fd uintptr) { moved = unix.Setns(int(fd), unix.CLONE_NEWNET) }); err != nil {
		return err
	}
	return moved
}
