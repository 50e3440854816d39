package control

import (
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/testbed"
)

// Network is one of a server's: it can be seen and broken by `rigx testbed`,
// and is recorded if the server's options say so.
type Network struct {
	*testbed.Network
	session *session
	id      int64
	// number counts the networks of the server, from 1.
	number int
	// host is the address of nodes when there is no subnet.
	host netip.Addr

	log eventLog

	mu      sync.Mutex
	volumes []*testbed.Volume
	faults  map[int]*testbed.Fault
	// plans are the scheduled faults, each to be cancelled.
	plans   []func()
	records map[int]*recording
	last    int
	// recordDir and events are where everything is recorded, if that was asked for.
	recordDir string
	events    io.Closer
}

// eventLog keeps what happened in a network, for those who ask later.
type eventLog struct {
	mu      sync.Mutex
	records []testbed.EventRecord
	dropped int
	changed chan struct{}
	closed  bool
}

// maxEvents is how many records are kept; of more the oldest go.
const maxEvents = 20_000

func (l *eventLog) add(r testbed.EventRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.records) >= maxEvents {
		drop := maxEvents / 10
		l.records = slices.Delete(l.records, 0, drop)
		l.dropped += drop
	}
	l.records = append(l.records, r)
	l.wake()
}

func (l *eventLog) wake() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

func (l *eventLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

// since returns the records from the n-th on, the number of the next one, and
// a channel that is closed when there are more, or nil if there will be none.
func (l *eventLog) since(n int) (records []testbed.EventRecord, next int, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := min(max(n-l.dropped, 0), len(l.records))
	if !l.closed && l.changed == nil {
		l.changed = make(chan struct{})
	}
	more = l.changed
	if l.closed {
		more = nil
	}
	return slices.Clone(l.records[from:]), l.dropped + len(l.records), more
}

func openNetwork(_ context.Context, c *connection, req request) (any, error) {
	p, err := params[struct {
		Host   string  `json:"host"`
		Subnet string  `json:"subnet"`
		Seed   *uint64 `json:"seed"`
	}](req)
	if err != nil {
		return nil, err
	}
	s := c.session
	opts := testbed.Options{Seed: s.server.opts.Seed}
	if p.Seed != nil {
		if *p.Seed == 0 {
			return nil, invalid("seed = 0: use a number from 1 on; without a seed there is a random one")
		}
		opts.Seed = *p.Seed
	}
	if p.Subnet != "" {
		if opts.Subnet, err = netip.ParsePrefix(p.Subnet); err != nil {
			return nil, invalid("subnet %q is not one such as 127.0.10.0/24", p.Subnet)
		}
	}
	var host netip.Addr
	if p.Host != "" && p.Subnet == "" {
		if host, err = netip.ParseAddr(p.Host); err != nil {
			return nil, invalid("host %q is no IP address", p.Host)
		}
	}
	n, err := s.open(opts)
	if err != nil {
		return nil, err
	}
	n.host = host
	return map[string]any{"network": n.id, "seed": n.Seed()}, nil
}

// Open opens a network for the process of the server itself. It is closed with
// the server, if not before.
func (s *Server) Open(opts testbed.Options) (*Network, error) {
	own, err := s.ownSession()
	if err != nil {
		return nil, err
	}
	if opts.Seed == 0 {
		opts.Seed = s.opts.Seed
	}
	return own.open(opts)
}

// Capsules owns the capsules that belong to the network's server: they are
// stopped with it, or by its guard if this process is killed.
func (n *Network) Capsules() *capsule.Session { return n.session.capsules }

// open opens a network, ready to be recorded.
func (s *session) open(opts testbed.Options) (*Network, error) {
	end, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer end()
	n := &Network{session: s, faults: map[int]*testbed.Fault{}, records: map[int]*recording{}, number: s.server.nextNetwork()}
	if err := n.recordInto(s.server.opts.Record, &opts); err != nil {
		return nil, err
	}
	if n.Network, err = testbed.Open(opts); err != nil {
		_ = n.closeEvents()
		return nil, asValue(err)
	}
	n.log.add(testbed.EventRecord{Time: time.Now(), Event: "network.opened", Seed: n.Seed()})
	n.Subscribe(func(r testbed.EventRecord) {
		if r.Event != "network.opened" { // which may have been told before
			n.log.add(r)
		}
	})
	s.addNetwork(n)
	return n, nil
}

func (s *Server) nextNetwork() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.networks++
	return s.networks
}

