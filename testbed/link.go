package testbed

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Proto is what a link forwards.
type Proto uint8

const (
	TCP Proto = iota + 1
	UDP
)

func (p Proto) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case 0:
		return ""
	}
	return fmt.Sprintf("Proto(%d)", uint8(p))
}

// MarshalText gives tcp, udp, or nothing for both.
func (p Proto) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (p *Proto) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = 0
		return nil
	}
	parsed, err := ParseProto(string(text))
	if err == nil {
		*p = parsed
	}
	return err
}

// ParseProto reads tcp or udp.
func ParseProto(s string) (Proto, error) {
	switch s {
	case "tcp":
		return TCP, nil
	case "udp":
		return UDP, nil
	}
	return 0, fmt.Errorf("protocol %q: use tcp or udp", s)
}

// A Link goes from a node to a port of another one, or of itself.
type Link struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Port  uint16 `json:"port"`
	Proto Proto  `json:"proto"` // TCP if 0
}

func (l Link) String() string {
	return fmt.Sprintf("%s→%s:%d/%v", l.From, l.To, l.Port, l.Proto)
}

// A link is a [Link] in use: the proxy.
type link struct {
	Link
	network *Network
	address netip.AddrPort
	nodes   [2]netip.Addr // of source and destination
	lanes   [2]lane       // forward, backward

	connections, refused atomic.Int64

	mu      sync.Mutex
	doors   map[door]bool
	guests  map[guest]bool
	running sync.WaitGroup
}

// A door is where a link can be entered: a listener or a packet socket.
type door interface {
	close()
	in() Place // nil is the loopback of the host
}

// A guest is a connection, or a sender of datagrams, that uses a link.
type guest interface {
	// kick has it look at its chains and at the time.
	kick()
	close(reason string)
	// touches is true if one of its ends is in such a place.
	touches(where func(Place) bool) bool
	// reaches is the place of the destination; nil if it was not reached yet.
	reaches() Place
}

// Link connects two declared nodes, and returns the address at which the
// source reaches the port; Bindings has it too. The destination need not
// listen yet: until it does, TCP connections through the link are reset, which
// is the first that a client hears, since the link itself always accepts.
func (n *Network) Link(decl Link) (netip.AddrPort, error) {
	if decl.Proto == 0 {
		decl.Proto = TCP
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return netip.AddrPort{}, errClosed
	}
	from, err := n.node(decl.From)
	if err != nil {
		return netip.AddrPort{}, err
	}
	to, err := n.node(decl.To)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if decl.Proto != TCP && decl.Proto != UDP {
		return netip.AddrPort{}, fmt.Errorf("link %v: protocol %v: use TCP or UDP", decl, decl.Proto)
	}
	if !slices.Contains(to.ports(decl.Proto), decl.Port) {
		return netip.AddrPort{}, fmt.Errorf("link %v: %s declares no %v port %d", decl, decl.To, decl.Proto, decl.Port)
	}
	if n.links[decl] != nil {
		return netip.AddrPort{}, fmt.Errorf("link %v is declared twice", decl)
	}
	l := &link{
		Link: decl, network: n, nodes: [2]netip.Addr{from.address, to.address},
		doors: make(map[door]bool), guests: make(map[guest]bool),
	}
	for i, direction := range []Direction{Forward, Backward} {
		l.lanes[i].init(l, direction)
	}
	l.rechain()
	// The link is at the address of its destination, so that the source sees
	// whom it talks to.
	if l.address, err = l.open(nil, netip.AddrPortFrom(to.address, 0)); err != nil {
		return netip.AddrPort{}, fmt.Errorf("link %v: %w%s", decl, err, aliasHint(to.address))
	}
	if from.place != nil {
		if err := n.enter(l, from.place, to); err != nil {
			l.close()
			return netip.AddrPort{}, err
		}
	}
	n.links[decl] = l
	n.linkOrder = append(n.linkOrder, l)
	n.events.emit(EventRecord{Event: "link.opened", Link: &decl, Address: l.address.String()})
	return l.address, nil
}

