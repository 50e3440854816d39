package testbed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
)

// Closing a network leaves nothing behind, whatever was going on in it.
func TestNothingIsLeft(t *testing.T) {
	before := takeStock()
	l := newLab(t, Options{})
	l.echo()
	receiver := l.receiver()
	stop, err := l.Record(Selector{}, io.Discard)
	check(t, err)
	_, err = l.Schedule(Event{At: time.Hour, Rule: Rule{Drop: 1}}, Event{For: time.Hour, Rule: Rule{Delay: time.Millisecond}})
	check(t, err)
	l.fault(Rule{Delay: time.Hour, Bandwidth: 1000})
	var clients []net.Conn
	for range 50 {
		clients = append(clients, l.dial(), l.sender())
	}
	for _, c := range clients {
		_, _ = c.Write(make([]byte, 20_000))
	}
	l.fault(Rule{Partition: true})
	clients = append(clients, l.dial())
	_, err = l.SharedVolume("data")
	check(t, err)
	check(t, l.Close())
	for _, c := range clients {
		_ = c.Close()
	}
	_ = receiver.Close()
	_ = stop()
	// The listener and its connections are the test's own.
	before.expectNoMore(t, "(*lab).serve")
}

// A stock is what a process holds.
type stock struct{ goroutines, descriptors int }

func takeStock() stock {
	s := stock{goroutines: runtime.NumGoroutine(), descriptors: -1}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.descriptors = len(files)
	}
	return s
}

// expectNoMore waits for what was closed to be gone. Of the test's own goroutines
// those of one function may go on.
func (before stock) expectNoMore(t testing.TB, own string) {
	t.Helper()
	var stacks []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stacks = stacks[:0]
		all := make([]byte, 16<<20)
		all = all[:runtime.Stack(all, true)]
		for stack := range strings.SplitSeq(string(all), "\n\n") {
			if strings.Contains(stack, "rigx/testbed.") && !strings.Contains(stack, "testing.tRunner") && !strings.Contains(stack, own) {
				stacks = append(stacks, stack)
			}
		}
		now := takeStock()
		if len(stacks) == 0 && now.descriptors <= before.descriptors+2 {
			return
		}
	}
	t.Fatalf("there are %+v; there were %+v\n%s", takeStock(), before, strings.Join(stacks, "\n\n"))
}

