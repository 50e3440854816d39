package testbed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// A Direction is one way or both ways of a link.
type Direction uint8

const (
	Both     Direction = iota // from source to destination and back
	Forward                   // from the source of the link to its destination
	Backward                  // answers
)

var directionNames = []string{"both", "forward", "backward"}

func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return fmt.Sprintf("Direction(%d)", uint8(d))
}

// MarshalText gives both, forward or backward.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (d *Direction) UnmarshalText(text []byte) error {
	parsed, err := ParseDirection(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

// ParseDirection reads both, forward or backward; nothing is both.
func ParseDirection(s string) (Direction, error) {
	for i, name := range directionNames {
		if s == name {
			return Direction(i), nil
		}
	}
	if s == "" {
		return Both, nil
	}
	return 0, fmt.Errorf("direction %q: use both, forward or backward", s)
}

// A Rule says what goes wrong. Several parts of one rule, and the rules of
// several faults, apply one after the other to each datagram and each chunk: a
// chunk is what one read of a TCP connection gives, 64 KiB at most.
//
// TCP is a stream: whatever a rule does, the receiver never sees a hole, a
// repetition or a wrong order, because no network could do that to it either.
// Only Corrupt changes bytes, and only Reset and the limits end a connection.
//
// In JSON the fields have the names of the Python API; times are milliseconds.
type Rule struct {
	// Direction is the way of the link to which the rule applies.
	Direction Direction
	// Partition lets nothing pass. Datagrams are lost. TCP connections are
	// accepted and stall, and go on when the fault is cleared.
	Partition bool
	// Drop is the probability that a datagram is lost. A TCP chunk is sent again
	// after 200 ms, which doubles with each further loss, and with it waits what
	// comes after it; at 1 it waits until the fault is cleared.
	Drop float64
	// Burst are losses that come in groups; they are like those of Drop.
	Burst Burst
	// Corrupt is the probability that one byte is changed.
	Corrupt float64
	// Duplicate is the probability that a datagram arrives twice. UDP only.
	Duplicate float64
	// Reorder is the probability that a datagram is overtaken by the next one.
	// If none follows within 100 ms it goes on. UDP only.
	Reorder float64
	// Delay holds up everything, and Jitter is how much it varies, evenly, to
	// both sides; a delay is never negative. Jitter can reorder datagrams.
	Delay, Jitter time.Duration
	// Bandwidth is what passes in a second, in bytes, over all connections of a
	// link; 0 is no bound. TCP senders are slowed down; datagrams queue for up
	// to 250 ms, and are lost beyond that.
	Bandwidth int64
	// Reset is the probability with which a TCP chunk makes both ends see
	// "connection reset by peer".
	Reset float64
	// SlowClose is how long the end of a TCP stream is held back.
	SlowClose time.Duration
	// Slice cuts a TCP stream into chunks of at most so many bytes, each sent on
	// its own, with SliceDelay between them.
	Slice      int
	SliceDelay time.Duration
	// LimitBytes closes a TCP connection after so many bytes have passed one
	// way, and lets a UDP sender send no more than that.
	LimitBytes int64
	// LimitTime closes a TCP connection so long after it was opened, or after
	// the fault was set if that was later. A UDP sender is cut off likewise.
	LimitTime time.Duration
}

// Burst is the Gilbert–Elliott model: a link is in a good or a bad state, and
// each datagram may change it before it is sent.
type Burst struct {
	// Enter is the probability of turning bad, and Leave of turning good again;
	// 1/Leave is the mean length of a burst in datagrams.
	Enter float64 `json:"enter"`
	Leave float64 `json:"leave"`
	// Loss is how many are lost in the bad state, and GoodLoss in the good one.
	Loss     float64 `json:"loss"`
	GoodLoss float64 `json:"good_loss,omitempty"`
}

// check finds what is wrong with a rule for a protocol (0: both).
func (r *Rule) check(proto Proto) error {
	rates := []struct {
		name  string
		value float64
	}{
		{"drop_rate", r.Drop}, {"corrupt_rate", r.Corrupt}, {"duplicate_rate", r.Duplicate},
		{"reorder_rate", r.Reorder}, {"reset_rate", r.Reset},
		{"burst.enter", r.Burst.Enter}, {"burst.leave", r.Burst.Leave},
		{"burst.loss", r.Burst.Loss}, {"burst.good_loss", r.Burst.GoodLoss},
	}
	for _, rate := range rates {
		if math.IsNaN(rate.value) || rate.value < 0 || rate.value > 1 {
			return fmt.Errorf("%s = %v: a rate lies between 0 and 1", rate.name, rate.value)
		}
	}
	times := []struct {
		name  string
		value time.Duration
	}{
		{"delay_ms", r.Delay}, {"jitter_ms", r.Jitter}, {"slow_close_ms", r.SlowClose},
		{"slice_delay_ms", r.SliceDelay}, {"limit_ms", r.LimitTime},
	}
	for _, t := range times {
		if t.value < 0 {
			return fmt.Errorf("%s = %v: it cannot be negative", t.name, milliseconds(t.value))
		}
	}
	counts := []struct {
		name  string
		value int64
	}{{"bandwidth", r.Bandwidth}, {"slice", int64(r.Slice)}, {"limit_bytes", r.LimitBytes}}
	for _, c := range counts {
		if c.value < 0 {
			return fmt.Errorf("%s = %d: it cannot be negative", c.name, c.value)
		}
	}
	switch {
	case int(r.Direction) >= len(directionNames):
		return fmt.Errorf("direction %v: use both, forward or backward", r.Direction)
	case r.Burst != (Burst{}) && (r.Burst.Loss == 0 && r.Burst.GoodLoss == 0):
		return fmt.Errorf("burst: loss says how many are lost in a burst, and is not given")
	case r.Burst.Enter > 0 && r.Burst.Leave == 0:
		return fmt.Errorf("burst: a burst that is entered and never left; set leave, 1/leave is its mean length")
	case r.SliceDelay > 0 && r.Slice == 0:
		return fmt.Errorf("slice_delay_ms without slice, the size of the slices in bytes")
	}
	if proto == TCP && (r.Duplicate > 0 || r.Reorder > 0) {
		return fmt.Errorf("duplicate_rate and reorder_rate are for UDP: TCP repeats and orders by itself")
	}
	if proto == UDP && (r.Reset > 0 || r.SlowClose > 0 || r.Slice > 0) {
		return fmt.Errorf("reset_rate, slow_close_ms and slice are for TCP: UDP has no connections")
	}
	return nil
}

// onlyPartitions is true if nothing happens to single packets.
func (r Rule) onlyPartitions() bool {
	r.Direction, r.Partition = 0, false
	return r == Rule{}
}

// ruleJSON is how a rule is written.
type ruleJSON struct {
	Direction  Direction `json:"direction,omitempty"`
	Partition  bool      `json:"partition,omitempty"`
	Drop       float64   `json:"drop_rate,omitempty"`
	Burst      *Burst    `json:"burst,omitempty"`
	Corrupt    float64   `json:"corrupt_rate,omitempty"`
	Duplicate  float64   `json:"duplicate_rate,omitempty"`
	Reorder    float64   `json:"reorder_rate,omitempty"`
	Delay      float64   `json:"delay_ms,omitempty"`
	Jitter     float64   `json:"jitter_ms,omitempty"`
	Bandwidth  int64     `json:"bandwidth,omitempty"`
	Reset      float64   `json:"reset_rate,omitempty"`
	SlowClose  float64   `json:"slow_close_ms,omitempty"`
	Slice      int       `json:"slice,omitempty"`
	SliceDelay float64   `json:"slice_delay_ms,omitempty"`
	LimitBytes int64     `json:"limit_bytes,omitempty"`
	LimitTime  float64   `json:"limit_ms,omitempty"`
}

// MarshalJSON writes what is not zero.
func (r Rule) MarshalJSON() ([]byte, error) {
	out := ruleJSON{
		Direction: r.Direction, Partition: r.Partition, Drop: r.Drop, Corrupt: r.Corrupt,
		Duplicate: r.Duplicate, Reorder: r.Reorder, Delay: milliseconds(r.Delay), Jitter: milliseconds(r.Jitter),
		Bandwidth: r.Bandwidth, Reset: r.Reset, SlowClose: milliseconds(r.SlowClose), Slice: r.Slice,
		SliceDelay: milliseconds(r.SliceDelay), LimitBytes: r.LimitBytes, LimitTime: milliseconds(r.LimitTime),
	}
	if r.Burst != (Burst{}) {
		out.Burst = &r.Burst
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. A name that it does not know is
// an error.
func (r *Rule) UnmarshalJSON(data []byte) error {
	var in ruleJSON
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return err
	}
	*r = Rule{
		Direction: in.Direction, Partition: in.Partition, Drop: in.Drop, Corrupt: in.Corrupt,
		Duplicate: in.Duplicate, Reorder: in.Reorder, Bandwidth: in.Bandwidth, Reset: in.Reset,
		Slice: in.Slice, LimitBytes: in.LimitBytes,
	}
	if in.Burst != nil {
		r.Burst = *in.Burst
	}
	for _, t := range []struct {
		to   *time.Duration
		ms   float64
		name string
	}{
		{&r.Delay, in.Delay, "delay_ms"}, {&r.Jitter, in.Jitter, "jitter_ms"}, {&r.SlowClose, in.SlowClose, "slow_close_ms"},
		{&r.SliceDelay, in.SliceDelay, "slice_delay_ms"}, {&r.LimitTime, in.LimitTime, "limit_ms"},
	} {
		if math.Abs(t.ms) > maxMilliseconds {
			return fmt.Errorf("%s = %v: too long", t.name, t.ms)
		}
		*t.to = time.Duration(math.Round(t.ms * 1e6))
	}
	return nil
}

// maxMilliseconds is a hundred years, which a [time.Duration] can hold.
const maxMilliseconds = 100 * 365 * 24 * 3600 * 1000

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