// open makes a door at an address of a place and says where it is.
func (l *link) open(place Place, at netip.AddrPort) (netip.AddrPort, error) {
	if place == nil {
		place = host{}
	}
	ctx := l.network.ctx
	if l.Proto == UDP {
		c, err := place.ListenPacket(ctx, "udp", at)
		if err != nil {
			return netip.AddrPort{}, err
		}
		r := newRelay(l, place, c)
		l.addDoor(r)
		l.running.Go(r.run)
		return addrPort(c.LocalAddr()), nil
	}
	c, err := place.Listen(ctx, "tcp", at)
	if err != nil {
		return netip.AddrPort{}, err
	}
	e := &entrance{link: l, place: place, listener: c}
	l.addDoor(e)
	l.running.Go(e.run)
	return addrPort(c.Addr()), nil
}

func (l *link) addDoor(d door) {
	l.mu.Lock()
	l.doors[d] = true
	l.mu.Unlock()
}

// add lets a guest in, unless the door has been closed behind it.
func (l *link) add(g guest, through door) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.doors[through] {
		l.guests[g] = true
		return true
	}
	return false
}

func (l *link) remove(g guest) {
	l.mu.Lock()
	delete(l.guests, g)
	l.mu.Unlock()
}

// changed is called after the chains of the lanes were.
func (l *link) changed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for g := range l.guests {
		g.kick()
	}
	for i := range l.lanes {
		l.lanes[i].backlog.retime()
	}
}

// stays is true if the destination is still in a place.
func (l *link) stays(place Place) bool {
	now, _, _ := l.target()
	return now == place
}

// close closes the doors, sends the guests away and waits for them.
func (l *link) close() {
	l.leave(func(Place) bool { return true }, "the network is closed")
	for i := range l.lanes {
		l.lanes[i].backlog.signal()
	}
	l.running.Wait()
	forward, backward := l.lanes[0].count.now(), l.lanes[1].count.now()
	l.network.events.emit(EventRecord{Event: "link.closed", Link: &l.Link, Forward: &forward, Backward: &backward})
}

// leave closes the doors in some places and ends what goes through them.
func (l *link) leave(where func(Place) bool, reason string) {
	l.mu.Lock()
	doors, guests := slices.Collect(maps.Keys(l.doors)), slices.Collect(maps.Keys(l.guests))
	for d := range l.doors {
		if where(d.in()) {
			delete(l.doors, d)
		}
	}
	l.mu.Unlock()
	for _, d := range doors {
		if where(d.in()) {
			d.close()
		}
	}
	for _, g := range guests {
		if g.touches(where) {
			g.close(reason)
		}
	}
}

// renounce ends what goes to the destination in a place.
func (l *link) renounce(p Place, reason string) {
	l.mu.Lock()
	guests := slices.Collect(maps.Keys(l.guests))
	l.mu.Unlock()
	for _, g := range guests {
		if g.reaches() == p {
			g.close(reason)
		}
	}
}

// target is how the destination of a link is dialled: from which place,
// with which address (invalid: any), and where, in the order to be tried.
func (l *link) target() (place Place, local netip.AddrPort, remotes []netip.AddrPort) {
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.options.Subnet.IsValid() {
		local = netip.AddrPortFrom(n.nodes[l.From].address, 0)
	}
	to := n.nodes[l.To]
	if to.place == nil && to.awaited {
		return nowhere{}, local, []netip.AddrPort{{}}
	}
	if to.place == nil {
		return host{}, local, []netip.AddrPort{to.publish[endpointPort{l.Proto, l.Port}]}
	}
	remotes = []netip.AddrPort{netip.AddrPortFrom(localhost, l.Port)}
	if to.address != localhost {
		remotes = append(remotes, netip.AddrPortFrom(to.address, l.Port))
	}
	return to.place, local, remotes
}

// addrPort is an address of the net package as a value.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.TCPAddr:
		return unmapped(a.AddrPort())
	case *net.UDPAddr:
		return unmapped(a.AddrPort())
	}
	p, _ := netip.ParseAddrPort(a.String())
	return unmapped(p)
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
