package testbed

import "time"

// State is a picture of a network.
type State struct {
	Seed    uint64       `json:"seed"`
	Elapsed float64      `json:"elapsed"` // seconds since it was opened
	Nodes   []NodeState  `json:"nodes"`
	Links   []LinkState  `json:"links"`
	Faults  []FaultState `json:"faults"`
}

// NodeState is a node of a [State].
type NodeState struct {
	Name     string   `json:"name"`
	Address  string   `json:"address"`
	TCP      []uint16 `json:"tcp,omitempty"`
	UDP      []uint16 `json:"udp,omitempty"`
	Attached bool     `json:"attached,omitempty"`
}

// LinkState is a link of a [State].
type LinkState struct {
	Link
	Address     string   `json:"address"`
	Open        int64    `json:"open"`        // connections, or senders that are known
	Connections int64    `json:"connections"` // how many there have been
	Refused     int64    `json:"refused"`     // because nobody listened
	Forward     Counters `json:"forward"`
	Backward    Counters `json:"backward"`
	Faults      []int    `json:"faults"` // those that apply
}

// Counters are of one direction of a link. Packets are datagrams of UDP and
// chunks of TCP. Bytes and Packets count what was delivered.
type Counters struct {
	Bytes      int64 `json:"bytes"`
	Packets    int64 `json:"packets,omitempty"`
	Dropped    int64 `json:"dropped,omitempty"` // lost, or, with TCP, sent again
	Corrupted  int64 `json:"corrupted,omitempty"`
	Duplicated int64 `json:"duplicated,omitempty"`
	Reordered  int64 `json:"reordered,omitempty"`
	Delayed    int64 `json:"delayed,omitempty"`
	Reset      int64 `json:"reset,omitempty"`
}

// FaultState is a fault of a [State].
type FaultState struct {
	ID        int        `json:"id"`
	Selectors []Selector `json:"selectors"`
	Rule      Rule       `json:"rule"`
	Since     float64    `json:"since"` // seconds since the network was opened
}

// State is how things are now.
func (n *Network) State() State {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := State{
		Seed: n.seed, Elapsed: time.Since(n.started).Seconds(),
		Nodes: []NodeState{}, Links: []LinkState{}, Faults: []FaultState{},
	}
	for _, d := range n.nodeOrder {
		s.Nodes = append(s.Nodes, NodeState{Name: d.name, Address: d.address.String(), TCP: d.TCP, UDP: d.UDP, Attached: d.place != nil})
	}
	for _, l := range n.linkOrder {
		l.mu.Lock()
		open := len(l.guests)
		l.mu.Unlock()
		state := LinkState{
			Link: l.Link, Address: l.address.String(), Faults: []int{},
			Open: int64(open), Connections: l.connections.Load(), Refused: l.refused.Load(),
			Forward: l.lanes[0].count.now(), Backward: l.lanes[1].count.now(),
		}
		for _, f := range n.faults {
			if f.matches(l.Link) {
				state.Faults = append(state.Faults, f.id)
			}
		}
		s.Links = append(s.Links, state)
	}
	for _, f := range n.faults {
		s.Faults = append(s.Faults, FaultState{ID: f.id, Selectors: f.selectors, Rule: f.rule, Since: f.since.Sub(n.started).Seconds()})
	}
	return s
}

func (c *counters) now() Counters {
	return Counters{
		Bytes: c.bytes.Load(), Packets: c.packets.Load(), Dropped: c.dropped.Load(),
		Corrupted: c.corrupted.Load(), Duplicated: c.duplicated.Load(), Reordered: c.reordered.Load(),
		Delayed: c.delayed.Load(), Reset: c.reset.Load(),
	}
}
