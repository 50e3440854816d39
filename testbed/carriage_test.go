package testbed

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// connections visits those of the link from sim to fc, locked.
func (l *lab) connections(visit func(c *connection)) {
	link := l.links[overTCP]
	link.mu.Lock()
	defer link.mu.Unlock()
	for g := range link.guests {
		c := g.(*connection)
		c.mu.Lock()
		visit(c)
		c.mu.Unlock()
	}
}

// carried says how many of them are carried, and how many are not.
func (l *lab) carried() (in, out int) {
	l.connections(func(c *connection) {
		out++
		if c.carriage != nil {
			select {
			case <-c.carriage.left:
			default:
				in, out = in+1, out-1
			}
		}
	})
	return in, out
}

// Connections are carried while no rule applies to them, and not a moment longer.
func TestCarriedWithoutRules(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there are no carriers here")
	}
	l := newLab(t, Options{})
	l.echo()
	var conns []net.Conn
	for range 5 {
		conns = append(conns, l.dial())
	}
	talk := func() {
		t.Helper()
		for _, c := range conns {
			send(t, c, "hello")
			expect(t, c, "hello")
		}
	}
	all := func() bool { in, out := l.carried(); return in == len(conns) && out == 0 }
	for _, rule := range []Rule{{Delay: time.Millisecond}, {Bandwidth: 1 << 30, Direction: Backward}, {Slice: 2, Direction: Forward}} {
		talk()
		eventually(t, "all connections are carried", all)
		f := l.fault(rule)
		if in, _ := l.carried(); in > 0 {
			t.Errorf("%d connections are carried past %+v", in, rule)
		}
		talk()
		f.Clear()
	}
	// A recording sees all of it too.
	var file bytes.Buffer
	stop, err := l.Record(simToFC, &file)
	check(t, err)
	if in, _ := l.carried(); in > 0 {
		t.Errorf("%d connections are carried past a recording", in)
	}
	talk()
	check(t, stop())
	if n := bytes.Count(file.Bytes(), []byte("hello")); n != 2*len(conns) {
		t.Errorf("%d messages are recorded; want %d", n, 2*len(conns))
	}
	eventually(t, "all connections are carried again", all)
	talk()
	// The rest of one that is half closed as well.
	check(t, conns[0].(*net.TCPConn).CloseWrite())
	expectEnd(t, conns[0])
}

// What has been received, and not been delivered since nobody reads, waits in the
// carriage, and goes along when the connection leaves it.
func TestCarriedBacklog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ size, changes int }{
		"read": {10_000, 0}, "read, with rules": {10_000, 3}, "spliced": {1 << 20, 0}, "spliced, with rules": {1 << 20, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			size := c.size
			l := newLab(t, Options{})
			sim, fc := l.pair()
			sent := 0
			chunk := make([]byte, size)
			for {
				for i := range chunk {
					chunk[i] = byte((sent + i) * (sent + i) >> 7)
				}
				check(t, sim.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
				n, err := sim.Write(chunk)
				sent += n
				if err != nil {
					break
				}
				if size < 1<<16 {
					time.Sleep(50 * time.Microsecond) // so that each is received by itself
				}
			}
			for range c.changes {
				f := l.fault(Rule{Bandwidth: 1 << 40})
				// The other way is free.
				send(t, fc, "I am busy")
				expect(t, sim, "I am busy")
				f.Clear()
				send(t, fc, "still")
				expect(t, sim, "still")
			}
			check(t, sim.CloseWrite())
			check(t, fc.SetReadDeadline(time.Now().Add(time.Minute)))
			got, err := io.ReadAll(fc)
			check(t, err)
			if len(got) != sent {
				t.Fatalf("%d bytes arrive; want %d", len(got), sent)
			}
			for i, b := range got {
				if b != byte(i*i>>7) {
					t.Fatalf("byte %d is another one", i)
				}
			}
		})
	}
}

// A receiver that dies ends what is sent to it, whether that is noticed by reading
// or by writing.
func TestCarriedToTheDead(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	l.serve(func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 10_000))
		_ = c.SetLinger(0)
	})
	for i := range 40 {
		c := l.dial()
		check(t, c.SetDeadline(time.Now().Add(time.Minute)))
		data := make([]byte, 100<<(i%14))
		var err error
		for err == nil {
			_, err = c.Write(data)
		}
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("writing ends with %v; want a reset", err)
		}
	}
	eventually(t, "all connections are closed", func() bool { return l.state(overTCP).Open == 0 })
}

// Rules and recordings that come and go at random below all kinds of traffic
// change no byte of it.
func TestCarriedOnAndOff(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	l.serve(func(c *net.TCPConn) { // an echo that reads in fits and starts
		random := rand.New(rand.NewPCG(1, uint64(c.RemoteAddr().(*net.TCPAddr).Port)))
		buffer := make([]byte, 1<<18)
		for {
			n, err := c.Read(buffer[:1+random.IntN(len(buffer))])
			if _, failed := c.Write(buffer[:n]); err != nil || failed != nil {
				return
			}
			if random.IntN(20) == 0 {
				time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
			}
		}
	})
	done := make(chan struct{})
	var breaking sync.WaitGroup
	rules := []Rule{
		{Delay: 300 * time.Microsecond}, {Delay: time.Millisecond, Jitter: time.Millisecond, Direction: Forward},
		{Bandwidth: 200 << 20, Direction: Backward}, {Slice: 700}, {Partition: true}, {Partition: true, Direction: Backward},
	}
	for i := range 2 {
		breaking.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(i)))
			pause := func() { time.Sleep(time.Duration(random.IntN(4000)) * time.Microsecond) }
			for {
				select {
				case <-done:
					return
				default:
				}
				if k := random.IntN(len(rules) + 1); k < len(rules) {
					f, err := l.Fault(simToFC, rules[k])
					check(t, err)
					pause()
					f.Clear()
				} else {
					stop, err := l.Record(simToFC, io.Discard)
					check(t, err)
					pause()
					check(t, stop())
				}
				pause()
			}
		})
	}
	var traffic sync.WaitGroup
	var total int64
	var mu sync.Mutex
	for i := range 8 {
		traffic.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(i)))
			c := l.dial()
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
			for range 150 {
				size := 1 + random.IntN(200)
				if random.IntN(10) == 0 {
					size = 1 + random.IntN(1<<uint(10+random.IntN(11)))
				}
				data, back := make([]byte, size), make([]byte, size)
				for j := range data {
					data[j] = byte(random.Uint32())
				}
				var writing sync.WaitGroup
				writing.Go(func() {
					if _, err := c.Write(data); err != nil {
						t.Error(err)
					}
				})
				_, err := io.ReadFull(c, back)
				writing.Wait()
				if err != nil || !bytes.Equal(data, back) {
					t.Errorf("%d bytes come back as others, %v", size, err)
					return
				}
				mu.Lock()
				total += int64(size)
				mu.Unlock()
			}
			check(t, c.CloseWrite())
			expectEnd(t, c)
		})
	}
	traffic.Wait()
	close(done)
	breaking.Wait()
	if s := l.state(overTCP); s.Forward.Bytes != total || s.Backward.Bytes != total {
		t.Errorf("%d and %d bytes are counted; want %d", s.Forward.Bytes, s.Backward.Bytes, total)
	}
}
