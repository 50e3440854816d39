package testbed

import (
	"net"
	"net/netip"
)

const (
	// batchSize is how many datagrams are handled at once, at most.
	batchSize = 64
	// socketBuffer is how many bytes may wait in a socket, as the kernel counts
	// them, which is several hundred for the smallest datagram.
	socketBuffer = 64 << 20
)

// A batch is datagrams that came together.
type batch struct {
	n     int
	data  [batchSize][]byte // each is part of its slot
	from  [batchSize]netip.AddrPort
	slots []buffer
	free  func() // the slots
}

// batches are those that are not in use.
var batches = make(chan *batch, 16)

// getBatch finds or makes a batch. The caller releases it.
func getBatch() *batch {
	select {
	case b := <-batches:
		return b
	default:
		b := new(batch)
		b.slots, b.free = newSlots()
		return b
	}
}

func (b *batch) release() {
	select {
	case batches <- b:
	default:
		b.free()
	}
}

// receiveOne is receive for what is no socket of the kernel.
func receiveOne(c net.PacketConn) (*batch, error) {
	b := getBatch()
	n, from, err := c.ReadFrom(b.slots[0][:])
	if err != nil {
		b.release()
		return nil, err
	}
	b.n, b.data[0], b.from[0] = 1, b.slots[0][:n], addrPort(from)
	return b, nil
}

// sendOneByOne is send for what is no socket of the kernel.
func sendOneByOne(c net.PacketConn, datagrams [][]byte, to netip.AddrPort) (failed int, why error) {
	for _, d := range datagrams {
		var err error
		if connected, ok := c.(net.Conn); ok && !to.IsValid() {
			_, err = connected.Write(d)
			if err != nil && refusal(err) {
				_, err = connected.Write(d)
			}
		} else {
			_, err = c.WriteTo(d, net.UDPAddrFromAddrPort(to))
		}
		if err != nil {
			failed, why = failed+1, err
		}
	}
	return failed, why
}
