package testbed

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Both ends see each other's address, and not that of a proxy.
func TestTCPAddresses(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	if from := addrPort(fc.RemoteAddr()).Addr(); from != netip.MustParseAddr("127.0.41.2") {
		t.Errorf("fc is talked to by %v; want the address of sim", from)
	}
	if to := addrPort(sim.RemoteAddr()).Addr(); to != netip.MustParseAddr("127.0.41.3") {
		t.Errorf("sim talks to %v; want the address of fc", to)
	}
}

// One side may be done while the other still talks.
func TestTCPHalfClose(t *testing.T) {
	t.Parallel()
	for name, rule := range rulesThatChangeNothing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, Options{})
			l.fault(rule)
			l.serve(func(c *net.TCPConn) {
				all, _ := io.ReadAll(c)
				_, _ = c.Write(bytes.ToUpper(all))
			})
			c := l.dial()
			send(t, c, "question")
			check(t, c.CloseWrite())
			expect(t, c, "QUESTION")
			expectEnd(t, c)
		})
	}
}

// What goes by itself, from socket to socket, and what goes through the stages of
// rules must look the same.
var rulesThatChangeNothing = map[string]Rule{
	"untouched": {},
	"touched":   {Bandwidth: 1 << 40},
}

// The end of a program that is killed is not an orderly end.
func TestTCPReset(t *testing.T) {
	t.Parallel()
	for name, rule := range rulesThatChangeNothing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, killed := range []string{"sim", "fc"} {
				l := newLab(t, Options{})
				l.fault(rule)
				sim, fc := l.pair()
				send(t, sim, "ping")
				expect(t, fc, "ping")
				dies, lives := sim, fc
				if killed == "fc" {
					dies, lives = fc, sim
				}
				check(t, dies.SetLinger(0))
				check(t, dies.Close())
				expectReset(t, lives)
			}
		})
	}
}

// A link to a port where nobody listens says so.
func TestTCPRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	c, err := l.dialRaw()
	if err == nil { // a client may hear it before it knows that it is connected
		expectReset(t, c)
	} else if !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if s := l.state(overTCP); s.Refused != 1 {
		t.Errorf("%d connections were refused; want 1", s.Refused)
	}
	l.echo()
	c = l.dial()
	send(t, c, "hello")
	expect(t, c, "hello")
}

// Whatever happens to the link on the way, of a stream arrives what was sent.
func TestTCPContents(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{Seed: 1})
	l.echo()
	const size = 32 << 20
	done := make(chan struct{})
	go func() { // faults that come and go
		rules := []Rule{
			{Delay: 2 * time.Millisecond, Jitter: 2 * time.Millisecond}, {Bandwidth: 100 << 20}, {Slice: 1000},
			{Partition: true}, {Drop: 0.001}, {Delay: time.Millisecond, Direction: Backward}, {Bandwidth: 50 << 20, Slice: 5000, Direction: Forward},
		}
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			f, err := l.Fault(simToFC, rules[i%len(rules)])
			if err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
			f.Clear()
		}
	}()
	defer close(done)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			c := l.dial()
			defer func() { _ = c.Close() }()
			source := rand.NewChaCha8([32]byte{byte(i)})
			sent, received := sha256.New(), sha256.New()
			var writing sync.WaitGroup
			writing.Go(func() {
				buffer := make([]byte, 300_000)
				sizes := rand.New(source)
				for left := size; left > 0; {
					n := min(1+sizes.IntN(len(buffer)), left)
					_, _ = source.Read(buffer[:n])
					sent.Write(buffer[:n])
					if _, err := c.Write(buffer[:n]); err != nil {
						t.Error(err)
						return
					}
					left -= n
				}
				_ = c.CloseWrite()
			})
			n, err := io.Copy(received, c)
			writing.Wait()
			if n != size || err != nil || !bytes.Equal(sent.Sum(nil), received.Sum(nil)) {
				t.Errorf("%d bytes came back, %v, and they differ from those that were sent", n, err)
			}
		})
	}
	all.Wait()
	if s := l.state(overTCP); s.Forward.Bytes != 4*size || s.Backward.Bytes != 4*size {
		t.Errorf("%d and %d bytes are counted; want %d", s.Forward.Bytes, s.Backward.Bytes, 4*size)
	}
}

// A sender that is faster than its receiver is held back, and what is on its way
// has a bound.
func TestTCPBackpressure(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]Rule{"untouched": {}, "narrow": {Bandwidth: 1000}, "partitioned": {Partition: true}, "slow": {Delay: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, Options{})
			sim, _ := l.pair() // fc reads nothing
			l.fault(rule)
			buffer := make([]byte, 1<<20)
			var sent int
			for {
				check(t, sim.SetWriteDeadline(time.Now().Add(time.Second)))
				n, err := sim.Write(buffer)
				sent += n
				if err != nil {
					break
				}
				if sent > 1<<30 {
					t.Fatal("a gigabyte is on its way")
				}
			}
		})
	}
}

// Closing a network ends what is open.
func TestTCPNetworkCloses(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	untouched, _ := l.pair()
	l.fault(Rule{Delay: time.Hour})
	delayed := l.dial()
	send(t, delayed, "never to arrive")
	check(t, l.Close())
	for _, c := range []net.Conn{untouched, delayed} {
		check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d bytes, %v; want an end", n, err)
		}
	}
}
