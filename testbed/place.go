package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// A Place is where a node lives if that is not the loopback of the host: the
// network namespace of a container, or the gateway of a virtual machine.
// [OpenNamespace] makes one. Values must be comparable.
type Place interface {
	// Listen opens a listener inside the place; network is "tcp".
	Listen(ctx context.Context, network string, addr netip.AddrPort) (net.Listener, error)
	// ListenPacket opens an unconnected socket inside the place; network is "udp".
	ListenPacket(ctx context.Context, network string, addr netip.AddrPort) (net.PacketConn, error)
	// Dial connects from inside the place; network is "tcp" or "udp". An invalid
	// local leaves the choice to the place.
	Dial(ctx context.Context, network string, local, remote netip.AddrPort) (net.Conn, error)
}

// A Redirector is a [Place] that can lead away what its processes send to an
// address, although one of them listens there: as the peers of a node have
// addresses of its loopback, one that listens at all addresses would get what is
// meant for them.
type Redirector interface {
	// Redirect leads connections, or datagrams, to from elsewhere, for as long as
	// the place exists; network is "tcp" or "udp".
	Redirect(ctx context.Context, network string, from, to netip.AddrPort) error
}

// Attach says where a node lives. Until detach is called, each link that starts
// at the node, now or later, can also be reached inside the place: at its usual
// address, and at the address of the destination with the port that it
// declares, so that a name for that address is enough to find it. (The latter
// is left out where it could be in the way of the node: if the node declares the
// port itself and the place is no [Redirector], or, in a network without a
// subnet, if the port is taken.) Links
// to the node dial inside the place, its loopback and the declared port, rather
// than the published endpoint; what goes there is closed.
//
// detach closes the connections that have an end in the place.
func (n *Network) Attach(name string, p Place) (detach func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errClosed
	}
	d, err := n.node(name)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("node %s: no place to attach it to", name)
	}
	if d.place != nil {
		return nil, fmt.Errorf("node %s is attached already", name)
	}
	for _, l := range n.linkOrder {
		if l.From == name {
			if err := n.enter(l, p, n.nodes[l.To]); err != nil {
				n.depart(p)
				return nil, err
			}
		}
	}
	d.place = p
	n.moveFrom(host{}, name)
	n.events.emit(EventRecord{Event: "node.attached", Node: name})
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if d.place != p {
			return
		}
		d.place = nil
		n.depart(p)
		n.events.emit(EventRecord{Event: "node.detached", Node: name})
	}, nil
}

// Await says that a node will be attached. Until it is, and once it is detached,
// nobody reaches it, as if nothing listened there. Connections to where it is
// published are closed.
func (n *Network) Await(name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := n.node(name)
	if err != nil {
		return err
	}
	d.awaited = true
	n.moveFrom(host{}, name)
	return nil
}

// moveFrom ends what goes to a node in a place where it is no more. The caller
// holds n.mu.
func (n *Network) moveFrom(p Place, name string) {
	for _, l := range n.linkOrder {
		if l.To == name {
			l.renounce(p, "the node is elsewhere now")
		}
	}
}

// nowhere is the place of nodes that are yet to be attached.
type nowhere struct{ host }

func (nowhere) Dial(context.Context, string, netip.AddrPort, netip.AddrPort) (net.Conn, error) {
	return nil, syscall.ECONNREFUSED
}

// enter opens a link inside the place of its source. The caller holds n.mu.
func (n *Network) enter(l *link, p Place, to *node) error {
	if _, err := l.open(p, l.address); err != nil {
		return fmt.Errorf("link %v: cannot listen at %v inside %s: %w", l.Link, l.address, l.From, err)
	}
	at := netip.AddrPortFrom(to.address, l.Port)
	from := n.nodes[l.From]
	if slices.Contains(from.ports(l.Proto), l.Port) {
		r, can := p.(Redirector)
		if !can || from.address == to.address {
			return nil
		}
		if err := r.Redirect(n.ctx, l.Proto.String(), at, l.address); err != nil {
			n.events.emit(EventRecord{Event: "link.unnamed", Link: &l.Link, Address: at.String(), Error: err.Error()})
		}
		return nil
	}
	if _, err := l.open(p, at); err != nil && n.options.Subnet.IsValid() {
		return fmt.Errorf("link %v: cannot listen at %v inside %s: %w", l.Link, at, l.From, err)
	}
	return nil
}

// depart closes what is open in a place. The caller holds n.mu.
func (n *Network) depart(p Place) {
	for _, l := range n.linkOrder {
		l.leave(func(other Place) bool { return other == p }, "the node is detached")
	}
}

// host is the place of nodes that are not attached.
type host struct{}

func (host) Listen(ctx context.Context, network string, addr netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1, Control: prepareListener}
	return lc.Listen(ctx, network+"4", addr.String())
}

func (host) ListenPacket(ctx context.Context, network string, addr netip.AddrPort) (net.PacketConn, error) {
	var lc net.ListenConfig
	return lc.ListenPacket(ctx, network+"4", addr.String())
}

func (host) Dial(ctx context.Context, network string, local, remote netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1, ControlContext: prepareConnection}
	switch {
	case !local.IsValid():
	case network == "tcp":
		d.LocalAddr = net.TCPAddrFromAddrPort(local)
	case network == "udp":
		d.LocalAddr = net.UDPAddrFromAddrPort(local)
	default:
		return nil, errors.ErrUnsupported
	}
	return d.DialContext(ctx, network+"4", remote.String())
}
