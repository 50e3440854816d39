package testbed

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// maxHeld is how many bytes of datagrams one lane keeps; more are lost.
	maxHeld = 64 << 20
	// overtaken is how long a reordered datagram waits for another one.
	overtaken = 100 * time.Millisecond
)

// A datagram is a packet of UDP.
type datagram struct {
	packet
	sender  *sender
	reorder *Fault    // that has it overtaken by the next
	floor   time.Time // of what has overtaken it
	release time.Time // when it goes on: due and floor
	serial  uint64    // what has no order in time leaves as it came
	index   int
}

func (d *datagram) before(other *datagram) bool {
	if d.release.Equal(other.release) {
		return d.serial < other.serial
	}
	return d.release.Before(other.release)
}

func (d *datagram) moved(index int) { d.index = index }

// A backlog is the datagrams of a lane that are not due yet.
type backlog struct {
	mu      sync.Mutex
	waiting heap[*datagram]
	bytes   int
	serial  uint64
	late    []*datagram // to be overtaken by the next one
	running bool
	alarm   waiter
	wake    chan struct{}
}

// forward passes datagrams of one sender on, as the chain decides. data may be
// used again when it returns.
func (l *lane) forward(s *sender, data [][]byte) {
	c := l.chain.Load()
	if c.partitioned {
		l.count.dropped.Add(int64(len(data)))
		return
	}
	if len(c.stages) == 0 && !l.backlog.busy() {
		l.send(c, s, data)
		return
	}
	now := time.Now()
	out := make([][]byte, 0, len(data))
	for _, b := range data {
		l.decide(c.stages, &datagram{packet: packet{data: b, at: now}, sender: s}, func(d *datagram) {
			if d.due().After(now) || d.reorder != nil || l.backlog.busy() {
				// What left before it must not arrive after it.
				l.send(c, s, out)
				out = out[:0]
				l.hold(d)
				return
			}
			out = append(out, d.data)
		})
	}
	l.send(c, s, out)
}

// decide has the stages that are left decide on a datagram, and calls next with
// what comes out of them: nothing, one or several.
func (l *lane) decide(stages []*stage, d *datagram, next func(*datagram)) {
	for i, st := range stages {
		copies := l.apply(st, d)
		if copies == 0 {
			l.count.dropped.Add(1)
			return
		}
		for ; copies > 1; copies-- {
			l.count.duplicated.Add(1)
			twin := &datagram{packet: packet{data: slices.Clone(d.data), at: d.at, holds: slices.Clone(d.holds)}, sender: d.sender, reorder: d.reorder}
			defer l.decide(stages[i+1:], twin, next)
		}
	}
	next(d)
}

// apply does to a datagram what one rule says, and says how many there are then.
func (l *lane) apply(st *stage, d *datagram) (copies int) {
	r := st.rule
	if r.LimitTime > 0 || r.LimitBytes > 0 {
		if !d.sender.allowed(st, l.direction, len(d.data), d.at) {
			return 0
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	f := st.datagrams.next(r)
	if f.losses > 0 {
		return 0
	}
	if f.corrupt {
		l.count.corrupted.Add(1)
		st.datagrams.corrupt(f.n, d.data)
	}
	if f.delay > 0 {
		l.count.delayed.Add(1)
		d.hold(st.fault, f.delay)
	}
	if f.reorder {
		l.count.reordered.Add(1)
		d.reorder = st.fault
	}
	if r.Bandwidth > 0 {
		at := d.due()
		if st.line.free.Sub(at) > depth {
			return 0 // the queue in front of the line is full
		}
		d.hold(st.fault, st.line.send(at, takes(len(d.data), r.Bandwidth)).Sub(at))
	}
	if f.duplicate {
		return 2
	}
	return 1
}

// allowed is false once a limit has cut the sender off.
func (s *sender) allowed(st *stage, dir Direction, size int, now time.Time) bool {
	if limit := st.rule.LimitTime; limit > 0 {
		from := s.opened
		if st.fault.since.After(from) {
			from = st.fault.since
		}
		if now.Sub(from) >= limit {
			return false
		}
	}
	if limit := st.rule.LimitBytes; limit > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		m := &s.bytes[dir-Forward]
		if *m == nil {
			*m = make(map[*stage]int64)
		}
		if (*m)[st]+int64(size) > limit {
			(*m)[st] = limit // what is smaller does not slip through
			return false
		}
		(*m)[st] += int64(size)
	}
	return true
}

// send sends datagrams on, to where the direction leads.
func (l *lane) send(c *chain, s *sender, data [][]byte) {
	if len(data) == 0 {
		return
	}
	for _, r := range c.recordings {
		for _, b := range data {
			r.datagram(s, l.direction, b)
		}
	}
	out, to := s.up, netip.AddrPort{}
	if l.direction == Backward {
		out, to = s.relay.socket, s.address
	}
	var bytes int64
	for _, b := range data {
		bytes += int64(len(b))
	}
	// Who has received a datagram finds it counted.
	l.count.packets.Add(int64(len(data)))
	l.count.bytes.Add(bytes)
	failed, err := out.send(data, to)
	l.count.packets.Add(int64(-failed))
	if refusal(err) {
		l.link.refused.Add(1)
	}
	l.count.dropped.Add(int64(failed))
}

// busy is true while datagrams wait, which later ones must not overtake unless
// they are due before.
func (b *backlog) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) > 0
}

