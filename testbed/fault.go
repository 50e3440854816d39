package testbed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
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
}

// ID tells faults of a network apart. They count from 1.
func (f *Fault) ID() int { return f.id }

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
			selectors = append(selectors, Selector{From: x, To: y}, Selector{From: y, To: x})
		}
	}
	return n.fault(selectors, Rule{Partition: true})
}

func (n *Network) fault(selectors []Selector, r Rule) (*Fault, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
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
	f := &Fault{network: n, id: n.nextFault, selectors: selectors, rule: r}
	n.faults = append(n.faults, f)
	n.events.emit(EventRecord{Event: "fault.set", Fault: f.id, Selectors: f.selectors, Rule: &f.rule})
	return f, nil
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
	if err != nil {
		return err
	}
	if s.Port != 0 && !(s.Proto != UDP && slices.Contains(to.TCP, s.Port)) && !(s.Proto != TCP && slices.Contains(to.UDP, s.Port)) {
		return fmt.Errorf("%s declares no %v port %d", s.To, s.Proto, s.Port)
	}
	return nil
}

// Clear ends the fault. What it held back goes on at once. Clearing twice is
// fine.
func (f *Fault) Clear() {
	n := f.network
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.Index(n.faults, f)
	if i < 0 {
		return
	}
	n.faults = slices.Delete(n.faults, i, i+1)
	n.events.emit(EventRecord{Event: "fault.cleared", Fault: f.id})
}

func unmarshalStrictly(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