func (n *Network) closeEvents() error {
	if n.events == nil {
		return nil
	}
	return n.events.Close()
}

// Close takes the network down, and completes what was recorded of it.
func (n *Network) Close() error {
	n.session.mu.Lock()
	delete(n.session.nets, n.id)
	n.session.mu.Unlock()

	n.mu.Lock()
	for _, cancel := range n.plans {
		cancel()
	}
	n.plans = nil
	n.mu.Unlock()
	err := n.Network.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, r := range n.records {
		if stopErr := r.finish(); err == nil {
			err = stopErr
		}
		delete(n.records, id)
	}
	n.log.close()
	if closeErr := n.closeEvents(); err == nil {
		err = closeErr
	}
	n.events = nil
	return err
}

func closeNetwork(n *Network, _ struct{}) (any, error) {
	return nil, n.Close()
}

type declaration struct {
	Name         string  `json:"name"`
	Address      string  `json:"address"`
	ListensOn    []port  `json:"listens_on"`
	UDPListensOn []port  `json:"udp_listens_on"`
	Expose       []place `json:"expose"`
	UDPExpose    []place `json:"udp_expose"`
	Volumes      []struct {
		Volume int    `json:"volume"`
		Path   string `json:"path"`
		Mode   string `json:"mode"`
	} `json:"volumes"`
}

// port is a number from 1 to 65535.
type port uint16

func (p *port) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseUint(string(data), 10, 16)
	if err != nil || n == 0 {
		return invalid("%s is no port: use 1 to 65535", data)
	}
	*p = port(n)
	return nil
}

func numbers(ports []port) []uint16 {
	out := make([]uint16, len(ports))
	for i, p := range ports {
		out[i] = uint16(p)
	}
	return out
}

// place is an address and a port, which JSON has as a pair. Port 0 is any that
// is free.
type place netip.AddrPort

func (p *place) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	var at string
	var number port
	if json.Unmarshal(data, &pair) != nil || len(pair) != 2 || json.Unmarshal(pair[0], &at) != nil {
		return invalid("%s is no pair of an address and a port", data)
	}
	if string(pair[1]) != "0" {
		if err := number.UnmarshalJSON(pair[1]); err != nil {
			return err
		}
	}
	if at == "localhost" {
		at = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(at)
	if err != nil {
		return invalid("%q is no IP address", at)
	}
	*p = place(netip.AddrPortFrom(addr, uint16(number)))
	return nil
}

func (p place) MarshalJSON() ([]byte, error) {
	at := netip.AddrPort(p)
	return json.Marshal([]any{at.Addr().String(), at.Port()})
}

func endpoints(places []place) []netip.AddrPort {
	var out []netip.AddrPort
	for _, p := range places {
		out = append(out, netip.AddrPort(p))
	}
	return out
}

func places(endpoints []netip.AddrPort) []place {
	out := make([]place, len(endpoints))
	for i, e := range endpoints {
		out[i] = place(e)
	}
	return out
}

