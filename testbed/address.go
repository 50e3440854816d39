package testbed

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

var (
	loopback     = netip.MustParsePrefix("127.0.0.0/8")
	localhost    = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	errExhausted = errors.New("no address is left in the subnet")
)

// Published ports are taken from below the range of the kernel's ephemeral
// ports, so that no connection of another program happens to take one between
// the time it is chosen and the time its program listens on it.
const (
	firstPort = 15000
	lastPort  = 32000
)

func checkSubnet(subnet netip.Prefix) error {
	switch {
	case !subnet.IsValid():
		if subnet != (netip.Prefix{}) {
			return fmt.Errorf("subnet %v is not valid", subnet)
		}
		return nil
	case !loopback.Contains(subnet.Addr()) || subnet.Bits() < loopback.Bits():
		return fmt.Errorf("subnet %v is not inside %v: use one such as 127.0.10.0/24", subnet, loopback)
	case subnet != subnet.Masked():
		return fmt.Errorf("subnet %v has bits set after its prefix: did you mean %v?", subnet, subnet.Masked())
	case subnet.Bits() > 30:
		return fmt.Errorf("subnet %v has no room for a node: use /30 or larger", subnet)
	}
	return nil
}

// address chooses or checks the address of a node. The caller holds n.mu.
func (n *Network) address(node Node) (netip.Addr, error) {
	subnet := n.options.Subnet
	if node.Address.IsValid() {
		switch {
		case !loopback.Contains(node.Address):
			return netip.Addr{}, fmt.Errorf("node %s: address %v is not inside %v", node.Name, node.Address, loopback)
		case !subnet.IsValid():
			if node.Address == localhost {
				return node.Address, nil
			}
			return netip.Addr{}, fmt.Errorf("node %s: address %v needs a network with a subnet that contains it", node.Name, node.Address)
		case !subnet.Contains(node.Address):
			return netip.Addr{}, fmt.Errorf("node %s: address %v is not in the subnet %v", node.Name, node.Address, subnet)
		}
		for _, other := range n.nodeOrder {
			if other.address == node.Address {
				return netip.Addr{}, fmt.Errorf("node %s: address %v is already that of %s", node.Name, node.Address, other.name)
			}
		}
		return node.Address, nil
	}
	if !subnet.IsValid() {
		return localhost, nil
	}
	taken := make(map[netip.Addr]bool, len(n.nodeOrder))
	for _, other := range n.nodeOrder {
		taken[other.address] = true
	}
	// .0 is the network, .1 by custom its gateway, and the last one broadcasts.
	for a := subnet.Addr().Next().Next(); subnet.Contains(a.Next()); a = a.Next() {
		if !taken[a] {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("node %s: %w %v", node.Name, errExhausted, subnet)
}

// reserved are the published endpoints of all networks of this process.
var reserved = struct {
	sync.Mutex
	ports map[endpoint]bool
}{ports: make(map[endpoint]bool)}

// An endpoint is an address at which one protocol is served.
type endpoint struct {
	proto Proto
	addr  netip.AddrPort
}

// reserve finds a free port at addr and keeps it from being found again until
// it is released.
func reserve(proto Proto, addr netip.Addr) (netip.AddrPort, error) {
	reserved.Lock()
	defer reserved.Unlock()
	var err error
	for range 1000 {
		at := netip.AddrPortFrom(addr, uint16(firstPort+rand.IntN(lastPort-firstPort)))
		if reserved.ports[endpoint{proto, at}] {
			continue
		}
		if err = free(proto, at); err == nil {
			reserved.ports[endpoint{proto, at}] = true
			return at, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("no free port at %v: %w", addr, err)
}

func release(proto Proto, at netip.AddrPort) {
	reserved.Lock()
	delete(reserved.ports, endpoint{proto, at})
	reserved.Unlock()
}

// free tells whether a program could listen at an endpoint now.
func free(proto Proto, at netip.AddrPort) error {
	if proto == UDP {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return err
	}
	return l.Close()
}
