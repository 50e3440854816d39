package capsule

import (
	"context"
	"net"
	"net/netip"
)

// Place is the network of a capsule, as seen from inside.
//
// In a container that is its network namespace: Listen opens a socket that only
// the container's processes reach, at any address below 127.0.0.0/8 for
// instance, and Dial reaches what listens on the container's loopback.
//
// A virtual machine has its own kernel, which cannot be entered. It reaches
// 127.0.0.1 of the host as 10.0.2.2: Listen listens on the host's 127.0.0.1,
// with the port that was asked for, and the guest connects to 10.0.2.2 with
// that port. Dial connects to where the port of the guest is published; the
// guest sees 10.0.2.2 as the source, whatever it is given.
//
// Where this program may not enter the network of a container, a sidecar opens
// the sockets: see [Session.Help].
type Place struct {
	// sidecar opens all sockets, if it is not nil.
	sidecar opener
	// do runs a function whose sockets are made inside.
	do func(func() error) error
	// listenAt and dialAt say where an address of the place is on the outside.
	listenAt func(netip.AddrPort) netip.AddrPort
	dialAt   func(network string, remote netip.AddrPort) (netip.AddrPort, error)
	// anySource is set where sockets cannot be bound to an address of the place.
	anySource bool
	// redirect is nil where it is not possible.
	redirect func(ctx context.Context, network string, from, to netip.AddrPort) error
	close    func()
}

// opener is what a [Place] does.
type opener interface {
	Listen(ctx context.Context, network string, addr netip.AddrPort) (net.Listener, error)
	ListenPacket(ctx context.Context, network string, addr netip.AddrPort) (net.PacketConn, error)
	Dial(ctx context.Context, network string, local, remote netip.AddrPort) (net.Conn, error)
	close()
}

// Gateway is where the guest of a virtual machine finds the loopback of the
// host.
var Gateway = netip.AddrFrom4([4]byte{10, 0, 2, 2})

// Listen opens a listener in the place; network is "tcp".
func (p *Place) Listen(ctx context.Context, network string, addr netip.AddrPort) (net.Listener, error) {
	if p.sidecar != nil {
		return p.sidecar.Listen(ctx, network, addr)
	}
	var l net.Listener
	err := p.do(func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(ctx, network, p.listenAt(addr).String())
		return err
	})
	return l, err
}

// ListenPacket opens a socket in the place; network is "udp".
func (p *Place) ListenPacket(ctx context.Context, network string, addr netip.AddrPort) (net.PacketConn, error) {
	if p.sidecar != nil {
		return p.sidecar.ListenPacket(ctx, network, addr)
	}
	var c net.PacketConn
	err := p.do(func() (err error) {
		c, err = (&net.ListenConfig{}).ListenPacket(ctx, network, p.listenAt(addr).String())
		return err
	})
	return c, err
}

// Dial connects from inside the place; network is "tcp" or "udp". An invalid
// local address leaves the choice to the system.
func (p *Place) Dial(ctx context.Context, network string, local, remote netip.AddrPort) (net.Conn, error) {
	if p.sidecar != nil {
		return p.sidecar.Dial(ctx, network, local, remote)
	}
	remote, err := p.dialAt(network, remote)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{}
	if !p.anySource {
		dialer.LocalAddr = localAddr(network, local)
	}
	var c net.Conn
	err = p.do(func() (err error) {
		c, err = dialer.DialContext(ctx, network, remote.String())
		return err
	})
	return c, err
}

// localAddr is an address to dial from; an invalid one is any.
func localAddr(network string, at netip.AddrPort) net.Addr {
	switch {
	case !at.IsValid():
		return nil
	case network == "udp":
		return net.UDPAddrFromAddrPort(at)
	}
	return net.TCPAddrFromAddrPort(at)
}

// Redirect leads what the capsule's processes send to one address of the place
// to another one, even if one of them listens there; network is "tcp" or "udp".
// It takes the superuser, and nft or iptables on this machine.
func (p *Place) Redirect(ctx context.Context, network string, from, to netip.AddrPort) error {
	if p.redirect == nil {
		return failure(Unsupported, "addresses cannot be redirected in the network of this capsule")
	}
	return p.redirect(ctx, network, from, to)
}

func (v *vm) place(_ context.Context, s State, _ *Session) (*Place, error) {
	return &Place{
		do: func(f func() error) error { return f() },
		listenAt: func(addr netip.AddrPort) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), addr.Port())
		},
		dialAt: func(network string, remote netip.AddrPort) (netip.AddrPort, error) {
			published := s.Publish
			if network == "udp" {
				published = s.PublishUDP
			}
			if ends := published[remote.Port()]; len(ends) > 0 {
				return local(ends[0]), nil
			}
			return netip.AddrPort{}, failure(Invalid, "%s port %d of %s is not published, so it cannot be reached", network, remote.Port(), v.Name)
		},
		anySource: true,
		close:     func() {},
	}, nil
}
