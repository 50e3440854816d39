package capsule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// chosen copies a table of published ports, with a free port for each 0.
func chosen(network string, ports map[uint16][]netip.AddrPort) (map[uint16][]netip.AddrPort, error) {
	out := maps.Clone(ports)
	for port, ends := range out {
		ends = slices.Clone(ends)
		out[port] = ends
		for i, end := range ends {
			if port == 0 || !end.Addr().IsValid() {
				return nil, failure(Invalid, "%s cannot be published as port %d", end, port)
			}
			if end.Port() != 0 {
				continue
			}
			free, err := occupy(network, end)
			if err != nil {
				return nil, unusable(network, end, err)
			}
			ends[i] = free.addr
			defer free.Close()
		}
	}
	return out, nil
}

// occupied is an address that is ours as long as it is not closed.
type occupied struct {
	io.Closer
	addr netip.AddrPort
}

// occupy binds an address.
func occupy(network string, addr netip.AddrPort) (occupied, error) {
	if network == "udp" {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		if err != nil {
			return occupied{}, err
		}
		return occupied{c, unmapped(c.LocalAddr().(*net.UDPAddr).AddrPort())}, nil
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return occupied{}, err
	}
	return occupied{l, unmapped(l.Addr().(*net.TCPAddr).AddrPort())}, nil
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// portsFree returns an error that names the first address to be published that
// cannot be had, and who has it.
func portsFree(_ context.Context, opts Options) error {
	for _, t := range []struct {
		network string
		ports   map[uint16][]netip.AddrPort
	}{{"tcp", opts.Publish}, {"udp", opts.PublishUDP}} {
		for _, port := range slices.Sorted(maps.Keys(t.ports)) {
			for _, end := range t.ports[port] {
				free, err := occupy(t.network, end)
				if err != nil {
					return unusable(t.network, end, err)
				}
				defer free.Close() // at the end: two must not be the same
			}
		}
	}
	return nil
}

// unusable is the error about an address that cannot be listened on.
func unusable(network string, addr netip.AddrPort, err error) error {
	var cause syscall.Errno
	switch {
	case !errors.As(err, &cause):
	case cause == syscall.EADDRINUSE:
		e := failure(PortTaken, "%s port %s is taken", network, addr)
		if who := holder(network, addr.Port()); who != "" {
			e.Message += " by " + who
		}
		return e.help("stop what listens there, or publish another port")
	case cause == syscall.EADDRNOTAVAIL:
		return failure(Invalid, "%s is no address of this machine", addr.Addr())
	case cause == syscall.EACCES:
		return failure(Invalid, "%s port %s needs the superuser", network, addr).help("publish a port from 1024 on")
	}
	e := failure(Failed, "%s port %s cannot be used", network, addr)
	e.Err = err
	return e
}

// WaitForPort waits until somebody listens on a port of the capsule and, if it
// is published, can be reached from this machine. It ends early when the
// capsule does. That docker, podman or qemu accept a connection on behalf of a
// capsule that does not listen yet does not count.
func (c *Capsule) WaitForPort(ctx context.Context, port uint16) error {
	begin := time.Now()
	pause := 10 * time.Millisecond
	for {
		s, err := c.machine.state(ctx)
		seen := unknown
		if err == nil {
			if !s.Running {
				return c.died(ctx, s)
			}
			var ready bool
			if ready, seen, err = c.answers(ctx, s, port); ready || err != nil {
				return err
			}
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return c.late(ctx, fmt.Sprintf("port %d of %s does not answer", port, c.Name), time.Since(begin), seen)
		case <-time.After(pause):
		}
		pause = min(pause*3/2, 200*time.Millisecond)
	}
}

// answers looks once.
func (c *Capsule) answers(ctx context.Context, s State, port uint16) (ready bool, seen listening, err error) {
	seen = c.machine.listening(ctx, s, port)
	ends := s.Publish[port]
	if len(ends) == 0 {
		if seen == unknown {
			return false, seen, failure(Invalid, "port %d of %s is not published, so it cannot be waited for", port, c.Name).
				help("publish it, or list it in the capsule's `ports`")
		}
		return seen != nobody, seen, nil
	}
	switch seen {
	case everywhere:
		return reachable(ctx, ends[0], 0), seen, nil
	case unknown:
		return reachable(ctx, ends[0], heldOpen), seen, nil
	}
	return false, seen, nil
}

// heldOpen is how long a connection must last to count where nobody can look
// inside: a forwarder with nothing behind it closes sooner.
const heldOpen = 300 * time.Millisecond

// reachable connects to an address, and looks whether the connection lasts.
func reachable(ctx context.Context, addr netip.AddrPort, lasts time.Duration) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", local(addr).String())
	if err != nil {
		return false
	}
	defer conn.Close()
	if lasts == 0 {
		return true
	}
	_ = conn.SetReadDeadline(time.Now().Add(lasts))
	n, err := conn.Read(make([]byte, 1))
	return n > 0 || errors.Is(err, os.ErrDeadlineExceeded)
}

// local is where something published at an address is reached.
func local(addr netip.AddrPort) netip.AddrPort {
	switch {
	case !addr.Addr().IsUnspecified():
		return addr
	case addr.Addr().Is4():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), addr.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), addr.Port())
}

// late is the error when ctx ended while waiting.
func (c *Capsule) late(ctx context.Context, what string, waited time.Duration, seen listening) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	e := failure(Timeout, "%s after %s", what, strconv.FormatFloat(waited.Seconds(), 'f', 1, 64)+" s")
	e.Help = []string{"give it more time, or look at `rigx capsule logs " + c.Name + "`"}
	if seen == onLoopback {
		e.Help = []string{"inside it listens on its loopback only; let it listen on 0.0.0.0"}
	}
	fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	var log bytes.Buffer
	if err := c.machine.logs(fresh, &log, false); err == nil {
		e.Log = lastLines(log.String(), 10)
	}
	return e
}
