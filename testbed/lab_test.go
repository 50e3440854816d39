package testbed

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The network of most tests is that of the manual: sim talks to fc, over TCP and
// over UDP, at port 5001, and each has an address of its own.
var (
	subnet  = netip.MustParsePrefix("127.0.41.0/24")
	overTCP = Link{From: "sim", To: "fc", Port: 5001, Proto: TCP}
	overUDP = Link{From: "sim", To: "fc", Port: 5001, Proto: UDP}
	// simToFC selects both links.
	simToFC = Selector{From: "sim", To: "fc"}
)

// A lab is such a network in a test.
type lab struct {
	*Network
	t testing.TB
}

func newLab(t testing.TB, options Options) *lab {
	t.Helper()
	if !options.Subnet.IsValid() {
		options.Subnet = subnet
	}
	n, err := Open(options)
	check(t, err)
	t.Cleanup(func() { check(t, n.Close()) })
	check(t, n.Declare(Node{Name: "sim"}))
	check(t, n.Declare(Node{Name: "fc", TCP: []uint16{5001}, UDP: []uint16{5001}}))
	for _, l := range []Link{overTCP, overUDP} {
		_, err := n.Link(l)
		check(t, err)
	}
	return &lab{n, t}
}

// bindings are those of a node.
func (l *lab) bindings(node string) Bindings {
	l.t.Helper()
	b, err := l.Bindings(node)
	check(l.t, err)
	return b
}

// fault breaks both links from sim to fc.
func (l *lab) fault(r Rule) *Fault {
	l.t.Helper()
	return l.faultOn(simToFC, r)
}

func (l *lab) faultOn(s Selector, r Rule) *Fault {
	l.t.Helper()
	f, err := l.Fault(s, r)
	check(l.t, err)
	return f
}

// state is that of one link.
func (l *lab) state(link Link) LinkState {
	l.t.Helper()
	for _, s := range l.State().Links {
		if s.Link == link {
			return s
		}
	}
	l.t.Fatalf("there is no link %v", link)
	return LinkState{}
}

// serve has fc handle TCP connections, one goroutine each, until the test ends.
func (l *lab) serve(handle func(*net.TCPConn)) {
	l.t.Helper()
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(l.bindings("fc").Publish[5001][0]))
	check(l.t, err)
	l.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				handle(c)
			}()
		}
	}()
}

// echo has fc answer over TCP with what it gets.
func (l *lab) echo() { l.serve(func(c *net.TCPConn) { _, _ = io.Copy(c, c) }) }

// dial connects to fc as sim does.
func (l *lab) dial() *net.TCPConn {
	l.t.Helper()
	return l.dialAt(l.bindings("sim").Env["FC_5001_ADDR"])
}

// dialRaw is dial where that may fail.
func (l *lab) dialRaw() (net.Conn, error) {
	l.t.Helper()
	c, err := net.DialTimeout("tcp4", l.bindings("sim").Env["FC_5001_ADDR"], time.Minute)
	if err == nil {
		l.t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

func (l *lab) dialAt(address string) *net.TCPConn {
	l.t.Helper()
	c, err := net.DialTimeout("tcp4", address, time.Minute)
	check(l.t, err)
	l.t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// pair is a connection through the link: what sim holds, and what fc does.
func (l *lab) pair() (sim, fc *net.TCPConn) {
	l.t.Helper()
	accepted := make(chan *net.TCPConn)
	end := make(chan struct{})
	l.serve(func(c *net.TCPConn) {
		select {
		case accepted <- c:
			<-end
		case <-end:
		}
	})
	l.t.Cleanup(func() { close(end) })
	sim = l.dial()
	select {
	case fc = <-accepted:
	case <-time.After(time.Minute):
		l.t.Fatal("fc sees no connection")
	}
	return sim, fc
}

// receiver is the UDP socket of fc.
func (l *lab) receiver() *net.UDPConn {
	l.t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(l.bindings("fc").PublishUDP[5001][0]))
	check(l.t, err)
	newSocket(c) // large buffers, as a program has that wants to lose nothing
	l.t.Cleanup(func() { _ = c.Close() })
	return c
}

// sender is a UDP socket of sim, which talks to fc and to nobody else.
func (l *lab) sender() *net.UDPConn {
	l.t.Helper()
	c, err := net.Dial("udp4", l.bindings("sim").Env["FC_5001_UDP_ADDR"])
	check(l.t, err)
	l.t.Cleanup(func() { _ = c.Close() })
	return c.(*net.UDPConn)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send writes a text.
func send(t testing.TB, c io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(c, text)
	check(t, err)
}

// expect reads a text: of a stream so many bytes, and of UDP one datagram.
func expect(t testing.TB, c net.Conn, want string) {
	t.Helper()
	check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	buffer := make([]byte, max(len(want), 1))
	var n int
	var err error
	if _, ok := c.(*net.UDPConn); ok {
		n, err = c.Read(buffer)
	} else {
		n, err = io.ReadFull(c, buffer)
	}
	if string(buffer[:n]) != want || err != nil {
		t.Fatalf("read %q, %v; want %q", buffer[:n], err, want)
	}
}

// silent is long enough to notice what should not come, as a rule. If it is too
// short on a slow machine, a fault may go unnoticed, but nothing fails wrongly.
const silent = 50 * time.Millisecond

// expectNothing reads for a while and gets neither data nor an end.
func expectNothing(t testing.TB, c net.Conn) {
	t.Helper()
	check(t, c.SetReadDeadline(time.Now().Add(silent)))
	var b [100]byte
	if n, err := c.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %q, %v; want nothing", b[:n], err)
	}
}

// expectEnd reads the orderly end of a stream.
func expectEnd(t testing.TB, c net.Conn) {
	t.Helper()
	check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	var b [100]byte
	if n, err := c.Read(b[:]); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("read %q, %v; want the end", b[:n], err)
	}
}

// expectReset reads "connection reset by peer".
func expectReset(t testing.TB, c net.Conn) {
	t.Helper()
	check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	var b [100]byte
	if n, err := c.Read(b[:]); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("read %q, %v; want a reset", b[:n], err)
	}
}

// eventually waits for something that is about to happen.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happens: %s", what)
		}
	}
}

// expectError is an error that says all of it.
func expectError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

// missing skips a test for which this machine lacks a part, unless RIGX_TEST_REQUIRE
// names the part.
func missing(t testing.TB, part string, why error) {
	t.Helper()
	if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), part) {
		t.Fatalf("%s is required: %v", part, why)
	}
	t.Skipf("no %s: %v", part, why)
}