// Random faults on random traffic. It takes 3 seconds, or RIGX_SOAK: 1h. What
// RIGX_SOAK_SEED says is tried again, as far as a seed decides.
//
// Networks come and go. Of each stream arrives what was sent, each datagram is one
// that was sent, and after each network goroutines, descriptors and memory are
// those of before.
func TestSoak(t *testing.T) {
	duration, seed := 3*time.Second, rand.Uint64()
	if text := os.Getenv("RIGX_SOAK"); text != "" {
		var err error
		duration, err = time.ParseDuration(text)
		check(t, err)
	}
	if text := os.Getenv("RIGX_SOAK_SEED"); text != "" {
		_, err := fmt.Sscan(text, &seed)
		check(t, err)
	}
	t.Logf("RIGX_SOAK_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	place := newSoakPlace(t)
	before := takeStock()
	var heaps []uint64
	var total soak
	for start, round := time.Now(), 0; time.Since(start) < duration; round++ {
		s := newSoak(t, random.Uint64())
		s.place = place
		s.run(min(duration-time.Since(start), time.Duration(1+random.IntN(20))*time.Second))
		total.add(s)
		if t.Failed() {
			t.Fatalf("in round %d, after %v", round, time.Since(start))
		}
		before.expectNoMore(t, "expectNoMore")
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heaps = append(heaps, m.HeapAlloc)
		if round%20 == 0 {
			t.Logf("%8v round %d: heap %.1f MB, system %.1f MB, %s", time.Since(start).Round(time.Second), round, float64(m.HeapAlloc)/1e6, float64(m.Sys)/1e6, &total)
		}
	}
	t.Logf("%d rounds, heap from %.1f to %.1f MB, %s", len(heaps), float64(heaps[0])/1e6, float64(heaps[len(heaps)-1])/1e6, &total)
	if grown := int64(heaps[len(heaps)-1]) - int64(heaps[0]); grown > 10<<20 {
		t.Errorf("the heap has grown by %d bytes over %d rounds", grown, len(heaps))
	}
}

// A soak is one network, with programs that use it and one that breaks it.
type soak struct {
	*Network
	t     *testing.T
	nodes []string
	place Place         // to which one of them can be moved
	ctx   chan struct{} // closed when it is over
	tasks sync.WaitGroup

	mu                                            sync.Mutex
	random                                        *rand.Rand
	connections, broken, bytes, datagrams, faults int
}

func (s *soak) String() string {
	return fmt.Sprintf("%d connections (%d broken), %d MB, %d datagrams, %d faults", s.connections, s.broken, s.bytes>>20, s.datagrams, s.faults)
}

func (s *soak) add(o *soak) {
	s.connections += o.connections
	s.broken += o.broken
	s.bytes += o.bytes
	s.datagrams += o.datagrams
	s.faults += o.faults
}

// Of port 1 streams may be corrupted, of port 2 they are compared.
const dirty, clean = 1, 2

func newSoak(t *testing.T, seed uint64) *soak {
	n, err := Open(Options{Subnet: subnet, Seed: seed, Events: io.Discard})
	check(t, err)
	s := &soak{Network: n, t: t, ctx: make(chan struct{}), random: rand.New(rand.NewPCG(seed, 1))}
	for i := range 4 {
		s.nodes = append(s.nodes, fmt.Sprint("n", i))
		check(t, n.Declare(Node{Name: s.nodes[i], TCP: []uint16{dirty, clean}, UDP: []uint16{dirty, clean}}))
	}
	for _, from := range s.nodes {
		for _, to := range s.nodes {
			for _, port := range []uint16{dirty, clean} {
				for _, proto := range []Proto{TCP, UDP} {
					_, err := n.Link(Link{from, to, port, proto})
					check(t, err)
				}
			}
		}
	}
	return s
}

func (s *soak) intn(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

func (s *soak) count(what *int, by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what += by
}

// sleep waits for up to so long, and is false when it is over.
func (s *soak) sleep(most time.Duration) bool {
	select {
	case <-s.ctx:
		return false
	case <-time.After(time.Duration(s.intn(int(most)))):
		return true
	}
}

func (s *soak) over() bool {
	select {
	case <-s.ctx:
		return true
	default:
		return false
	}
}

func (s *soak) run(d time.Duration) {
	for _, node := range s.nodes {
		for _, port := range []uint16{dirty, clean} {
			s.tasks.Go(func() { s.serveTCP(node, port) })
			s.tasks.Go(func() { s.serveUDP(node, port) })
		}
	}
	for range 12 {
		s.tasks.Go(s.talkTCP)
	}
	for range 6 {
		s.tasks.Go(s.talkUDP)
	}
	for range 3 {
		s.tasks.Go(s.breakThings)
	}
	s.tasks.Go(s.watch)
	if s.place != nil {
		s.tasks.Go(func() { s.move(s.nodes[0]) })
	}
	time.Sleep(d)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil && !strings.Contains(err.Error(), "left out") {
			s.t.Error(err)
		}
	case <-time.After(time.Minute):
		all := make([]byte, 16<<20)
		s.t.Fatalf("Close does not return\n%s", all[:runtime.Stack(all, true)])
	}
	close(s.ctx)
	s.tasks.Wait()
}

// serveTCP echoes, and now and then dies and comes back.
func (s *soak) serveTCP(node string, port uint16) {
	b, err := s.Bindings(node)
	if err != nil {
		return
	}
	for !s.over() {
		l, err := net.Listen("tcp4", b.Publish[port][0].String())
		if err != nil {
			s.t.Error(err)
			return
		}
		var tasks sync.WaitGroup
		var mu sync.Mutex
		open := make(map[net.Conn]bool)
		tasks.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				mu.Lock()
				open[c] = true
				mu.Unlock()
				tasks.Go(func() {
					_, _ = io.Copy(c, c)
					_ = c.(*net.TCPConn).CloseWrite()
					_, _ = io.Copy(io.Discard, c)
					_ = c.Close()
					mu.Lock()
					delete(open, c)
					mu.Unlock()
				})
			}
		})
		s.sleep(4 * time.Second)
		_ = l.Close()
		mu.Lock()
		for c := range open {
			if s.intn(2) == 0 {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			_ = c.Close()
		}
		mu.Unlock()
		tasks.Wait()
		s.sleep(50 * time.Millisecond)
	}
}