func declare(n *Network, d declaration) (any, error) {
	node := testbed.Node{
		Name: d.Name, Address: n.host, TCP: numbers(d.ListensOn), UDP: numbers(d.UDPListensOn),
		Expose: endpoints(d.Expose), ExposeUDP: endpoints(d.UDPExpose),
	}
	if d.Address != "" {
		var err error
		if node.Address, err = netip.ParseAddr(d.Address); err != nil {
			return nil, invalid("address %q of %s is no IP address", d.Address, d.Name)
		}
	}
	n.mu.Lock()
	for _, v := range d.Volumes {
		if v.Volume < 0 || v.Volume >= len(n.volumes) {
			n.mu.Unlock()
			return nil, invalid("%s: there is no volume %d", d.Name, v.Volume)
		}
		if v.Mode != "" && v.Mode != "rw" && v.Mode != "ro" {
			n.mu.Unlock()
			return nil, invalid("%s: the mode of a volume is rw or ro, not %q", d.Name, v.Mode)
		}
		node.Volumes = append(node.Volumes, testbed.Mount{Volume: n.volumes[v.Volume], Path: v.Path, ReadOnly: v.Mode == "ro"})
	}
	n.mu.Unlock()
	return nil, asValue(n.Declare(node))
}

func link(n *Network, p struct {
	Src   string `json:"src"`
	Dst   string `json:"dst"`
	Port  port   `json:"port"`
	Proto string `json:"proto"`
}) (any, error) {
	proto, err := testbed.ParseProto(p.Proto)
	if err != nil {
		return nil, asValue(err)
	}
	l := testbed.Link{From: p.Src, To: p.Dst, Port: uint16(p.Port), Proto: proto}
	at, err := n.Link(l)
	if err != nil {
		return nil, asValue(err)
	}
	return map[string]any{"address": at.String()}, nil
}

type onNode struct {
	Node string `json:"node"`
}

func bindings(n *Network, p onNode) (any, error) {
	b, err := n.Bindings(p.Node)
	if err != nil {
		return nil, asValue(err)
	}
	b.Env[nodeVariable] = n.session.id + ":" + strconv.FormatInt(n.id, 10) + ":" + p.Node
	volumes := []map[string]string{}
	for _, v := range b.Volumes {
		mode := "rw"
		if v.ReadOnly {
			mode = "ro"
		}
		volumes = append(volumes, map[string]string{"host": v.Host, "container": v.Container, "mode": mode})
	}
	return map[string]any{"publish": published(b.Publish), "publish_udp": published(b.PublishUDP), "env": b.Env, "volumes": volumes}, nil
}

func published(ports map[uint16][]netip.AddrPort) map[string][]place {
	out := map[string][]place{}
	for p, at := range ports {
		out[strconv.Itoa(int(p))] = places(at)
	}
	return out
}

func address(n *Network, p onNode) (any, error) {
	at, err := n.Address(p.Node)
	if err != nil {
		return nil, asValue(err)
	}
	return map[string]any{"address": at.String()}, nil
}

// volume makes a directory. Each request gets one of its own, whatever its name.
func volume(n *Network, p struct {
	Name string `json:"name"`
}) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := p.Name
	for i := 2; slices.ContainsFunc(n.volumes, func(v *testbed.Volume) bool { return v.Name() == name }); i++ {
		name = p.Name + "-" + strconv.Itoa(i)
	}
	v, err := n.SharedVolume(name)
	if err != nil {
		return nil, asValue(err)
	}
	if len(n.volumes) == 0 {
		if err := n.session.capsules.GuardDirectory(filepath.Dir(v.Path())); err != nil {
			return nil, err
		}
	}
	n.volumes = append(n.volumes, v)
	return map[string]any{"volume": len(n.volumes) - 1, "path": v.Path()}, nil
}

// injection is a fault that is asked for.
type injection struct {
	Src       string       `json:"src"`
	Dst       string       `json:"dst"`
	Port      *port        `json:"port"`
	Proto     string       `json:"proto"`
	Direction string       `json:"direction"`
	Rule      testbed.Rule `json:"rule"`
	At        seconds      `json:"at"`
	Duration  seconds      `json:"duration"`
}

func (i *injection) selector() (s testbed.Selector, err error) {
	s = testbed.Selector{From: i.Src, To: i.Dst}
	if i.Port != nil {
		s.Port = uint16(*i.Port)
	}
	if i.Proto != "" {
		if s.Proto, err = testbed.ParseProto(i.Proto); err != nil {
			return s, asValue(err)
		}
	}
	if i.Direction != "" {
		if i.Rule.Direction, err = testbed.ParseDirection(i.Direction); err != nil {
			return s, asValue(err)
		}
	}
	return s, nil
}

