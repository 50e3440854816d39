package testbed

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A lost datagram is lost.
func TestDropUDP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc, sim := l.receiver(), l.sender()
	f := l.fault(Rule{Drop: 1})
	send(t, sim, "lost")
	expectNothing(t, fc)
	f.Clear()
	send(t, sim, "found")
	expect(t, fc, "found")
	if got, want := l.state(overUDP).Forward, (Counters{Bytes: 5, Packets: 1, Dropped: 1}); got != want {
		t.Errorf("counted is %+v; want %+v", got, want)
	}
}

// TCP sends again what is lost: it comes late, and the stream has no hole.
func TestDropTCP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	f := l.fault(Rule{Drop: 1})
	send(t, sim, "first ")
	expectNothing(t, fc)
	send(t, sim, "second")
	expectNothing(t, fc)
	f.Clear()
	expect(t, fc, "first second")

	l.fault(Rule{Drop: 0.3})
	start := time.Now()
	for l.state(overTCP).Forward.Dropped == 2 { // until a loss
		send(t, sim, "x")
		expect(t, fc, "x")
	}
	if took := time.Since(start); took < resend {
		t.Errorf("a chunk was lost and sent again, all within %v; want at least %v", took, resend)
	}
}

// Losses in bursts: as many as the model says, and in groups.
func TestBurst(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{Seed: 1})
	l.fault(Rule{Burst: Burst{Enter: 0.01, Leave: 0.2, Loss: 1}})
	arrived := l.flood(20_000)
	lost, bursts := 0, 0
	for i, ok := range arrived {
		if !ok {
			lost++
			if i == 0 || arrived[i-1] {
				bursts++
			}
		}
	}
	// Of the time the link is bad 0.01/(0.01+0.2), and each time for 5 datagrams.
	rate, length := float64(lost)/float64(len(arrived)), float64(lost)/float64(bursts)
	if rate < 0.04 || rate > 0.055 || length < 4.3 || length > 5.7 {
		t.Errorf("%.4f are lost, in bursts of %.2f; want 0.0476 in bursts of 5", rate, length)
	}
}

// flood sends so many numbered datagrams from sim to fc, and tells which arrived.
func (l *lab) flood(count int) (arrived []bool) {
	l.t.Helper()
	fc, sim := l.receiver(), l.sender()
	before := l.state(overUDP).Forward
	arrived = make([]bool, count)
	var received atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 100)
		for {
			n, err := fc.Read(buffer)
			if err != nil {
				return
			}
			var i int
			if _, err := fmt.Sscanf(string(buffer[:n]), "%d", &i); err == nil && i >= 0 && i < count {
				arrived[i] = true
			}
			received.Add(1)
		}
	}()
	// handled is how many have left the link, one way or another.
	handled := func() int64 {
		now := l.state(overUDP).Forward
		return now.Packets - now.Duplicated + now.Dropped - (before.Packets - before.Duplicated + before.Dropped)
	}
	for i := range count {
		send(l.t, sim, fmt.Sprintf("%07d", i))
		if i%500 == 499 { // no buffer of the kernel may run over
			eventually(l.t, "the link handles what it got", func() bool { return handled() == int64(i+1) })
			eventually(l.t, "fc gets what was sent", func() bool {
				return received.Load() == l.state(overUDP).Forward.Packets-before.Packets
			})
		}
	}
	check(l.t, fc.Close())
	<-done
	check(l.t, sim.Close())
	return arrived
}

// One byte of a datagram is another one.
func TestCorruptUDP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc, sim := l.receiver(), l.sender()
	l.fault(Rule{Corrupt: 1})
	for range 20 {
		sent := strings.Repeat("telemetry ", 10)
		send(t, sim, sent)
		if got, _ := receive(t, fc); differences(sent, got) != 1 {
			t.Errorf("of %q arrives %q; want one byte to differ", sent, got)
		}
	}
}

func differences(a, b string) (count int) {
	if len(a) != len(b) {
		return -1
	}
	for i := range len(a) {
		if a[i] != b[i] {
			count++
		}
	}
	return count
}

