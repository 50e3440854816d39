package testbed

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// An EventRecord is something that happened. Fields that do not apply are
// left out of its JSON.
type EventRecord struct {
	// Time is when, and Elapsed the same in seconds since the network was opened.
	Time    time.Time `json:"time"`
	Elapsed float64   `json:"elapsed"`
	// Event is what: network.opened, network.closed, node.declared,
	// node.attached, node.detached, link.opened, connection.opened,
	// connection.refused, connection.closed, fault.set, fault.cleared,
	// record.started, record.stopped, events.lost.
	Event      string     `json:"event"`
	Seed       uint64     `json:"seed,omitempty"`
	Node       string     `json:"node,omitempty"`
	Link       *Link      `json:"link,omitempty"`
	Address    string     `json:"address,omitempty"` // of the node or the link
	Connection int        `json:"connection,omitempty"`
	Peer       string     `json:"peer,omitempty"` // who connected
	Fault      int        `json:"fault,omitempty"`
	Selectors  []Selector `json:"selectors,omitempty"`
	Rule       *Rule      `json:"rule,omitempty"`
	Error      string     `json:"error,omitempty"`
}

type events struct {
	started time.Time
	mu      sync.Mutex
	w       io.Writer
	err     error
	next    int
	subs    map[int]func(EventRecord)
}

func newEvents(started time.Time, w io.Writer) *events {
	return &events{started: started, w: w, subs: make(map[int]func(EventRecord))}
}

func (e *events) emit(r EventRecord) {
	r.Time = time.Now()
	r.Elapsed = r.Time.Sub(e.started).Seconds()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.w != nil && e.err == nil {
		line, err := json.Marshal(r)
		if err == nil {
			_, err = e.w.Write(append(line, '\n'))
		}
		e.err = err
	}
	for _, f := range e.subs {
		f(r)
	}
}

func (e *events) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// Subscribe calls f for each event from now on, one after the other. f must not
// call methods of the network. After stop has returned f is not called again.
func (n *Network) Subscribe(f func(EventRecord)) (stop func()) {
	e := n.events
	e.mu.Lock()
	defer e.mu.Unlock()
	id := e.next
	e.next++
	e.subs[id] = f
	return func() {
		e.mu.Lock()
		delete(e.subs, id)
		e.mu.Unlock()
	}
}