func (s *soak) serveUDP(node string, port uint16) {
	b, err := s.Bindings(node)
	if err != nil {
		return
	}
	for !s.over() {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(b.PublishUDP[port][0]))
		if err != nil {
			s.t.Error(err)
			return
		}
		s.tasks.Go(func() {
			s.sleep(4 * time.Second)
			_ = c.Close()
		})
		for buffer := make([]byte, 1<<16); ; {
			n, from, err := c.ReadFromUDPAddrPort(buffer)
			if err != nil {
				break
			}
			s.checkDatagram(port, buffer[:n])
			_, _ = c.WriteToUDPAddrPort(buffer[:n], from)
		}
		s.sleep(50 * time.Millisecond)
	}
}

func (s *soak) checkDatagram(port uint16, b []byte) {
	if port == clean && (len(b) < 4 || crc32.ChecksumIEEE(b[4:]) != binary.BigEndian.Uint32(b)) {
		s.t.Errorf("a datagram of %d bytes is none that was sent", len(b))
	}
}

func (s *soak) peer(proto string) (address string, port uint16) {
	port = []uint16{dirty, clean}[s.intn(2)]
	b, err := s.Bindings(s.nodes[s.intn(len(s.nodes))])
	if err != nil {
		return "", 0
	}
	return b.Env[fmt.Sprintf("N%d_%d_%sADDR", s.intn(len(s.nodes)), port, proto)], port
}

// talkTCP opens connections, sends some and compares what comes back.
func (s *soak) talkTCP() {
	for !s.over() {
		address, port := s.peer("")
		if address == "" {
			return
		}
		c, err := net.Dial("tcp4", address)
		if err != nil {
			continue // a reset before it was open
		}
		size := 1 << s.intn(21)
		data := make([]byte, size)
		for i := range data {
			data[i] = byte((i >> 8) * i)
		}
		var writing sync.WaitGroup
		writing.Go(func() {
			_, _ = c.Write(data)
			if s.intn(10) > 0 {
				_ = c.(*net.TCPConn).CloseWrite()
			}
		})
		// Some give up early, most wait for longer than most faults last.
		_ = c.SetDeadline(time.Now().Add(time.Duration(1+s.intn(1500)) * time.Millisecond))
		back, err := io.ReadAll(c)
		s.count(&s.connections, 1)
		s.count(&s.bytes, len(back))
		if err != nil || len(back) < size {
			s.count(&s.broken, 1)
		}
		if port == clean && !bytes.HasPrefix(data, back) {
			s.t.Errorf("a stream of %d bytes comes back with other contents", size)
		}
		_ = c.Close()
		writing.Wait()
		if !s.sleep(20 * time.Millisecond) {
			return
		}
	}
}

func (s *soak) talkUDP() {
	for !s.over() {
		address, port := s.peer("UDP_")
		if address == "" {
			return
		}
		c, err := net.Dial("udp4", address)
		if err != nil {
			s.t.Error(err)
			return
		}
		for range 1 + s.intn(500) {
			b := make([]byte, 4+s.intn(1500))
			binary.BigEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
			_, _ = c.Write(b)
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
			buffer := make([]byte, 1<<16)
			if n, err := c.Read(buffer); err == nil {
				s.checkDatagram(port, buffer[:n])
				s.count(&s.datagrams, 1)
			}
		}
		_ = c.Close()
	}
}