func TestCorruptTCP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	f := l.fault(Rule{Corrupt: 1})
	sent := strings.Repeat("command ", 100)
	send(t, sim, sent)
	got := make([]byte, len(sent))
	_, err := io.ReadFull(fc, got)
	check(t, err)
	if n := int64(differences(sent, string(got))); n < 1 || n != l.state(overTCP).Forward.Corrupted {
		t.Errorf("%d bytes differ; want %d, one for each chunk", n, l.state(overTCP).Forward.Corrupted)
	}
	f.Clear()
	send(t, sim, sent)
	expect(t, fc, sent)
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc, sim := l.receiver(), l.sender()
	l.fault(Rule{Duplicate: 1})
	for _, text := range []string{"a", "b"} {
		send(t, sim, text)
		expect(t, fc, text)
		expect(t, fc, text)
	}
	// Two faults duplicate twice.
	l.fault(Rule{Duplicate: 1})
	send(t, sim, "c")
	for range 4 {
		expect(t, fc, "c")
	}
	expectNothing(t, fc)
}

// A datagram is overtaken by the next one, or goes on alone if none comes.
func TestReorder(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc, sim := l.receiver(), l.sender()
	f := l.fault(Rule{Reorder: 1})
	start := time.Now()
	send(t, sim, "alone")
	expect(t, fc, "alone")
	if took := time.Since(start); took < overtaken {
		t.Errorf("a datagram did not wait for another one: it took %v", took)
	}
	send(t, sim, "first")
	eventually(t, "it waits", func() bool { return l.state(overUDP).Forward.Reordered == 2 })
	f.Clear() // nothing waits any more
	expect(t, fc, "first")

	// Half of them are overtaken.
	l = newLab(t, Options{Seed: 3})
	fc, sim = l.receiver(), l.sender()
	l.fault(Rule{Reorder: 0.5})
	for i := range 100 {
		send(t, sim, fmt.Sprint(i))
	}
	var got []int
	for range 100 {
		var i int
		text, _ := receive(t, fc)
		_, err := fmt.Sscan(text, &i)
		check(t, err)
		got = append(got, i)
	}
	if slices.IsSorted(got) {
		t.Error("all come in order")
	}
	if slices.Sort(got); got[0] != 0 || got[99] != 99 || len(slices.Compact(got)) != 100 {
		t.Errorf("not each one comes once: %v", got)
	}
}

// What is held up waits, and goes on when the fault is cleared.
func TestDelay(t *testing.T) {
	t.Parallel()
	for _, proto := range []Proto{TCP, UDP} {
		t.Run(proto.String(), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, Options{})
			sim, fc := l.channel(proto)
			f := l.fault(Rule{Delay: time.Hour})
			send(t, sim, "hello")
			expectNothing(t, fc)
			f.Clear()
			expect(t, fc, "hello")

			const delay = 30 * time.Millisecond
			l.fault(Rule{Delay: delay, Direction: Forward})
			l.fault(Rule{Delay: delay, Direction: Backward})
			start := time.Now()
			send(t, sim, "ping")
			expect(t, fc, "ping")
			reply(t, fc, "pong")
			expect(t, sim, "pong")
			if took := time.Since(start); took < 2*delay {
				t.Errorf("there and back took %v; want at least %v", took, 2*delay)
			}
		})
	}
}

// channel is a connection of sim to fc, or what comes closest with UDP.
func (l *lab) channel(proto Proto) (sim, fc net.Conn) {
	if proto == TCP {
		return l.pair()
	}
	server := l.receiver()
	return l.sender(), &answering{UDPConn: server}
}

// answering is a UDP socket which writes to whom it read from last.
type answering struct {
	*net.UDPConn
	last net.Addr
}

func (a *answering) Read(b []byte) (int, error) {
	n, from, err := a.ReadFrom(b)
	if err == nil {
		a.last = from
	}
	return n, err
}

func (a *answering) Write(b []byte) (int, error) { return a.WriteTo(b, a.last) }

// reply is send from fc.
func reply(t testing.TB, c net.Conn, text string) {
	t.Helper()
	send(t, c, text)
}

