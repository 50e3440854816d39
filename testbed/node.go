package testbed

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Node is a program in a network.
type Node struct {
	// Name is how links and faults refer to it.
	Name string
	// Address pins its address, which must lie in the subnet of the network. The
	// zero value means the next free one, from .2 on.
	Address netip.Addr
	// TCP and UDP are the ports on which it listens. The two are independent.
	TCP, UDP []uint16
	// Expose and ExposeUDP are further host endpoints at which a port is
	// published, past all faults. The port must be in TCP or UDP; it is the same
	// on both sides.
	Expose, ExposeUDP []netip.AddrPort
	// Volumes are directories that it shares with other nodes.
	Volumes []Mount
}

// A Mount is a shared volume at a path inside a node.
type Mount struct {
	Volume   *Volume
	Path     string // absolute, inside the node
	ReadOnly bool
}

// Bindings are what a node needs to know to take part.
type Bindings struct {
	// Publish and PublishUDP map each port of the node to the host endpoints at
	// which it must be reachable: first the one that links dial, then those of
	// Expose. A process of the host listens at the first itself.
	Publish    map[uint16][]netip.AddrPort `json:"publish"`
	PublishUDP map[uint16][]netip.AddrPort `json:"publish_udp"`
	// Env has the address of each link that starts at the node, as
	// <TO>_<PORT>_ADDR and <TO>_<PORT>_UDP_ADDR.
	Env map[string]string `json:"env"`
	// Volumes are the directories to mount.
	Volumes []BoundVolume `json:"volumes"`
}

// A BoundVolume is a directory of the host and where it is mounted.
type BoundVolume struct {
	Host      string `json:"host"`
	Container string `json:"container"`
	ReadOnly  bool   `json:"read_only,omitempty"`
}

type node struct {
	Node
	name    string
	address netip.Addr
	publish map[endpointPort]netip.AddrPort
	place   Place
	awaited bool // see Await
}

// An endpointPort is a port that a node declares.
type endpointPort struct {
	proto Proto
	port  uint16
}

// Declare adds a node. It can be called while the network is in use.
func (n *Network) Declare(decl Node) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errClosed
	}
	if decl.Name == "" {
		return fmt.Errorf("a node needs a name")
	}
	if _, ok := n.nodes[decl.Name]; ok {
		return fmt.Errorf("node %s is declared twice", decl.Name)
	}
	if err := n.checkNode(decl); err != nil {
		return err
	}
	address, err := n.address(decl)
	if err != nil {
		return err
	}
	decl.TCP, decl.UDP = slices.Clone(decl.TCP), slices.Clone(decl.UDP)
	decl.Expose, decl.ExposeUDP = slices.Clone(decl.Expose), slices.Clone(decl.ExposeUDP)
	decl.Volumes = slices.Clone(decl.Volumes)
	added := &node{Node: decl, name: decl.Name, address: address, publish: make(map[endpointPort]netip.AddrPort)}
	for _, proto := range []Proto{TCP, UDP} {
		for _, port := range decl.ports(proto) {
			at, err := reserve(proto, address)
			if err != nil {
				added.release()
				return fmt.Errorf("node %s, port %d: %w%s", decl.Name, port, err, aliasHint(address))
			}
			added.publish[endpointPort{proto, port}] = at
		}
	}
	n.nodes[decl.Name] = added
	n.nodeOrder = append(n.nodeOrder, added)
	n.events.emit(EventRecord{Event: "node.declared", Node: decl.Name, Address: address.String()})
	return nil
}