// breakThings sets faults, schedules them, cuts nodes off, and records.
func (s *soak) breakThings() {
	for s.sleep(100 * time.Millisecond) {
		undo := func() {}
		var err error
		selector := Selector{Port: clean}
		if s.intn(2) == 0 {
			selector.From = s.nodes[s.intn(len(s.nodes))]
		}
		if s.intn(2) == 0 {
			selector.To = s.nodes[s.intn(len(s.nodes))]
		}
		switch s.intn(6) {
		case 0:
			var f *Fault
			f, err = s.Partition(s.nodes[:2], s.nodes[2:])
			if err == nil {
				undo = f.Clear
			}
		case 1:
			undo, err = s.Schedule(Event{0, 50 * time.Millisecond, selector, s.rule(true)}, Event{50 * time.Millisecond, 0, selector, s.rule(true)})
		case 2:
			var stop func() error
			stop, err = s.Record(selector, io.Discard)
			if err == nil {
				undo = func() { _ = stop() }
			}
		default:
			forPort := s.intn(2) == 0
			if forPort {
				selector.Port = dirty
			}
			var f *Fault
			f, err = s.Fault(selector, s.rule(!forPort))
			if err == nil {
				undo = f.Clear
			}
		}
		if errors.Is(err, errClosed) {
			return
		}
		if err != nil {
			s.t.Error(err)
			return
		}
		s.count(&s.faults, 1)
		s.sleep(400 * time.Millisecond)
		if s.intn(10) > 0 { // some are forgotten
			undo()
		}
	}
}

// rule is a random one. Where streams are compared it corrupts nothing.
func (s *soak) rule(clean bool) Rule {
	var r Rule
	for range 1 + s.intn(3) {
		switch s.intn(14) {
		case 0:
			r.Drop = float64(s.intn(10)) / 20
		case 1:
			r.Delay = time.Duration(s.intn(50)) * time.Millisecond
		case 2:
			r.Jitter = time.Duration(s.intn(20)) * time.Millisecond
		case 3:
			if !clean {
				r.Corrupt = float64(s.intn(10)) / 10
			}
		case 4:
			r.Duplicate = float64(s.intn(10)) / 10
		case 5:
			r.Reorder = float64(s.intn(10)) / 10
		case 6:
			r.Bandwidth = int64(1 + s.intn(10<<20))
		case 7:
			r.Reset = float64(s.intn(10)) / 50
		case 8:
			r.SlowClose = time.Duration(s.intn(200)) * time.Millisecond
		case 9:
			r.Slice = 1 + s.intn(10_000)
		case 10:
			r.LimitBytes = int64(s.intn(1 << 20))
		case 11:
			r.LimitTime = time.Duration(s.intn(500)) * time.Millisecond
		case 12:
			r.Burst = Burst{Enter: 0.1, Leave: 0.3, Loss: 0.9}
		case 13:
			r.Partition = s.intn(4) == 0
		}
	}
	r.Direction = Direction(s.intn(3))
	return r
}

// newSoakPlace makes a place to which a node can be moved; nil where that cannot be.
var newSoakPlace = func(*testing.T) Place { return nil }

// move takes a node to a place, where nobody listens, and back.
func (s *soak) move(node string) {
	for s.sleep(3 * time.Second) {
		detach, err := s.Attach(node, s.place)
		if errors.Is(err, errClosed) {
			return
		}
		check(s.t, err)
		s.sleep(300 * time.Millisecond)
		detach()
	}
}

// watch looks, as the page does.
func (s *soak) watch() {
	stop := s.Subscribe(func(EventRecord) {})
	defer stop()
	for s.sleep(20 * time.Millisecond) {
		for _, l := range s.State().Links {
			if l.Forward.Bytes < 0 || l.Backward.Bytes < 0 || l.Open < 0 {
				s.t.Errorf("the state of a link is %+v", l)
			}
		}
	}
}
