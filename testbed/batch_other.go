//go:build !linux

package testbed

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// A socket receives and sends datagrams, one at a time here.
type socket struct{ conn net.PacketConn }

func newSocket(c net.PacketConn) socket {
	if u, ok := c.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(socketBuffer / 16)
		_ = u.SetWriteBuffer(socketBuffer / 16)
	}
	return socket{c}
}

func (s socket) receive() (*batch, error) { return receiveOne(s.conn) }

func (s socket) send(datagrams [][]byte, to netip.AddrPort) (failed int, why error) {
	return sendOneByOne(s.conn, datagrams, to)
}

func newSlots() (slots []buffer, free func()) { return make([]buffer, 1), func() {} }

// refusal is true for an answer by ICMP that nobody listens.
func refusal(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
