package testbed

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
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

	mu      sync.Mutex
	closed  bool
	closers map[interface{ Close() error }]bool
	running sync.WaitGroup
}

// Link connects two declared nodes, and returns the address at which the
// source reaches the port; Bindings has it too. The destination need not
// listen yet: until it does, connections to the link are reset.
func (n *Network) Link(decl Link) (netip.AddrPort, error) {
	if decl.Proto == 0 {
		decl.Proto = TCP
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return netip.AddrPort{}, errClosed
	}
	if _, err := n.node(decl.From); err != nil {
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
	l := &link{Link: decl, network: n, closers: make(map[interface{ Close() error }]bool)}
	if err := l.listen(to.address); err != nil {
		return netip.AddrPort{}, fmt.Errorf("link %v: %w%s", decl, err, aliasHint(to.address))
	}
	n.links[decl] = l
	n.linkOrder = append(n.linkOrder, l)
	n.events.emit(EventRecord{Event: "link.opened", Link: &decl, Address: l.address.String()})
	return l.address, nil
}

// listen opens the link at the address of its destination, so that the source
// sees whom it talks to.
func (l *link) listen(at netip.Addr) error {
	if l.Proto == UDP {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
		if err != nil {
			return err
		}
		l.address = c.LocalAddr().(*net.UDPAddr).AddrPort()
		l.track(c)
		l.running.Go(func() { l.forward(c) })
		return nil
	}
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		return err
	}
	l.address = listener.Addr().(*net.TCPAddr).AddrPort()
	l.track(listener)
	l.running.Go(func() { l.accept(listener) })
	return nil
}

// target is where the destination is to be found, and what it sees as source.
func (l *link) target() (local, remote netip.AddrPort) {
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.options.Subnet.IsValid() {
		local = netip.AddrPortFrom(n.nodes[l.From].address, 0)
	}
	return local, n.nodes[l.To].publish[endpointPort{l.Proto, l.Port}]
}

// track closes c with the link; it says false if the link is closed already.
func (l *link) track(c interface{ Close() error }) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = c.Close()
		return false
	}
	l.closers[c] = true
	return true
}

func (l *link) untrack(c interface{ Close() error }) {
	l.mu.Lock()
	delete(l.closers, c)
	l.mu.Unlock()
	_ = c.Close()
}

func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	for c := range l.closers {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.running.Wait()
}
