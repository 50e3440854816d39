package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a [Network].
type Options struct {
	// Subnet gives each node an address of its own. It lies inside 127.0.0.0/8.
	// Without one, every node is 127.0.0.1 and ports tell them apart.
	Subnet netip.Prefix
	// Seed decides everything that is random: with the same seed and the same
	// calls, the n-th datagram of a link meets the same fate. 0 means a random
	// seed; [Network.Seed] says which.
	Seed uint64
	// Dir is where shared volumes are. If empty, a temporary directory is made,
	// and removed by Close; one that is given must exist and is left alone.
	Dir string
	// Events is written one line of JSON for each [EventRecord]; may be nil.
	Events io.Writer
}

// A Network is a set of nodes and of the links between them. Its methods may
// be called at any time, in any order and concurrently.
type Network struct {
	options Options
	seed    uint64
	started time.Time
	events  *events
	ctx     context.Context // ends with the network
	cancel  context.CancelFunc
	clock   *clock
	fleet   fleet
	queued  atomic.Int64 // bytes on their way in all streams

	mu         sync.Mutex
	closed     bool
	dir        string // made for this network, "" if there is none yet
	nodes      map[string]*node
	nodeOrder  []*node
	links      map[Link]*link
	linkOrder  []*link
	volumes    map[string]*Volume
	faults     []*Fault // that apply now, in order
	nextFault  int
	recordings []*recording
}

var errClosed = errors.New("the network is closed")

// Open makes a network without nodes.
func Open(options Options) (*Network, error) {
	if err := checkSubnet(options.Subnet); err != nil {
		return nil, err
	}
	if options.Dir != "" {
		if info, err := os.Stat(options.Dir); err != nil {
			return nil, fmt.Errorf("directory of the testbed: %w", err)
		} else if !info.IsDir() {
			return nil, fmt.Errorf("directory of the testbed: %s is no directory", options.Dir)
		}
	}
	n := &Network{
		options: options,
		seed:    options.Seed,
		started: time.Now(),
		nodes:   make(map[string]*node),
		links:   make(map[Link]*link),
		volumes: make(map[string]*Volume),
	}
	for n.seed == 0 {
		n.seed = rand.Uint64()
	}
	clock, err := newClock()
	if err != nil {
		return nil, err
	}
	n.clock = clock
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.events = newEvents(n.started, options.Events)
	n.events.emit(EventRecord{Event: "network.opened", Seed: n.seed})
	return n, nil
}

// Seed is what decides all that is random in this network.
func (n *Network) Seed() uint64 { return n.seed }

// Close ends all connections and removes everything the network made: when it
// returns there is no socket, goroutine or directory left. Its error is of what
// could not be removed, or not be written to Options.Events or to a recording.
// Closing twice is fine.
func (n *Network) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	links, nodes, recordings, dir := n.linkOrder, n.nodeOrder, slices.Clone(n.recordings), n.dir
	n.mu.Unlock()
	n.cancel()
	for _, l := range links {
		l.close()
	}
	for _, d := range nodes {
		d.release()
	}
	n.clock.close()
	n.fleet.close()
	var err error
	for _, r := range recordings {
		err = errors.Join(err, r.close())
	}
	n.events.emit(EventRecord{Event: "network.closed"})
	err = errors.Join(err, n.events.close())
	if dir != "" {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}