// hold keeps a datagram until it is due.
func (l *lane) hold(d *datagram) {
	b := &l.backlog
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes+len(d.data) > maxHeld {
		l.count.dropped.Add(1)
		return
	}
	d.data = slices.Clone(d.data)
	b.bytes += len(d.data) + overhead
	due := d.due()
	d.release = due
	if d.reorder != nil {
		d.release = due.Add(overtaken)
	}
	b.serial++
	d.serial = b.serial
	b.waiting.push(d)
	if d.reorder != nil {
		b.late = append(b.late, d)
	} else {
		for _, late := range b.late {
			if late.index < 0 {
				continue // it has left
			}
			b.serial++
			late.reorder, late.floor, late.serial = nil, due, b.serial
			late.release = late.leaves()
			b.waiting.fix(late.index)
		}
		b.late = b.late[:0]
	}
	if !b.running {
		b.running = true
		l.link.running.Go(l.sendHeld)
	} else if b.waiting[0] == d {
		b.signal()
	}
}

// leaves is when it goes on, as things are.
func (d *datagram) leaves() time.Time {
	at := d.due()
	if d.reorder != nil && !d.reorder.cleared.Load() {
		at = at.Add(overtaken)
	}
	if d.floor.After(at) {
		at = d.floor
	}
	return at
}

func (b *backlog) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// retime is called when faults were set or cleared.
func (b *backlog) retime() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.waiting {
		d.release = d.leaves()
	}
	for i := len(b.waiting)/2 - 1; i >= 0; i-- {
		b.waiting.down(i)
	}
	b.signal()
}

// sendHeld sends what is due, and ends when nothing waits.
func (l *lane) sendHeld() {
	b, network := &l.backlog, l.link.network
	var due []*datagram
	var data [][]byte
	b.mu.Lock()
	for len(b.waiting) > 0 && network.ctx.Err() == nil {
		now := time.Now()
		for len(due) < batchSize && len(b.waiting) > 0 && !b.waiting[0].release.After(now) {
			d := b.waiting.remove(0)
			d.index = -1
			b.bytes -= len(d.data) + overhead
			due = append(due, d)
		}
		if len(due) == 0 {
			at := b.waiting[0].release
			b.mu.Unlock()
			network.clock.set(&b.alarm, at)
			<-b.wake
			b.mu.Lock()
			continue
		}
		b.mu.Unlock()
		c := l.chain.Load()
		for i := 0; i < len(due); {
			data = data[:0]
			s := due[i].sender
			for ; i < len(due) && due[i].sender == s; i++ {
				data = append(data, due[i].data)
			}
			if c.partitioned {
				l.count.dropped.Add(int64(len(data)))
			} else {
				l.send(c, s, data)
			}
		}
		clear(due)
		due = due[:0]
		b.mu.Lock()
	}
	b.waiting, b.late, b.bytes = nil, nil, 0
	b.running = false
	b.mu.Unlock()
	network.clock.cancel(&b.alarm)
}
