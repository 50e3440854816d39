package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/testbed"
)

// way is how a guest, whose network cannot be entered, reaches this machine.
type way struct {
	// seen is the address of this machine for the capsule, and listen the one to
	// listen on for that.
	seen, listen netip.Addr
}

// throughSlirp is the way out of a virtual machine.
var throughSlirp = way{seen: capsule.Gateway, listen: netip.AddrFrom4([4]byte{127, 0, 0, 1})}

// startBehind starts a capsule that reaches its links through an address of
// this machine: their variables and names say so.
func startBehind(ctx context.Context, network *testbed.Network, node string, image *capsule.Image, opts capsule.Options, out way) (*Node, error) {
	g := &gateway{way: out, publish: opts.Publish, publishUDP: opts.PublishUDP, at: map[endpoint]netip.AddrPort{}}
	var links []testbed.LinkState
	for _, l := range network.State().Links {
		if l.From == node {
			links = append(links, l)
			g.at[endpoint{l.Proto.String(), netip.MustParseAddrPort(l.Address)}] = netip.AddrPort{}
		}
	}
	detach, err := network.Attach(node, g)
	if err != nil {
		return nil, err
	}
	opts.Env = over(opts.Env, nil)
	for name, value := range opts.Env {
		for _, l := range links {
			if value == l.Address {
				opts.Env[name] = g.translate(l.Proto.String(), value)
			}
		}
	}
	hosts := peers(network, node)
	for name := range hosts {
		hosts[name] = out.seen
	}
	opts.Hosts = over(hosts, opts.Hosts)
	c, err := image.Start(ctx, opts)
	if err != nil {
		detach()
		return nil, err
	}
	return &Node{Capsule: c, detach: detach}, nil
}

// gateway is the place of such a capsule. What would be listened to inside is
// listened to at the address of this machine that the capsule can reach; what
// would be dialled inside is dialled where it is published.
type gateway struct {
	way
	publish, publishUDP map[uint16][]netip.AddrPort

	mu sync.Mutex
	// at says where the endpoints of links are to be found by the capsule.
	at map[endpoint]netip.AddrPort
}

// endpoint is an address of a link; network is "tcp" or "udp".
type endpoint struct {
	network string
	addr    netip.AddrPort
}

// translate is where the capsule finds what is at an address of this machine.
func (g *gateway) translate(network, address string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	if there := g.at[endpoint{network, at}]; there.IsValid() {
		return there.String()
	}
	return address
}

func (g *gateway) found(network string, asked netip.AddrPort, port uint16) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at[endpoint{network, asked}] = netip.AddrPortFrom(g.seen, port)
}

// needed reports whether something has to listen for an address. Nothing has to
// where the link itself is within the capsule's reach; and the peers' own
// addresses cannot be had on this machine for one capsule alone.
func (g *gateway) needed(network string, addr netip.AddrPort) bool {
	g.mu.Lock()
	_, known := g.at[endpoint{network, addr}]
	g.mu.Unlock()
	if known && addr.Addr() == g.listen {
		g.found(network, addr, addr.Port())
		return false
	}
	return known
}

// Listen implements [testbed.Place].
func (g *gateway) Listen(ctx context.Context, network string, addr netip.AddrPort) (net.Listener, error) {
	if !g.needed(network, addr) {
		return &silent{addr: net.TCPAddrFromAddrPort(addr), closed: make(chan struct{})}, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, network, netip.AddrPortFrom(g.listen, 0).String())
	if err != nil {
		return nil, err
	}
	g.found(network, addr, l.Addr().(*net.TCPAddr).AddrPort().Port())
	return l, nil
}

// ListenPacket implements [testbed.Place].
func (g *gateway) ListenPacket(ctx context.Context, network string, addr netip.AddrPort) (net.PacketConn, error) {
	at := netip.AddrPortFrom(g.listen, 0)
	needed := g.needed(network, addr)
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, network, at.String())
	if err == nil && needed {
		g.found(network, addr, c.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	}
	return c, err
}

// Dial implements [testbed.Place]. The guest sees its gateway as the source,
// whatever it is; of datagrams from an address other than 127.0.0.1 it would see
// none.
func (g *gateway) Dial(ctx context.Context, network string, _, remote netip.AddrPort) (net.Conn, error) {
	published := g.publish
	if network == "udp" {
		published = g.publishUDP
	}
	ends := published[remote.Port()]
	if len(ends) == 0 {
		return nil, fmt.Errorf("%s port %d is not published", network, remote.Port())
	}
	return (&net.Dialer{}).DialContext(ctx, network, ends[0].String())
}

// silent is a listener to which nobody connects.
type silent struct {
	addr   net.Addr
	once   sync.Once
	closed chan struct{}
}

func (s *silent) Accept() (net.Conn, error) {
	<-s.closed
	return nil, net.ErrClosed
}

func (s *silent) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *silent) Addr() net.Addr { return s.addr }
