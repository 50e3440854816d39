package testbed

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// Where the kernel refuses to cut a message, because a piece is longer than what
// the device takes, the datagrams are sent one by one, each once.
func TestUDPBatchesRefused(t *testing.T) {
	if !withNamespaces(t) {
		return
	}
	s := newNamespace(t)
	check(t, s.do(func() error { return setLoopbackMTU(1500) }))
	receiver, err := s.ListenPacket(t.Context(), "udp", netip.AddrPortFrom(localhost, 7))
	check(t, err)
	defer func() { _ = receiver.Close() }()
	c, err := s.Dial(t.Context(), "udp", netip.AddrPort{}, addrPort(receiver.LocalAddr()))
	check(t, err)
	defer func() { _ = c.Close() }()
	sender := newSocket(c.(net.PacketConn))
	var batch [][]byte
	for i := range 10 {
		batch = append(batch, bytes.Repeat(fmt.Append(nil, i), 2000))
	}
	failed, err := sender.send(batch, netip.AddrPort{})
	if failed > 0 || err != nil {
		t.Fatalf("%d cannot be sent: %v", failed, err)
	}
	for _, want := range batch {
		if got, _ := receive(t, receiver.(*net.UDPConn)); got != string(want) {
			t.Fatalf("%d bytes arrive, %.1q…; want %.1q…", len(got), got, want)
		}
	}
	expectNothing(t, receiver.(*net.UDPConn))
	if !sender.apart.Load() {
		t.Error("this kernel cuts messages into datagrams that are longer than what the device takes")
	}
}