// Each datagram has a delay of its own, and none waits for another one.
func TestJitterUDP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{Seed: 1})
	fc, sim := l.receiver(), l.sender()
	// Half of them go on at once, and the others after half an hour on average.
	l.fault(Rule{Delay: 0, Jitter: time.Hour})
	for i := range 100 {
		send(t, sim, fmt.Sprint(i))
	}
	var got []string
	eventually(t, "all are with the link", func() bool {
		s := l.state(overUDP).Forward
		return s.Packets+s.Delayed == 100
	})
	for range l.state(overUDP).Forward.Packets {
		text, _ := receive(t, fc)
		got = append(got, text)
	}
	if len(got) < 30 || len(got) > 70 {
		t.Errorf("%d of 100 datagrams are not held up; want about half: %v", len(got), got)
	}
	expectNothing(t, fc)
}

// Jitter does not change the order of a stream.
func TestJitterTCP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	l.fault(Rule{Delay: 2 * time.Millisecond, Jitter: 2 * time.Millisecond})
	var want strings.Builder
	for i := range 200 {
		text := fmt.Sprint(i, " ")
		want.WriteString(text)
		send(t, sim, text)
	}
	expect(t, fc, want.String())
	if s := l.state(overTCP).Forward; s.Delayed == 0 {
		t.Error("nothing is counted as delayed")
	}
}

// What is sent faster than the line carries takes its time.
func TestBandwidthTCP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	l.fault(Rule{Bandwidth: 1 << 20})
	start := time.Now()
	data := strings.Repeat("x", 200<<10)
	go func() { _, _ = io.WriteString(sim, data) }()
	expect(t, fc, data)
	if took := time.Since(start); took < 190*time.Millisecond {
		t.Errorf("200 KiB at 1 MiB/s took %v; want at least 190 ms", took)
	}
}

// The connections of a link share it.
func TestBandwidthIsShared(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	l.serve(func(c *net.TCPConn) {
		n, _ := io.Copy(io.Discard, c)
		_, _ = fmt.Fprint(c, n)
	})
	f := l.fault(Rule{Bandwidth: 1 << 20, Direction: Forward})
	start := time.Now()
	data := strings.Repeat("x", 100<<10)
	a, b := l.dial(), l.dial()
	for _, c := range []*net.TCPConn{a, b} {
		go func() {
			_, _ = io.WriteString(c, data)
			_ = c.CloseWrite()
		}()
	}
	expect(t, a, "102400")
	expect(t, b, "102400")
	if took := time.Since(start); took < 190*time.Millisecond {
		t.Errorf("2 times 100 KiB at 1 MiB/s took %v; want at least 190 ms", took)
	}
	f.Clear()
}

// Datagrams queue in front of a narrow line, and are lost if the queue is full.
func TestBandwidthUDP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc, sim := l.receiver(), l.sender()
	l.fault(Rule{Bandwidth: 100_000})
	data := strings.Repeat("x", 1000)
	for range 100 {
		send(t, sim, data)
	}
	// 25 kB may wait, which is 250 ms, and those that pass meanwhile.
	eventually(t, "some are lost", func() bool { return l.state(overUDP).Forward.Dropped > 0 })
	for range 20 {
		expect(t, fc, data)
	}
	s := l.state(overUDP).Forward
	if s.Dropped == 0 || s.Dropped > 80 {
		t.Errorf("%d of 100 were lost; want some, and not those that fit into the queue", s.Dropped)
	}
}

// Both ends see "connection reset by peer".
func TestResetFault(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	l.fault(Rule{Reset: 1})
	send(t, sim, "hello")
	expectReset(t, sim)
	expectReset(t, fc)
	if s := l.state(overTCP).Forward; s.Reset != 1 || s.Bytes != 0 {
		t.Errorf("%d resets and %d bytes are counted; want 1 and 0", s.Reset, s.Bytes)
	}
}

// The end of a stream is held back, and what was sent before is not.
func TestSlowClose(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	f := l.fault(Rule{SlowClose: time.Hour})
	send(t, sim, "last words")
	check(t, sim.CloseWrite())
	expect(t, fc, "last words")
	expectNothing(t, fc)
	f.Clear()
	expectEnd(t, fc)
}

