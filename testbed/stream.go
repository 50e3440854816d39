package testbed

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// window is how much of one stream may be on its way.
	window = 64 << 20
	// fastest is what a stream without a bound is expected to need, in bytes/s.
	fastest = 6e9
	// pool is what all streams of a network may have on their way beyond one
	// chunk each.
	pool = 256 << 20
	// depth is how long the queue in front of a narrow line is.
	depth = 250 * time.Millisecond
	// overhead is what a packet costs beyond its bytes.
	overhead = 256
)

// A stream is one direction of a TCP connection. While it runs, one goroutine
// reads its bytes, has the chain of the lane decide, and puts them in a queue,
// from which another one writes them when they are due. It need not run while
// nothing interferes: see [connection.forward].
type stream struct {
	connection *connection
	lane       *lane
	src, dst   *end
	progress   map[*stage]*progress // how far the rules are with this stream
	delivered  atomic.Int64
	idle       bool   // it waits for something to read, or does not run; below connection.mu
	rest       []byte // what a carriage has received and not delivered
	ended      error  // why nothing more could be read or written

	mu      sync.Mutex
	change  sync.Cond     // when there is room or nothing is left, and by kick
	alarm   waiter        // for the writer
	wake    chan struct{} // for the writer
	queue   []*piece
	queued  int  // bytes in the queue, with overhead
	writing bool // a goroutine writes what is in the queue
	over    bool // nothing is read or written any more
}

// A piece is a packet of a stream, or how it ends.
type piece struct {
	packet
	lent *buffer // that data is part of, and that the queue may keep
	last ending
	why  string
}

// byPeer is why a connection ended if no fault did it.
const byPeer = "reset by peer"

// An ending is how a stream goes on after a piece.
type ending uint8

const (
	goesOn ending = iota
	finished
	reset
	closed
)

// progress is that of one rule on one stream.
type progress struct {
	sequence
	line  line
	bytes int64
}

func (s *stream) init(c *connection, l *lane) {
	s.connection, s.lane = c, l
	s.change.L = &s.mu
	s.wake = make(chan struct{}, 1)
	s.alarm.wake = s.signal
	s.idle = true
}

// signal wakes the writer.
func (s *stream) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *stream) kick() {
	s.signal()
	s.mu.Lock()
	s.change.Broadcast()
	s.mu.Unlock()
}

// quit ends the stream where it stands. The sockets are closed already.
func (s *stream) quit() {
	s.mu.Lock()
	s.over = true
	s.change.Broadcast()
	s.mu.Unlock()
	s.signal()
}

// awaitPassage waits while either direction is partitioned, and says whether it
// had to.
func (s *stream) awaitPassage() (waited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, lane := range []*lane{&s.lane.link.lanes[0], &s.lane.link.lanes[1]} {
		for !s.over && lane.chain.Load().partitioned {
			waited = true
			s.change.Wait()
		}
	}
	return waited
}

// run forwards the stream to its end, or until a carriage can.
func (s *stream) run() {
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	if !over {
		if len(s.rest) > 0 {
			// It has passed the rules already.
			s.enqueue(&piece{packet: packet{data: s.rest, at: time.Now()}})
			s.rest = nil
		}
		err := s.ended
		if err == nil {
			err = s.shape()
		}
		if errors.Is(err, errBoarding) {
			return
		}
		s.finish(err)
	}
	s.mu.Lock()
	for s.writing {
		s.change.Wait()
	}
	s.over = true
	s.mu.Unlock()
	s.lane.link.network.clock.cancel(&s.alarm)
	if s.src.broken.Load() {
		s.connection.abort(byPeer)
	}
	s.connection.settle()
}

// errBoarding is returned by shape when the connection goes on in a carriage.
var errBoarding = errors.New("the connection is carried from now on")

// errWrite marks errors of the end to which is written.
var errWrite = errors.New("write")

// finish passes on how the stream ended: err is why nothing more can be read, or
// why nothing more could be written.
func (s *stream) finish(err error) {
	if errors.Is(err, errWrite) {
		s.failed()
		return
	}
	end := &piece{last: finished}
	end.at = time.Now()
	if s.src.broken.Load() || resetting(err) {
		end.last, end.why = reset, byPeer
	} else if errors.Is(err, net.ErrClosed) {
		return
	}
	s.admit(s.lane.chain.Load().stages, end)
}

