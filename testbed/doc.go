// Package testbed connects programs through a network that can be broken on
// purpose.
//
// A [Network] has nodes (programs: capsules, or processes of the host) and
// links. A link goes from one node to one port of another, and is a proxy of
// TCP connections or UDP datagrams with a loopback address of its own, which
// the source is told in an environment variable:
//
//	net, err := testbed.Open(testbed.Options{Subnet: netip.MustParsePrefix("127.0.10.0/24"), Seed: 1})
//	defer net.Close()
//	net.Declare(testbed.Node{Name: "sim"})
//	net.Declare(testbed.Node{Name: "fc", TCP: []uint16{5001}})
//	net.Link(testbed.Link{From: "sim", To: "fc", Port: 5001})
//	sim, err := net.Bindings("sim") // sim.Env: FC_5001_ADDR=127.0.10.3:23456
//	fc, err := net.Bindings("fc")   // fc.Publish: where port 5001 of fc is to be served
//
// Faults come and go while traffic flows, and add up in the order in which
// they were set:
//
//	fault, err := net.Fault(testbed.Selector{From: "sim", To: "fc"}, testbed.Rule{Delay: 100 * time.Millisecond})
//	…
//	fault.Clear()
//
// What is random is decided by the seed of the network alone: see [Options].
//
// Each file is one concept: network.go, node.go and link.go are the topology,
// tcp.go and udp.go forward, rule.go and fault.go say what goes wrong and
// when, events.go, state.go and pcap.go tell what happened, and place.go is
// for programs that do not live on the loopback of the host.
package testbed
