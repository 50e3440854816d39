package testbed

import (
	"io"
	"net"
	"net/netip"
	"sync"
)

func (l *link) accept(listener *net.TCPListener) {
	for {
		c, err := listener.AcceptTCP()
		if err != nil {
			return
		}
		l.running.Go(func() { l.proxy(c) })
	}
}

func (l *link) proxy(client *net.TCPConn) {
	if !l.track(client) {
		return
	}
	defer l.untrack(client)
	local, remote := l.target()
	server, err := net.DialTCP("tcp4", tcpAddr(local), tcpAddr(remote))
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	if !l.track(server) {
		return
	}
	defer l.untrack(server)
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(server, client); _ = server.CloseWrite() })
	both.Go(func() { _, _ = io.Copy(client, server); _ = client.CloseWrite() })
	both.Wait()
}

func tcpAddr(a netip.AddrPort) *net.TCPAddr {
	if !a.IsValid() {
		return nil
	}
	return net.TCPAddrFromAddrPort(a)
}