// failed is called when nothing can be written: the end is gone. It is the
// other stream, which reads from that end, that carries the news, if it can.
func (s *stream) failed() {
	s.dst.broken.Store(true)
	other := &s.connection.streams[0]
	if other == s {
		other = &s.connection.streams[1]
	}
	other.mu.Lock()
	over := other.over
	other.mu.Unlock()
	if over {
		s.connection.abort(byPeer)
	}
	s.mu.Lock()
	s.over = true
	s.change.Broadcast()
	s.mu.Unlock()
}

// shape reads and admits chunks.
func (s *stream) shape() error {
	for {
		if err := s.await(); err != nil {
			return err
		}
		if s.connection.rest(s) {
			return errBoarding
		}
		err := s.src.wait()
		if s.connection.resume(s, err) {
			return errBoarding
		}
		if err != nil {
			return err
		}
		b := buffers.Get().(*buffer)
		n, err := s.src.Read(b[:])
		c := s.lane.chain.Load()
		kept := n > 0 && s.admit(c.stages, &piece{packet: packet{data: b[:n], at: time.Now()}, lent: b})
		if !kept {
			buffers.Put(b)
		}
		if err != nil {
			return err
		}
	}
}

// await returns when there is room for another chunk.
func (s *stream) await() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.over && s.dst.broken.Load():
			return errWrite
		case s.over:
			return net.ErrClosed
		case s.queued < s.lane.chain.Load().room() && (s.queued == 0 || s.lane.link.network.queued.Load() < pool):
			return nil
		}
		s.change.Wait()
	}
}

// room is how much may be on its way in a chain: what its line holds.
func (c *chain) room() int {
	latency, bandwidth := c.latency()
	switch {
	case c.partitioned:
		return 1 << 16
	case bandwidth == 0:
		return int(min(1<<20+fastest*latency.Seconds(), window))
	}
	return int(min(1<<16+float64(bandwidth)*(latency+depth).Seconds(), window))
}

// admit sends a piece through the stages that are left, and puts what comes out
// in the queue. It says whether the queue kept the buffer that was lent.
func (s *stream) admit(stages []*stage, p *piece) (kept bool) {
	for i, st := range stages {
		if size := sliceOf(st.rule); size > 0 && len(p.data) > size {
			rest := p.data
			for len(rest) > 0 {
				n := min(size, len(rest))
				part := &piece{packet: packet{data: rest[:n:n], at: p.at, holds: append([]hold(nil), p.holds...)}}
				rest = rest[n:]
				if len(rest) == 0 {
					part.last, part.why = p.last, p.why
				}
				s.apply(st, part)
				s.admit(stages[i+1:], part)
				if part.last != goesOn {
					break
				}
			}
			return false
		}
		s.apply(st, p)
	}
	return s.enqueue(p)
}

// sliceOf is the size of the chunks of a rule: what it says, and what passes a
// narrow line in 10 ms, so that it flows rather than comes in lumps.
func sliceOf(r *Rule) int {
	size := r.Slice
	if r.Bandwidth > 0 {
		if smooth := int(max(r.Bandwidth/100, 512)); size == 0 || smooth < size {
			size = smooth
		}
	}
	return size
}

