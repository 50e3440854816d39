package testbed

import (
	"encoding/json"
	"fmt"
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
	// node.attached, node.detached, link.opened, link.unnamed (it cannot be
	// reached inside its place by the address of its destination), link.counted, link.closed,
	// connection.opened, connection.refused, connection.closed, fault.set,
	// fault.cleared, record.started, record.stopped, error, events.lost. What
	// happens to single packets is counted: link.counted comes after
	// fault.cleared, once for each link, and link.closed at the end.
	Event      string     `json:"event"`
	Seed       uint64     `json:"seed,omitempty"`
	Node       string     `json:"node,omitempty"`
	Link       *Link      `json:"link,omitempty"`
	Address    string     `json:"address,omitempty"`    // of the node or the link
	Connection int        `json:"connection,omitempty"` // the n-th of the link
	Peer       string     `json:"peer,omitempty"`       // who connected, or sent
	Fault      int        `json:"fault,omitempty"`
	Selectors  []Selector `json:"selectors,omitempty"`
	Rule       *Rule      `json:"rule,omitempty"`
	Forward    *Counters  `json:"forward,omitempty"`
	Backward   *Counters  `json:"backward,omitempty"`
	Reason     string     `json:"reason,omitempty"` // why it ended
	Error      string     `json:"error,omitempty"`
	Lost       int        `json:"lost,omitempty"` // how many events, or packets of a recording
}

// maxEvents is how many may wait for those that are told of them.
const maxEvents = 1 << 16

// events tells of what happens, from a goroutine of its own: nobody who is slow
// in listening slows down the network.
type events struct {
	started time.Time
	done    chan struct{}

	mu      sync.Mutex
	change  sync.Cond
	waiting []EventRecord
	lost    int
	closed  bool
	emitted int // how many there have been, and how many have been told of
	told    int

	telling sync.Mutex // held while the listeners are called
	w       io.Writer
	failed  error
	next    int
	heard   map[int]func(EventRecord)
}

func newEvents(started time.Time, w io.Writer) *events {
	e := &events{started: started, w: w, done: make(chan struct{}), heard: make(map[int]func(EventRecord))}
	e.change.L = &e.mu
	go e.run()
	return e
}

func (e *events) emit(r EventRecord) {
	r.Time = time.Now()
	r.Elapsed = r.Time.Sub(e.started).Seconds()
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return
	case len(e.waiting) >= maxEvents:
		e.lost++
		return
	case e.lost > 0:
		e.waiting = append(e.waiting, EventRecord{Time: r.Time, Elapsed: r.Elapsed, Event: "events.lost", Lost: e.lost})
		e.emitted++
		e.lost = 0
	}
	e.waiting = append(e.waiting, r)
	e.emitted++
	e.change.Broadcast()
}

func (e *events) run() {
	defer close(e.done)
	for {
		e.mu.Lock()
		for len(e.waiting) == 0 && !e.closed {
			e.change.Wait()
		}
		records := e.waiting
		e.waiting = nil
		e.mu.Unlock()
		if len(records) == 0 {
			return
		}
		e.telling.Lock()
		for _, r := range records {
			e.tell(r)
		}
		e.telling.Unlock()
		e.mu.Lock()
		e.told += len(records)
		e.change.Broadcast()
		e.mu.Unlock()
	}
}

// Settle returns when all who listen, and the event log, have been told of
// everything that has happened so far. It must not be called by a listener.
func (n *Network) Settle() {
	e := n.events
	e.mu.Lock()
	defer e.mu.Unlock()
	for last := e.emitted; e.told < last; {
		e.change.Wait()
	}
}

func (e *events) tell(r EventRecord) {
	if e.w != nil && e.failed == nil {
		line, err := json.Marshal(r)
		if err == nil {
			_, err = e.w.Write(append(line, '\n'))
		}
		if err != nil {
			e.failed = fmt.Errorf("event log: %w", err)
		}
	}
	for _, f := range e.heard {
		f(r)
	}
}

// close returns when all have been told of everything.
func (e *events) close() error {
	e.mu.Lock()
	e.closed = true
	e.change.Broadcast()
	e.mu.Unlock()
	<-e.done
	return e.failed
}

// Subscribe calls f for each event from now on, one after the other, from
// another goroutine. f must not call stop, Subscribe or Close; after stop has
// returned f is not called again. Who is so slow that tens of thousands wait
// misses some, and is told how many.
func (n *Network) Subscribe(f func(EventRecord)) (stop func()) {
	e := n.events
	e.telling.Lock()
	defer e.telling.Unlock()
	id := e.next
	e.next++
	e.heard[id] = f
	return func() {
		e.telling.Lock()
		defer e.telling.Unlock()
		delete(e.heard, id)
	}
}
