package testbed

import (
	"io"
	"net"
	"net/netip"
	"testing"
)

func TestForward(t *testing.T) {
	n, err := Open(Options{Subnet: netip.MustParsePrefix("127.0.41.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	for _, d := range []Node{{Name: "sim"}, {Name: "fc", TCP: []uint16{5001}, UDP: []uint16{5001}}} {
		if err := n.Declare(d); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []Proto{TCP, UDP} {
		if _, err := n.Link(Link{From: "sim", To: "fc", Port: 5001, Proto: p}); err != nil {
			t.Fatal(err)
		}
	}
	fc, _ := n.Bindings("fc")
	sim, _ := n.Bindings("sim")
	l, err := net.Listen("tcp", fc.Publish[5001][0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.WriteString(c, c.RemoteAddr().(*net.TCPAddr).IP.String())
			c.Close()
		}
	}()
	c, err := net.Dial("tcp", sim.Env["FC_5001_ADDR"])
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if string(got) != "127.0.41.2" || err != nil {
		t.Errorf("the destination sees %s, %v", got, err)
	}
}