// links are those that a selector matches.
func (n *Network) links(s testbed.Selector) int {
	count := 0
	for _, l := range n.State().Links {
		if (s.From == "" || s.From == l.From) && (s.To == "" || s.To == l.To) && (s.Port == 0 || s.Port == l.Port) && (s.Proto == 0 || s.Proto == l.Proto) {
			count++
		}
	}
	return count
}

// chosen is the selector of an injection, if there is a link to hit.
func (n *Network) chosen(i *injection) (testbed.Selector, error) {
	s, err := i.selector()
	if err == nil && n.links(s) == 0 {
		what := strings.TrimSpace(i.Proto + " link")
		to := i.Dst
		if s.Port != 0 {
			to += ":" + strconv.Itoa(int(s.Port))
		}
		err = invalid("there is no %s from %s to %s", what, i.Src, to)
		if n.links(testbed.Selector{From: i.Dst, To: i.Src}) > 0 {
			err = invalid("there is no %s from %s to %s; there is one the other way: for its replies use direction=\"backward\"", what, i.Src, to)
		}
	}
	return s, err
}

func fault(n *Network, i injection) (any, error) {
	s, err := n.chosen(&i)
	if err != nil {
		return nil, err
	}
	f, err := n.Fault(s, i.Rule)
	return n.injected(f, err)
}

func (n *Network) injected(f *testbed.Fault, err error) (any, error) {
	if err != nil {
		return nil, asValue(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults[f.ID()] = f
	return map[string]any{"fault": f.ID()}, nil
}

func schedule(n *Network, i injection) (any, error) {
	s, err := n.chosen(&i)
	if err != nil {
		return nil, err
	}
	e := testbed.Event{Selector: s, Rule: i.Rule}
	if e.At, err = i.At.duration("at"); err != nil {
		return nil, err
	}
	if e.For, err = i.Duration.duration("duration"); err != nil {
		return nil, err
	}
	cancel, err := n.Schedule(e)
	if err != nil {
		return nil, asValue(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plans = append(n.plans, cancel)
	return nil, nil
}

func partition(n *Network, p struct {
	A []string `json:"a"`
	B []string `json:"b"`
}) (any, error) {
	count := 0
	for _, a := range p.A {
		for _, b := range p.B {
			count += n.links(testbed.Selector{From: a, To: b}) + n.links(testbed.Selector{From: b, To: a})
		}
	}
	f, err := n.Partition(p.A, p.B)
	if err == nil && count == 0 {
		f.Clear()
		err = invalid("there is no link between %s and %s", strings.Join(p.A, ", "), strings.Join(p.B, ", "))
	}
	return n.injected(f, err)
}

// clearFault ends a fault. One that has ended by itself is fine.
func clearFault(n *Network, p struct {
	Fault int `json:"fault"`
}) (any, error) {
	n.mu.Lock()
	f := n.faults[p.Fault]
	delete(n.faults, p.Fault)
	n.mu.Unlock()
	if f != nil {
		f.Clear()
	}
	return nil, nil
}

func state(n *Network, _ struct{}) (any, error) { return n.State(), nil }

func events(n *Network, _ struct{}) (any, error) {
	n.Settle()
	records, _, _ := n.log.since(0)
	return map[string]any{"events": records}, nil
}

// follow streams the events of a network, those that have been first, until it
// is closed or the client goes.
func follow(ctx context.Context, c *connection, req request) (any, error) {
	n, _, err := c.networkOf(req)
	if err != nil {
		return nil, err
	}
	out := c.stream(req.ID, "event")
	next := 0
	for {
		records, after, more := n.log.since(next)
		next = after
		for _, r := range records {
			line, err := json.Marshal(r)
			if err != nil {
				return nil, err
			}
			if _, err := out.Write(append(line, '\n')); err != nil {
				return nil, err
			}
		}
		if more == nil {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-more:
		case <-time.After(time.Minute): // looks whether the client is there
		}
	}
}