// A stream comes in slices, which a recording shows.
func TestSlice(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	var file bytes.Buffer
	stop, err := l.Record(Selector{Proto: TCP}, &file)
	check(t, err)
	sim, fc := l.pair()
	l.fault(Rule{Slice: 10, SliceDelay: 5 * time.Millisecond})
	start := time.Now()
	data := strings.Repeat("0123456789abcdef", 10)
	send(t, sim, data)
	expect(t, fc, data)
	if took := time.Since(start); took < 15*5*time.Millisecond {
		t.Errorf("16 slices with 5 ms between them took %v", took)
	}
	check(t, stop())
	var sizes []int
	for _, p := range packets(t, file.Bytes()) {
		if len(p.payload) > 0 {
			sizes = append(sizes, len(p.payload))
		}
	}
	if want := slices.Repeat([]int{10}, 16); !slices.Equal(sizes, want) {
		t.Errorf("slices of %v bytes; want %v", sizes, want)
	}
}

// A connection closes when so many bytes have passed.
func TestLimitBytesTCP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	l.fault(Rule{LimitBytes: 10, Direction: Forward})
	send(t, sim, "12345")
	expect(t, fc, "12345")
	reply(t, fc, "this way there is no limit")
	expect(t, sim, "this way there is no limit")
	send(t, sim, "67890abcdef")
	expect(t, fc, "67890")
	expectEnd(t, fc)
}

// A sender is cut off when it has sent so many bytes; others are not.
func TestLimitBytesUDP(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc, sim, other := l.receiver(), l.sender(), l.sender()
	l.fault(Rule{LimitBytes: 10})
	send(t, sim, "12345")
	expect(t, fc, "12345")
	send(t, sim, "too long")
	send(t, sim, "x") // it is cut off, whatever the size
	expectNothing(t, fc)
	send(t, other, "1234567890")
	expect(t, fc, "1234567890")
}

func TestLimitTime(t *testing.T) {
	t.Parallel()
	const limit = 60 * time.Millisecond
	t.Run("tcp", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, Options{})
		l.echo()
		start := time.Now()
		before := l.dial()
		send(t, before, "x")
		expect(t, before, "x")
		l.fault(Rule{LimitTime: limit})
		expectEnd(t, before)
		after := l.dial()
		expectEnd(t, after)
		if took := time.Since(start); took < 2*limit {
			t.Errorf("two limits of %v were over after %v", limit, took)
		}
	})
	t.Run("udp", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, Options{})
		l.receiver()
		sim := l.sender()
		l.fault(Rule{LimitTime: limit})
		start := time.Now()
		for l.state(overUDP).Forward.Dropped == 0 {
			send(t, sim, "x")
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(start); took < limit {
			t.Errorf("cut off after %v; want %v", took, limit)
		}
	})
}

// A partition accepts connections, and lets nothing pass: it does not refuse.
func TestPartition(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	receiver, sender := l.receiver(), l.sender()
	send(t, sender, "before")
	_, from := receive(t, receiver)
	partition, err := l.Partition([]string{"fc"}, []string{"sim"})
	check(t, err)

	send(t, sim, "to fc")
	send(t, fc, "to sim")
	send(t, sender, "lost")
	_, err = receiver.WriteToUDPAddrPort([]byte("lost"), from)
	check(t, err)
	second := l.dial() // is accepted
	send(t, second, "patience")
	for _, c := range []net.Conn{sim, fc, sender, receiver, second} {
		expectNothing(t, c)
	}
	if s := l.state(overUDP); s.Forward.Dropped != 1 || s.Backward.Dropped != 1 {
		t.Errorf("counted are %+v and %+v; want a datagram lost each way", s.Forward, s.Backward)
	}

	partition.Clear()
	expect(t, fc, "to fc")
	expect(t, sim, "to sim")
	send(t, sender, "after")
	expect(t, receiver, "after")
	_, err = receiver.WriteToUDPAddrPort([]byte("after"), from)
	check(t, err)
	expect(t, sender, "after")
}

