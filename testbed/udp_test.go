package testbed

import (
	"fmt"
	"math/rand/v2"
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

// Many datagrams that are sent at once stay apart, whatever their sizes are, and
// whether the kernel cuts messages into datagrams or not.
func TestUDPBatches(t *testing.T) {
	t.Parallel()
	receiver, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(localhost, 0)))
	check(t, err)
	defer func() { _ = receiver.Close() }()
	newSocket(receiver)
	to := addrPort(receiver.LocalAddr())
	for _, connected := range []bool{true, false} {
		var c net.PacketConn
		var explicit netip.AddrPort
		if connected {
			c, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
		} else {
			c, err = net.ListenPacket("udp4", "127.0.0.1:0")
			explicit = to
		}
		check(t, err)
		s := newSocket(c)
		random := rand.New(rand.NewPCG(1, 2))
		for round := range 300 {
			batch := make([][]byte, random.IntN(3*batchSize))
			size := random.IntN(1 << (4 + random.IntN(10)))
			for i := range batch {
				if random.IntN(5) == 0 {
					size = random.IntN(2000)
				}
				batch[i] = make([]byte, size)
				for j := range batch[i] {
					batch[i][j] = byte(i + j)
				}
			}
			if round == 200 {
				batch = [][]byte{make([]byte, 65507), make([]byte, 65507), make([]byte, 30_000), make([]byte, 30_000), {1}, {}, {}, {2}}
			}
			if failed, err := s.send(batch, explicit); failed > 0 || err != nil {
				t.Fatalf("%d of %d cannot be sent: %v", failed, len(batch), err)
			}
			for i, want := range batch {
				if got, _ := receive(t, receiver); got != string(want) {
					t.Fatalf("round %d: of %d bytes arrive %d in datagram %d of %d", round, len(want), len(got), i, len(batch))
				}
			}
		}
		check(t, c.Close())
	}
}

// A link remembers so many senders and no more; who has been silent longest is
// forgotten, and remembered again when it speaks.
func TestManySenders(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc := l.receiver()
	first := l.sender()
	send(t, first, "first")
	receive(t, fc)
	for i := range maxSenders + 10 {
		c := l.sender()
		send(t, c, fmt.Sprint(i))
		text, from := receive(t, fc)
		if text != fmt.Sprint(i) {
			t.Fatalf("fc gets %q from sender %d", text, i)
		}
		if i%1000 == 0 {
			_, err := fc.WriteToUDPAddrPort([]byte("answer"), from)
			check(t, err)
			expect(t, c, "answer")
		}
		check(t, c.Close())
	}
	eventually(t, "the oldest are forgotten", func() bool { return l.state(overUDP).Open <= maxSenders })
	send(t, first, "first again")
	text, from := receive(t, fc)
	if text != "first again" {
		t.Errorf("fc gets %q", text)
	}
	_, err := fc.WriteToUDPAddrPort([]byte("welcome back"), from)
	check(t, err)
	expect(t, first, "welcome back")
}
