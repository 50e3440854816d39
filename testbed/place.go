package testbed

import (
	"context"
	"net"
	"net/netip"
)

// A Place is where a node lives if that is not the loopback of the host: the
// network namespace of a container, or the gateway of a virtual machine.
type Place interface {
	// Listen opens a listener inside the place; network is "tcp".
	Listen(ctx context.Context, network string, addr netip.AddrPort) (net.Listener, error)
	// ListenPacket opens an unconnected socket inside the place; network is "udp".
	ListenPacket(ctx context.Context, network string, addr netip.AddrPort) (net.PacketConn, error)
	// Dial connects from inside the place; network is "tcp" or "udp". An invalid
	// local leaves the choice to the place.
	Dial(ctx context.Context, network string, local, remote netip.AddrPort) (net.Conn, error)
}

// Attach says where a node lives. Until detach is called, each link that starts
// at the node, now or later, can also be reached inside the place: at its usual
// address, and at the address of the destination with the port that it
// declares. Links to the node dial inside the place, the loopback of the node
// and its declared port, rather than the published endpoint.
func (n *Network) Attach(node string, p Place) (detach func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := n.node(node)
	if err != nil {
		return nil, err
	}
	d.place = p
	return func() {
		n.mu.Lock()
		d.place = nil
		n.mu.Unlock()
	}, nil
}