func (n *Network) checkNode(decl Node) error {
	for _, proto := range []Proto{TCP, UDP} {
		ports := decl.ports(proto)
		for i, port := range ports {
			if port == 0 {
				return fmt.Errorf("node %s: %v port 0 is no port: use 1 to 65535", decl.Name, proto)
			}
			if slices.Contains(ports[:i], port) {
				return fmt.Errorf("node %s: %v port %d is listed twice", decl.Name, proto, port)
			}
		}
		exposed := decl.exposed(proto)
		for i, at := range exposed {
			if !at.Addr().IsValid() {
				return fmt.Errorf("node %s: an exposed endpoint has no address", decl.Name)
			}
			if !slices.Contains(ports, at.Port()) {
				return fmt.Errorf("node %s: %v is exposed, but %v port %d is not among its ports", decl.Name, at, proto, at.Port())
			}
			if slices.Contains(exposed[:i], at) {
				return fmt.Errorf("node %s: %v is exposed twice", decl.Name, at)
			}
			for _, other := range n.nodeOrder {
				if slices.Contains(other.exposed(proto), at) {
					return fmt.Errorf("node %s: %v is already exposed by %s", decl.Name, at, other.name)
				}
			}
			if err := free(proto, at); err != nil {
				return fmt.Errorf("node %s: %v cannot be exposed: %w%s", decl.Name, at, err, holder(proto, at))
			}
		}
	}
	for _, m := range decl.Volumes {
		switch {
		case m.Volume == nil:
			return fmt.Errorf("node %s: a mount at %q without a volume", decl.Name, m.Path)
		case m.Volume.network != n:
			return fmt.Errorf("node %s: volume %s is of another network", decl.Name, m.Volume.name)
		case !strings.HasPrefix(m.Path, "/"):
			return fmt.Errorf("node %s: volume %s is mounted at %q, which is not absolute", decl.Name, m.Volume.name, m.Path)
		}
	}
	return nil
}

// ports are those of one protocol.
func (d *Node) ports(proto Proto) []uint16 {
	if proto == UDP {
		return d.UDP
	}
	return d.TCP
}

func (d *Node) exposed(proto Proto) []netip.AddrPort {
	if proto == UDP {
		return d.ExposeUDP
	}
	return d.Expose
}

func (d *node) release() {
	for p, at := range d.publish {
		release(p.proto, at)
	}
}

// node finds a declared node. The caller holds n.mu.
func (n *Network) node(name string) (*node, error) {
	if d := n.nodes[name]; d != nil {
		return d, nil
	}
	names := slices.Sorted(maps.Keys(n.nodes))
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no node %q: no node is declared yet", name)
	}
	return nil, fmt.Errorf("there is no node %q: declared are %s", name, strings.Join(names, ", "))
}

// Address is that of a node, at which its peers see it.
func (n *Network) Address(name string) (netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := n.node(name)
	if err != nil {
		return netip.Addr{}, err
	}
	return d.address, nil
}

// Bindings are what a node needs to know, as of the links there are now.
func (n *Network) Bindings(name string) (Bindings, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return Bindings{}, errClosed
	}
	d, err := n.node(name)
	if err != nil {
		return Bindings{}, err
	}
	b := Bindings{
		Publish:    d.published(TCP),
		PublishUDP: d.published(UDP),
		Env:        make(map[string]string),
		Volumes:    []BoundVolume{},
	}
	for _, l := range n.linkOrder {
		if l.From == name {
			for _, key := range l.Variables() {
				b.Env[key] = l.address.String()
			}
		}
	}
	for _, m := range d.Volumes {
		b.Volumes = append(b.Volumes, BoundVolume{Host: m.Volume.path, Container: m.Path, ReadOnly: m.ReadOnly})
	}
	return b, nil
}

func (d *node) published(proto Proto) map[uint16][]netip.AddrPort {
	out := make(map[uint16][]netip.AddrPort)
	for _, port := range d.ports(proto) {
		out[port] = append(out[port], d.publish[endpointPort{proto, port}])
		for _, at := range d.exposed(proto) {
			if at.Port() == port {
				out[port] = append(out[port], at)
			}
		}
	}
	return out
}

// Variables are the names under which a program finds the address of a link:
// what a shell can use, and the spelling of the Python tool, which keeps
// hyphens and dots, where it differs and nothing worse is in it.
func (l Link) Variables() []string {
	suffix := "_" + strconv.Itoa(int(l.Port)) + "_ADDR"
	if l.Proto == UDP {
		suffix = "_" + strconv.Itoa(int(l.Port)) + "_UDP_ADDR"
	}
	plain := strings.ToUpper(l.To)
	clean := VariableName(l.To)
	if clean == plain || clean != strings.NewReplacer("-", "_", ".", "_").Replace(plain) {
		return []string{clean + suffix}
	}
	return []string{clean + suffix, plain + suffix}
}

// VariableName is a name as part of an environment variable: in capitals, with
// _ for what a shell cannot use.
func VariableName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}
