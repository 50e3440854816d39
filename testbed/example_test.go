package testbed_test

import (
	"fmt"
	"log"
	"net"
	"net/netip"
	"time"

	"github.com/rigx-build/rigx/testbed"
)

// A program talks to another one over UDP, and every second datagram is lost,
// always the same ones.
func Example() {
	network, err := testbed.Open(testbed.Options{Subnet: netip.MustParsePrefix("127.0.43.0/24"), Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = network.Close() }()
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	check(network.Declare(testbed.Node{Name: "sim"}))
	check(network.Declare(testbed.Node{Name: "fc", UDP: []uint16{6000}}))
	_, err = network.Link(testbed.Link{From: "sim", To: "fc", Port: 6000, Proto: testbed.UDP})
	check(err)

	// This is where fc listens …
	fc, err := network.Bindings("fc")
	check(err)
	receiver, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(fc.PublishUDP[6000][0]))
	check(err)
	defer func() { _ = receiver.Close() }()
	// … and where sim finds it.
	sim, err := network.Bindings("sim")
	check(err)
	sender, err := net.Dial("udp", sim.Env["FC_6000_UDP_ADDR"])
	check(err)
	defer func() { _ = sender.Close() }()

	fault, err := network.Fault(testbed.Selector{From: "sim", To: "fc"}, testbed.Rule{Drop: 0.5})
	check(err)
	for i := range 8 {
		fmt.Fprint(sender, i)
	}
	for { // until the link has dealt with all of them
		if c := network.State().Links[0].Forward; c.Dropped+c.Packets == 8 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	fault.Clear()
	fmt.Fprint(sender, "the end")
	for {
		text := make([]byte, 10)
		n, from, err := receiver.ReadFromUDPAddrPort(text)
		check(err)
		fmt.Printf("%v: %s\n", from.Addr(), text[:n])
		if string(text[:n]) == "the end" {
			return
		}
	}
	// Output:
	// 127.0.43.2: 0
	// 127.0.43.2: 1
	// 127.0.43.2: 4
	// 127.0.43.2: 5
	// 127.0.43.2: the end
}
