package testbed

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// A Selector says which links a fault or a recording is about. What is empty
// matches everything.
type Selector struct {
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Port  uint16 `json:"port,omitempty"`
	Proto Proto  `json:"proto,omitempty"`
}

func (s Selector) matches(l Link) bool {
	return (s.From == "" || s.From == l.From) && (s.To == "" || s.To == l.To) &&
		(s.Port == 0 || s.Port == l.Port) && (s.Proto == 0 || s.Proto == l.Proto)
}

// A Fault is a rule that applies to some links, those that are added later too,
// until it is cleared.
type Fault struct {
	network   *Network
	id        int
	selectors []Selector
	rule      Rule
	since     time.Time
	cleared   atomic.Bool
}

// ID tells faults of a network apart. They count from 1, in the order of the
// calls that made them; scheduled ones count too.
func (f *Fault) ID() int { return f.id }

func (f *Fault) matches(l Link) bool {
	return slices.ContainsFunc(f.selectors, func(s Selector) bool { return s.matches(l) })
}

// Fault makes a rule apply to the selected links, after the rules that do
// already. Connections that are open are affected from now on.
func (n *Network) Fault(s Selector, r Rule) (*Fault, error) {
	return n.fault([]Selector{s}, r)
}

// Partition cuts all links between two groups of nodes, both ways: see
// [Rule.Partition].
func (n *Network) Partition(a, b []string) (*Fault, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, fmt.Errorf("a partition needs nodes on both sides")
	}
	var selectors []Selector
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return nil, fmt.Errorf("a partition cannot have %s on both sides", x)
			}
			if x == "" || y == "" {
				return nil, fmt.Errorf("a partition has a node without a name")
			}
			selectors = append(selectors, Selector{From: x, To: y}, Selector{From: y, To: x})
		}
	}
	return n.fault(selectors, Rule{Partition: true})
}

func (n *Network) fault(selectors []Selector, r Rule) (*Fault, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f, err := n.newFault(selectors, r)
	if err != nil {
		return nil, err
	}
	f.set()
	return f, nil
}

// newFault checks a fault and gives it its number. The caller holds n.mu.
func (n *Network) newFault(selectors []Selector, r Rule) (*Fault, error) {
	if n.closed {
		return nil, errClosed
	}
	for _, s := range selectors {
		if err := n.checkSelector(s); err != nil {
			return nil, err
		}
		if err := r.check(s.Proto); err != nil {
			return nil, err
		}
	}
	n.nextFault++
	return &Fault{network: n, id: n.nextFault, selectors: selectors, rule: r}, nil
}

// set makes it apply. The caller holds n.mu.
func (f *Fault) set() {
	n := f.network
	f.since = time.Now()
	n.faults = append(n.faults, f)
	n.events.emit(EventRecord{Event: "fault.set", Fault: f.id, Selectors: f.selectors, Rule: &f.rule})
	n.faultsChanged(f.matches)
}

// Clear ends the fault. What it held back goes on at once; what it lost or ended
// is gone. Clearing twice is fine.
func (f *Fault) Clear() {
	f.network.mu.Lock()
	defer f.network.mu.Unlock()
	f.clear()
}

// clear is Clear. The caller holds n.mu.
func (f *Fault) clear() {
	n := f.network
	i := slices.Index(n.faults, f)
	if i < 0 {
		return
	}
	n.faults = slices.Delete(n.faults, i, i+1)
	f.cleared.Store(true)
	n.faultsChanged(f.matches)
	n.events.emit(EventRecord{Event: "fault.cleared", Fault: f.id})
	for _, l := range n.linkOrder {
		if forward, backward := l.lanes[0].count.now(), l.lanes[1].count.now(); f.matches(l.Link) {
			n.events.emit(EventRecord{Event: "link.counted", Link: &l.Link, Fault: f.id, Forward: &forward, Backward: &backward})
		}
	}
}

// ClearFault ends the fault with that number; false if there is none.
func (n *Network) ClearFault(id int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.faults, func(f *Fault) bool { return f.id == id })
	if i >= 0 {
		n.faults[i].clear()
	}
	return i >= 0
}

// checkSelector finds names and ports that are not declared. The caller holds
// n.mu.
func (n *Network) checkSelector(s Selector) error {
	if s.From != "" {
		if _, err := n.node(s.From); err != nil {
			return err
		}
	}
	if s.Proto > UDP {
		return fmt.Errorf("protocol %v: use TCP, UDP, or 0 for both", s.Proto)
	}
	if s.To == "" {
		return nil
	}
	to, err := n.node(s.To)
	if err != nil || s.Port == 0 {
		return err
	}
	for _, proto := range []Proto{TCP, UDP} {
		if (s.Proto == 0 || s.Proto == proto) && slices.Contains(to.ports(proto), s.Port) {
			return nil
		}
	}
	if s.Proto == 0 {
		return fmt.Errorf("%s declares no port %d", s.To, s.Port)
	}
	return fmt.Errorf("%s declares no %v port %d", s.To, s.Proto, s.Port)
}

// faultsChanged has the links that match know which faults and recordings there are
// now. The caller holds n.mu.
func (n *Network) faultsChanged(matches func(Link) bool) {
	for _, l := range n.linkOrder {
		if matches(l.Link) {
			l.rechain()
		}
	}
}

// rechain makes the chains of both lanes anew. Stages that go on keep their
// state. The caller holds n.mu.
func (l *link) rechain() {
	for i := range l.lanes {
		lane := &l.lanes[i]
		old, c := lane.chain.Load(), new(chain)
		for _, f := range l.network.faults {
			if !f.matches(l.Link) || f.rule.Direction != Both && f.rule.Direction != lane.direction {
				continue
			}
			c.partitioned = c.partitioned || f.rule.Partition
			if f.rule.onlyPartitions() {
				continue
			}
			at := -1
			if old != nil {
				at = slices.IndexFunc(old.stages, func(s *stage) bool { return s.fault == f })
			}
			if at >= 0 {
				c.stages = append(c.stages, old.stages[at])
			} else {
				c.stages = append(c.stages, newStage(f, lane))
			}
		}
		for _, r := range l.network.recordings {
			if r.selector.matches(l.Link) {
				c.recordings = append(c.recordings, r)
			}
		}
		lane.chain.Store(c)
	}
	l.changed()
}
