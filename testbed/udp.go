package testbed

import (
	"net"
	"net/netip"
)

func (l *link) forward(c *net.UDPConn) {
	buf := make([]byte, 1<<16)
	sessions := make(map[netip.AddrPort]*net.UDPConn)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		up := sessions[from]
		if up == nil {
			local, remote := l.target()
			if up, err = net.DialUDP("udp4", udpAddr(local), udpAddr(remote)); err != nil {
				continue
			}
			if !l.track(up) {
				return
			}
			sessions[from] = up
			l.running.Go(func() { answer(c, up, from) })
		}
		_, _ = up.Write(buf[:n])
	}
}

func answer(c, up *net.UDPConn, to netip.AddrPort) {
	buf := make([]byte, 1<<16)
	for {
		n, err := up.Read(buf)
		if err != nil {
			return
		}
		_, _ = c.WriteToUDPAddrPort(buf[:n], to)
	}
}

func udpAddr(a netip.AddrPort) *net.UDPAddr {
	if !a.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(a)
}
