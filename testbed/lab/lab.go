// Package lab makes capsules the nodes of a network: it brings packages testbed
// and capsule together, which know nothing of each other.
//
//	network, err := testbed.Open(testbed.Options{})
//	…
//	image, err := capsule.Open("output/flight_computer")
//	…
//	bindings, err := network.Bindings("fc")
//	…
//	fc, err := lab.Start(ctx, network, "fc", image, lab.Bind(bindings, capsule.Options{}))
//	…
//	defer fc.Detach()
//	defer fc.Stop(ctx)
//
// A node's program finds its peers at the addresses in its environment, and by
// their names. In a container these are addresses of its own loopback, on which
// the network listens inside the container: see [capsule.Place]. A virtual
// machine reaches them through its gateway: gateway.go.
package lab

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/testbed"
)

// Node is a running capsule that is a node of a network.
type Node struct {
	*capsule.Capsule
	once   sync.Once
	detach func()
}

// Detach takes the node's links out of the capsule. It is called once the
// capsule has been stopped, or before; again, it does nothing.
func (n *Node) Detach() { n.once.Do(n.detach) }

// Bind adds what a node has to know to the options of its capsule. Where both
// say something, the options count.
func Bind(b testbed.Bindings, opts capsule.Options) capsule.Options {
	opts.Publish = over(b.Publish, opts.Publish)
	opts.PublishUDP = over(b.PublishUDP, opts.PublishUDP)
	opts.Env = over(b.Env, opts.Env)
	opts.Volumes = slices.Clone(opts.Volumes)
	for _, v := range b.Volumes {
		mode := "rw"
		if v.ReadOnly {
			mode = "ro"
		}
		opts.Volumes = append(opts.Volumes, capsule.Volume{Host: v.Host, Container: v.Container, Mode: mode})
	}
	return opts
}

// over lays one table over another.
func over[K comparable, V any](below, above map[K]V) map[K]V {
	out := maps.Clone(below)
	if out == nil {
		out = map[K]V{}
	}
	maps.Copy(out, above)
	return out
}

// Start starts a capsule as a declared node, with its bindings in the options.
// Its links are in place before its program begins. If ctx ends before, or
// anything fails, nothing is left.
func Start(ctx context.Context, network *testbed.Network, node string, image *capsule.Image, opts capsule.Options) (*Node, error) {
	// Where it is published, something may answer that is not the capsule: the
	// engine.
	if err := network.Await(node); err != nil {
		return nil, err
	}
	if image.Manifest.Backend == capsule.Qemu {
		return startBehind(ctx, network, node, image, opts, throughSlirp)
	}
	opts.Hosts = over(peers(network, node), opts.Hosts)
	opts.Gate = true
	c, err := image.Start(ctx, opts)
	if err != nil {
		return nil, err
	}
	started := &Node{Capsule: c, detach: func() {}}
	place, err := c.Place()
	if err == nil {
		started.detach, err = network.Attach(node, place)
	}
	if err == nil {
		err = c.Release()
	}
	if err != nil {
		_ = c.Stop(context.WithoutCancel(ctx))
		started.Detach()
		return nil, err
	}
	return started, nil
}

// peers are the names of the other nodes, with the addresses at which they are
// to be seen.
func peers(network *testbed.Network, node string) map[string]netip.Addr {
	out := map[string]netip.Addr{}
	for _, n := range network.State().Nodes {
		if at, err := netip.ParseAddr(n.Address); err == nil && n.Name != node && hostName(n.Name) {
			out[n.Name] = at
		}
	}
	return out
}

// hostName reports whether a name can be in /etc/hosts.
func hostName(name string) bool {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.') {
			return false
		}
	}
	return name != "" && name[0] != '-' && name[0] != '.' && name[len(name)-1] != '-' && name[len(name)-1] != '.'
}