// apply does to a piece what one rule says.
func (s *stream) apply(st *stage, p *piece) {
	r, count := st.rule, &s.lane.count
	if s.progress == nil {
		s.progress = make(map[*stage]*progress)
	}
	g := s.progress[st]
	if g == nil {
		g = &progress{sequence: sequence{source: st.source.of(s.connection.number)}}
		for old := range s.progress {
			if old.fault.cleared.Load() {
				delete(s.progress, old)
			}
		}
		s.progress[st] = g
	}
	if r.LimitBytes > 0 && g.bytes+int64(len(p.data)) >= r.LimitBytes {
		p.data = p.data[:r.LimitBytes-g.bytes]
		p.last, p.why = closed, fmt.Sprintf("byte limit of fault %d", st.fault.id)
	}
	g.bytes += int64(len(p.data))
	if len(p.data) > 0 {
		f := g.next(r)
		if f.losses > 0 {
			count.dropped.Add(1)
			p.hold(st.fault, resent(f.losses))
		}
		if f.corrupt {
			count.corrupted.Add(1)
			g.corrupt(f.n, p.data)
		}
		if f.reset {
			count.reset.Add(1)
			p.data, p.last, p.why = nil, reset, fmt.Sprintf("reset by fault %d", st.fault.id)
		}
		if f.delay > 0 {
			count.delayed.Add(1)
			p.hold(st.fault, f.delay)
		}
	} else {
		p.hold(st.fault, r.Delay)
	}
	if p.last == finished {
		p.hold(st.fault, r.SlowClose)
	}
	if r.SliceDelay > 0 || r.Bandwidth > 0 {
		at := p.due()
		pause := time.Duration(0)
		if r.SliceDelay > 0 && len(p.data) > 0 {
			pause = r.SliceDelay
		}
		if r.Bandwidth > 0 {
			// All connections of a link share its line.
			st.mu.Lock()
			sent := st.line.send(at, takes(len(p.data), r.Bandwidth))
			st.mu.Unlock()
			p.hold(st.fault, sent.Sub(at))
			at = sent
		}
		if pause > 0 {
			p.hold(st.fault, g.line.send(at, pause).Sub(at))
		}
	}
}

// enqueue has a piece written when it is due; at once, if it is. It says whether
// it kept the buffer that was lent.
func (s *stream) enqueue(p *piece) (kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	if !s.writing && !s.lane.chain.Load().partitioned && !p.due().After(time.Now()) {
		s.mu.Unlock()
		s.write(p)
		s.mu.Lock()
		return false
	}
	if kept = p.lent != nil && len(p.data) >= len(p.lent)/2; kept {
		p.buffer = p.lent
	} else {
		p.data = slices.Clone(p.data)
	}
	s.queue = append(s.queue, p)
	s.charge(p.cost())
	if !s.writing {
		s.writing = true
		go s.writeQueue()
	}
	return kept
}

func (p *piece) cost() int {
	if p.buffer != nil {
		return len(p.buffer) + overhead
	}
	return len(p.data) + overhead
}

// charge accounts for what is on its way. The caller holds s.mu.
func (s *stream) charge(bytes int) {
	s.queued += bytes
	s.lane.link.network.queued.Add(int64(bytes))
}

// writeQueue writes what is in the queue, each piece when it is due, and ends
// when nothing is left.
func (s *stream) writeQueue() {
	clock := s.lane.link.network.clock
	s.mu.Lock()
	for len(s.queue) > 0 && !s.over {
		p := s.queue[0]
		partitioned, due := s.lane.chain.Load().partitioned, p.due()
		if wait := time.Until(due); partitioned || wait > 0 {
			s.mu.Unlock()
			if !partitioned {
				clock.set(&s.alarm, due)
			}
			<-s.wake
			s.mu.Lock()
			continue
		}
		s.queue[0] = nil
		s.queue = s.queue[1:]
		s.mu.Unlock()
		s.write(p)
		if p.buffer != nil {
			buffers.Put(p.buffer)
		}
		s.mu.Lock()
		s.charge(-p.cost())
		s.change.Broadcast()
	}
	s.charge(-s.queued)
	s.queue = nil
	s.writing = false
	s.change.Broadcast()
	s.mu.Unlock()
	s.connection.settle()
}

// write delivers a piece.
func (s *stream) write(p *piece) {
	if len(p.data) > 0 && !s.deliver(p.data) {
		return
	}
	c := s.connection
	switch p.last {
	case finished:
		c.record(func(r *recording) { r.finish(c, s.lane.direction) })
		s.dst.closeWrite()
	case reset:
		c.record(func(r *recording) { r.reset(c, s.lane.direction) })
		c.abort(p.why)
	case closed:
		c.record(func(r *recording) { r.finish(c, s.lane.direction) })
		c.close(p.why)
	}
}

// deliver writes data to the destination and says whether that worked.
func (s *stream) deliver(data []byte) bool {
	for _, r := range s.lane.chain.Load().recordings {
		r.segment(s.connection, s.lane.direction, data)
	}
	n, err := s.dst.Write(data)
	s.passed(n)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.failed()
	}
	return err == nil
}

// passed counts what was delivered.
func (s *stream) passed(bytes int) {
	s.delivered.Add(int64(bytes))
	s.lane.count.bytes.Add(int64(bytes))
	s.lane.count.packets.Add(1)
}