// Who connects and gives up during a partition was never there.
func TestPartitionGivenUp(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	var served atomic.Int64
	l.serve(func(*net.TCPConn) { served.Add(1) })
	partition := l.fault(Rule{Partition: true})
	for range 5 {
		check(t, l.dial().Close())
	}
	eventually(t, "all wait", func() bool { return l.state(overTCP).Connections == 5 })
	partition.Clear()
	c := l.dial()
	expectEnd(t, c)
	check(t, c.Close())
	eventually(t, "all have gone", func() bool { return l.state(overTCP).Open == 0 })
	if n := served.Load(); n != 1 {
		t.Errorf("fc sees %d connections; want 1", n)
	}
}

// Each direction can be broken by itself.
func TestDirections(t *testing.T) {
	t.Parallel()
	for _, proto := range []Proto{TCP, UDP} {
		for _, direction := range []Direction{Forward, Backward} {
			t.Run(fmt.Sprint(proto, direction), func(t *testing.T) {
				t.Parallel()
				l := newLab(t, Options{})
				sim, fc := l.channel(proto)
				send(t, sim, "so that fc knows the way back")
				expect(t, fc, "so that fc knows the way back")
				from, to := sim, fc
				if direction == Backward {
					from, to = fc, sim
				}
				f := l.fault(Rule{Delay: time.Hour, Direction: direction})
				send(t, from, "broken")
				send(t, to, "whole")
				expect(t, from, "whole")
				expectNothing(t, to)
				f.Clear()
				expect(t, to, "broken")
			})
		}
	}
}

// Faults add up, and each can be cleared without the others.
func TestStacked(t *testing.T) {
	t.Parallel()
	for _, proto := range []Proto{TCP, UDP} {
		t.Run(proto.String(), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, Options{})
			sim, fc := l.channel(proto)
			const delay = 25 * time.Millisecond
			first := l.fault(Rule{Delay: delay})
			l.fault(Rule{Delay: delay})
			corrupt := l.fault(Rule{Corrupt: 1})
			start := time.Now()
			send(t, sim, "hello")
			got := make([]byte, 5)
			check(t, fc.SetReadDeadline(time.Now().Add(time.Minute)))
			_, err := fc.Read(got)
			check(t, err)
			if took := time.Since(start); took < 2*delay || differences("hello", string(got)) != 1 {
				t.Errorf("after %v comes %q; want one byte to differ after %v or more", took, got, 2*delay)
			}
			first.Clear()
			corrupt.Clear()
			start = time.Now()
			send(t, sim, "hello")
			expect(t, fc, "hello")
			if took := time.Since(start); took < delay {
				t.Errorf("the fault that is left delays by %v; want at least %v", took, delay)
			}
		})
	}
}

// A fault can be about one protocol, one port or one way between two nodes.
func TestSelectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		selector Selector
		tcp, udp bool // is selected
	}{
		{Selector{}, true, true},
		{simToFC, true, true},
		{Selector{From: "sim"}, true, true},
		{Selector{From: "fc"}, false, false},
		{Selector{To: "sim"}, false, false},
		{Selector{From: "fc", To: "sim"}, false, false},
		{Selector{Proto: TCP}, true, false},
		{Selector{Proto: UDP, To: "fc", Port: 5001}, false, true},
	} {
		l := newLab(t, Options{})
		f := l.faultOn(c.selector, Rule{Partition: true})
		for _, link := range []Link{overTCP, overUDP} {
			want := link.Proto == TCP && c.tcp || link.Proto == UDP && c.udp
			if got := slices.Contains(l.state(link).Faults, f.ID()); got != want {
				t.Errorf("%+v selects %v: %v; want %v", c.selector, link, got, want)
			}
		}
	}
}

// Clearing what is cleared changes nothing.
func TestClearTwice(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	fc, sim := l.receiver(), l.sender()
	f := l.fault(Rule{Drop: 1})
	f.Clear()
	g := l.fault(Rule{Drop: 1})
	f.Clear()
	send(t, sim, "lost")
	expectNothing(t, fc)
	g.Clear()
	send(t, sim, "found")
	expect(t, fc, "found")
}
