package testbed

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// prepareListener is for the listener of connections that are forwarded.
func prepareListener(_, _ string, c syscall.RawConn) error {
	return c.Control(unpaced)
}

// prepareConnection is for the other side of them.
func prepareConnection(_ context.Context, _, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// The kernel chooses the port of a bound socket when it connects, so that the
		// ports of one address last for as many connections to each destination.
		// Kernels before 4.2 do not know it, and choose early.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		unpaced(fd)
	})
}

// unpaced has a socket send at once what it can, as do those that it accepts. BBR,
// which some machines use for all, sends by timers instead: between programs of one
// machine that takes twice as long as everything else. Every kernel has Reno. What
// a network does to a connection is for rules to say.
func unpaced(fd uintptr) {
	_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
}

// A Namespace is the network namespace of a process, such as that of a
// container, as a [Place].
type Namespace struct{ file *os.File }

// OpenNamespace opens a network namespace: /proc/PID/ns/net, or a file below
// /run/netns. Entering one needs CAP_SYS_ADMIN; without it the error says so at
// once. The caller closes it.
func OpenNamespace(path string) (*Namespace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	s := &Namespace{f}
	if err := s.do(func() error { return nil }); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// Close forgets the namespace. What was opened in it stays open.
func (s *Namespace) Close() error { return s.file.Close() }

// do runs f on a thread inside the namespace. A socket stays where it was made.
func (s *Namespace) do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// A locked thread ends with its goroutine, and with it its namespace.
		runtime.LockOSThread()
		var failed error
		raw, err := s.file.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { failed = unix.Setns(int(fd), unix.CLONE_NEWNET) })
		}
		if err = cmp.Or(err, failed); err != nil {
			done <- fmt.Errorf("enter network namespace %s: %w", s.file.Name(), err)
			return
		}
		done <- f()
	}()
	return <-done
}

// Listen is as [Place] says.
func (s *Namespace) Listen(ctx context.Context, network string, addr netip.AddrPort) (l net.Listener, err error) {
	err = s.do(func() error { l, err = host{}.Listen(ctx, network, addr); return err })
	return l, err
}

// ListenPacket is as [Place] says.
func (s *Namespace) ListenPacket(ctx context.Context, network string, addr netip.AddrPort) (c net.PacketConn, err error) {
	err = s.do(func() error { c, err = host{}.ListenPacket(ctx, network, addr); return err })
	return c, err
}

// Dial is as [Place] says.
func (s *Namespace) Dial(ctx context.Context, network string, local, remote netip.AddrPort) (c net.Conn, err error) {
	err = s.do(func() error { c, err = host{}.Dial(ctx, network, local, remote); return err })
	return c, err
}
