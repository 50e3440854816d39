package testbed

import (
	"sync"
	"sync/atomic"
	"time"
)

// A lane is one direction of a link.
type lane struct {
	link      *link
	direction Direction
	// chain is what applies now; it is never nil and never changes itself.
	chain   atomic.Pointer[chain]
	count   counters
	backlog backlog // of UDP
}

func (l *lane) init(of *link, direction Direction) {
	l.link, l.direction = of, direction
	l.backlog.wake = make(chan struct{}, 1)
	l.backlog.alarm.wake = l.backlog.signal
}

// counters are those of [Counters], as they grow.
type counters struct {
	bytes, packets, dropped, corrupted, duplicated, reordered, delayed, reset atomic.Int64
}

// A chain is what happens to the packets of a lane: stage by stage, in the order
// in which the faults were set.
type chain struct {
	stages      []*stage
	partitioned bool
	recordings  []*recording
}

// transparent is true if bytes need not be looked at.
func (c *chain) transparent() bool {
	return len(c.stages) == 0 && !c.partitioned && len(c.recordings) == 0
}

// latency is what a packet waits at most, as far as that can be said beforehand,
// and bandwidth the narrowest; 0 if there is no bound.
func (c *chain) latency() (latency time.Duration, bandwidth int64) {
	for _, s := range c.stages {
		latency += s.rule.Delay + s.rule.Jitter
		if b := s.rule.Bandwidth; b > 0 && (bandwidth == 0 || b < bandwidth) {
			bandwidth = b
		}
	}
	return latency, bandwidth
}

// A stage is a fault at work on one lane.
type stage struct {
	fault  *Fault
	rule   *Rule
	source source

	mu        sync.Mutex
	datagrams sequence
	line      line
}

func newStage(f *Fault, l *lane) *stage {
	s := newSource(l.link.network.seed, l.link.Link, l.direction, f.id)
	return &stage{fault: f, rule: &f.rule, source: s, datagrams: sequence{source: s}}
}

// A line sends one packet after the other.
type line struct{ free time.Time }

// send says when a packet that comes at a time and takes a while has passed.
func (l *line) send(at time.Time, takes time.Duration) time.Time {
	if l.free.After(at) {
		at = l.free
	}
	l.free = at.Add(takes)
	return l.free
}

// takes is how long size bytes need at a bandwidth.
func takes(size int, bandwidth int64) time.Duration {
	return time.Duration(float64(size) / float64(bandwidth) * float64(time.Second))
}

// A sequence decides on one packet after the other.
type sequence struct {
	source source
	n      uint64
	bad    bool // the state of the Gilbert–Elliott model
}

// A fate is what a rule does to one packet.
type fate struct {
	n         uint64 // the number of the packet
	losses    int    // how often it is lost, if it is sent again each time
	corrupt   bool
	duplicate bool
	reorder   bool
	reset     bool
	delay     time.Duration
}

// manyLosses stands for being lost forever.
const manyLosses = 1 << 10

// next decides on the next packet.
func (q *sequence) next(r *Rule) fate {
	n, s := q.n, q.source
	q.n++
	f := fate{n: n}
	loss := r.Drop
	if r.Burst != (Burst{}) {
		if turn := r.Burst.Enter; !q.bad {
			q.bad = s.chance(n, drawState, turn)
		} else {
			q.bad = !s.chance(n, drawState, r.Burst.Leave)
		}
		here := r.Burst.GoodLoss
		if q.bad {
			here = r.Burst.Loss
		}
		loss = 1 - (1-loss)*(1-here)
	}
	for d := drawDrop; loss > 0 && s.chance(n, d, loss); f.losses++ {
		if loss == 1 || f.losses == manyLosses {
			f.losses = manyLosses
			break
		}
		d = drawAgain + draw(f.losses)
	}
	f.corrupt = s.chance(n, drawCorrupt, r.Corrupt)
	f.duplicate = s.chance(n, drawDuplicate, r.Duplicate)
	f.reorder = s.chance(n, drawReorder, r.Reorder)
	f.reset = s.chance(n, drawReset, r.Reset)
	f.delay = r.Delay
	if r.Jitter > 0 {
		f.delay += time.Duration((2*s.uniform(n, drawJitter) - 1) * float64(r.Jitter))
		f.delay = max(f.delay, 0)
	}
	return f
}

// corrupt changes one byte of the n-th packet.
func (q *sequence) corrupt(n uint64, data []byte) {
	if len(data) > 0 {
		data[q.source.below(n, drawPlace, len(data))] ^= byte(1 + q.source.below(n, drawValue, 255))
	}
}

const (
	forever = 100 * 365 * 24 * time.Hour
	// resend is how long TCP takes to send a lost segment again, as Linux does at
	// first, and resendMax what that grows to.
	resend    = 200 * time.Millisecond
	resendMax = 120 * time.Second
)

// resent is how long a chunk takes that is lost so many times.
func resent(losses int) time.Duration {
	if losses >= manyLosses {
		return forever
	}
	var total time.Duration
	for wait := resend; losses > 0; losses-- {
		total += wait
		wait = min(2*wait, resendMax)
	}
	return total
}

// A packet is a datagram, or a piece of a TCP stream, on its way.
type packet struct {
	data   []byte
	buffer *buffer // that data is part of, to be returned; nil if there is none
	at     time.Time
	holds  []hold
}

// A hold is for how long a fault keeps a packet. It ends with the fault.
type hold struct {
	fault *Fault
	d     time.Duration
}

func (p *packet) hold(f *Fault, d time.Duration) {
	if d > 0 {
		p.holds = append(p.holds, hold{f, d})
	}
}

// due is when it may go on, as things are.
func (p *packet) due() time.Time {
	at := p.at
	for _, h := range p.holds {
		if !h.fault.cleared.Load() {
			at = at.Add(h.d)
		}
	}
	return at
}

// A buffer is as large as a datagram, and a chunk, can be.
type buffer [1 << 16]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}
