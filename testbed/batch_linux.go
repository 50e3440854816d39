package testbed

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket receives and sends many datagrams with one system call.
type socket struct {
	conn net.PacketConn
	raw  syscall.RawConn
}

// newSocket makes the buffers of a socket as large as the system allows: what
// comes in while it is busy would be lost.
func newSocket(c net.PacketConn) socket {
	s := socket{conn: c}
	u, ok := c.(*net.UDPConn)
	if !ok {
		return s
	}
	s.raw, _ = u.SyscallConn()
	_ = s.raw.Control(func(fd uintptr) {
		for _, b := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, b[0], socketBuffer) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, b[1], socketBuffer)
			}
		}
	})
	return s
}

// vector is what recvmmsg and sendmmsg take: mmsghdr of <sys/socket.h>.
type vector struct {
	headers [batchSize]struct {
		unix.Msghdr
		size uint32
	}
	pieces    [batchSize]unix.Iovec
	addresses [batchSize]unix.RawSockaddrInet4
}

var vectors = sync.Pool{New: func() any { return new(vector) }}

// point has message i be about data, and about an address if it has one.
func (v *vector) point(i int, data []byte, withAddress bool) {
	h := &v.headers[i]
	v.pieces[i].Base = unsafe.SliceData(data)
	v.pieces[i].SetLen(len(data))
	h.Iov = &v.pieces[i]
	h.SetIovlen(1)
	h.Name, h.Namelen = nil, 0
	if withAddress {
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&v.addresses[i])), unix.SizeofSockaddrInet4
	}
}

func (v *vector) call(trap, fd uintptr, from, n int) (int, error) {
	return uninterrupted(func() (int, error) {
		done, _, errno := unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&v.headers[from])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			return 0, errno
		}
		return int(done), nil
	})
}

// receive blocks until there is at least one datagram. The caller releases the
// batch.
func (s socket) receive() (*batch, error) {
	if s.raw == nil {
		return receiveOne(s.conn)
	}
	var b *batch
	var failed error
	err := s.raw.Read(func(fd uintptr) bool {
		b = batches.Get().(*batch)
		v := vectors.Get().(*vector)
		defer vectors.Put(v)
		for i := range b.slots {
			v.point(i, b.slots[i][:], true)
		}
		b.n, failed = v.call(unix.SYS_RECVMMSG, fd, 0, batchSize)
		if failed != nil {
			batches.Put(b)
			return !errors.Is(failed, unix.EAGAIN)
		}
		for i := range b.n {
			a := &v.addresses[i]
			port := (*[2]byte)(unsafe.Pointer(&a.Port))
			b.from[i] = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(port[0])<<8|uint16(port[1]))
			b.data[i] = b.slots[i][:v.headers[i].size]
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return b, nil
}

// send sends datagrams in order: to the given address, or to the one to which the
// socket is connected. It says how many could not be sent, and why.
func (s socket) send(datagrams [][]byte, to netip.AddrPort) (failed int, why error) {
	if s.raw == nil {
		return sendOneByOne(s.conn, datagrams, to)
	}
	v := vectors.Get().(*vector)
	defer vectors.Put(v)
	for len(datagrams) > 0 {
		n := min(len(datagrams), batchSize)
		for i, d := range datagrams[:n] {
			v.point(i, d, to.IsValid())
			if to.IsValid() {
				a := &v.addresses[i]
				a.Family, a.Addr = unix.AF_INET, to.Addr().As4()
				port := (*[2]byte)(unsafe.Pointer(&a.Port))
				port[0], port[1] = byte(to.Port()>>8), byte(to.Port())
			}
		}
		datagrams = datagrams[n:]
		again := false
		for i := 0; i < n; {
			var done int
			var err error
			if closed := s.raw.Write(func(fd uintptr) bool {
				done, err = v.call(unix.SYS_SENDMMSG, fd, i, n-i)
				return !errors.Is(err, unix.EAGAIN)
			}); closed != nil {
				return failed + n - i + len(datagrams), closed
			}
			i += done
			switch {
			case err == nil:
				again = false
			case refusal(err) && !again:
				// What it tells is the fate of an earlier datagram; this one was not sent.
				again, why = true, err
			default:
				failed, why = failed+1, err
				i++
				again = false
			}
		}
	}
	return failed, why
}

// refusal is true for an answer by ICMP that nobody listens.
func refusal(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }
