package testbed

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// Both ends see each other's address: what a socket gets that is connected, and so
// listens to that one address only, proves it.
func TestUDPAddresses(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc := l.receiver()
	var senders []*net.UDPConn
	var from []netip.AddrPort
	for i := range 3 {
		sim := l.sender()
		senders = append(senders, sim)
		send(t, sim, fmt.Sprint("question ", i))
		text, source := receive(t, fc)
		if text != fmt.Sprint("question ", i) || source.Addr() != netip.MustParseAddr("127.0.41.2") {
			t.Errorf("fc gets %q from %v; want question %d from the address of sim", text, source, i)
		}
		if slices.Contains(from, source) {
			t.Errorf("sender %d looks like another one: %v", i, source)
		}
		from = append(from, source)
	}
	for i := range senders { // each gets the answers to itself
		for range 3 {
			_, err := fc.WriteToUDPAddrPort(fmt.Append(nil, "answer ", i), from[i])
			check(t, err)
			expect(t, senders[i], fmt.Sprint("answer ", i))
		}
	}
	if to := addrPort(senders[0].RemoteAddr()).Addr(); to != netip.MustParseAddr("127.0.41.3") {
		t.Errorf("sim talks to %v; want the address of fc", to)
	}
	if s := l.state(overUDP); s.Open != 3 || s.Forward.Packets != 3 || s.Backward.Packets != 9 {
		t.Errorf("the link counts %d senders, %d and %d datagrams; want 3, 3 and 9", s.Open, s.Forward.Packets, s.Backward.Packets)
	}
}

func receive(t testing.TB, c *net.UDPConn) (text string, from netip.AddrPort) {
	t.Helper()
	check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	buffer := make([]byte, 1<<16)
	n, from, err := c.ReadFromUDPAddrPort(buffer)
	check(t, err)
	return string(buffer[:n]), unmapped(from)
}

// Datagrams of any size keep it.
func TestUDPSizes(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]Rule{"untouched": {}, "delayed": {Delay: time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, Options{})
			l.fault(rule)
			fc, sim := l.receiver(), l.sender()
			for _, size := range []int{0, 1, 1472, 9000, 65507} {
				want := strings.Repeat("x", size)
				_, err := sim.Write([]byte(want)) // io.WriteString would not send what is empty
				check(t, err)
				if got, _ := receive(t, fc); got != want {
					t.Errorf("%d bytes arrive as %d", size, len(got))
				}
			}
		})
	}
}

// Without a fault nothing is lost, and the order stays, from many senders.
func TestUDPOrder(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc := l.receiver()
	const senders, each = 10, 1000
	conns := make([]*net.UDPConn, senders)
	for i := range conns {
		conns[i] = l.sender()
	}
	go func() {
		for n := range each {
			for i, c := range conns {
				_, _ = fmt.Fprintf(c, "%d %d", i, n)
			}
		}
	}()
	var next [senders]int
	for range senders * each {
		var i, n int
		text, _ := receive(t, fc)
		_, err := fmt.Sscan(text, &i, &n)
		check(t, err)
		if n != next[i] {
			t.Fatalf("sender %d: datagram %d comes where %d should", i, n, next[i])
		}
		next[i]++
	}
}

// Nobody there is not the end: datagrams are lost, as they are in a network, and
// arrive as soon as somebody listens.
func TestUDPNobodyListens(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim := l.sender()
	eventually(t, "the refusal is counted", func() bool {
		send(t, sim, "too early")
		return l.state(overUDP).Refused > 0
	})
	fc := l.receiver()
	send(t, sim, "in time")
	for text := ""; text != "in time"; {
		text, _ = receive(t, fc)
	}
}
