package testbed

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket receives and sends many datagrams with one system call.
type socket struct {
	conn net.PacketConn
	raw  syscall.RawConn
	// apart is set when the kernel does not cut one long message into datagrams.
	apart *atomic.Bool
}

// newSocket makes the buffers of a socket as large as the system allows: what
// comes in while it is busy would be lost.
func newSocket(c net.PacketConn) socket {
	s := socket{conn: c, apart: new(atomic.Bool)}
	u, ok := c.(*net.UDPConn)
	if !ok {
		return s
	}
	s.raw, _ = u.SyscallConn()
	_ = s.raw.Control(func(fd uintptr) {
		// A kernel that does not know it (before 4.18) would send one long datagram.
		if _, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT); err != nil {
			s.apart.Store(true)
		}
		for _, b := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, b[0], socketBuffer) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, b[1], socketBuffer)
			}
		}
	})
	return s
}

// newSlots is memory for a batch of the longest datagrams. It comes from the
// kernel, which provides what is used of it: little, as a rule.
func newSlots() (slots []buffer, free func()) {
	m, err := unix.Mmap(-1, 0, batchSize*len(buffer{}), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return make([]buffer, batchSize), func() {}
	}
	return unsafe.Slice((*buffer)(unsafe.Pointer(unsafe.SliceData(m))), batchSize), func() { _ = unix.Munmap(m) }
}

// vector is what recvmmsg and sendmmsg take: mmsghdr of <sys/socket.h>.
type vector struct {
	headers [batchSize]struct {
		unix.Msghdr
		size uint32
	}
	pieces    [batchSize]unix.Iovec
	addresses [batchSize]unix.RawSockaddrInet4
	segments  [batchSize]segment
}

// A segment has the kernel cut a message into datagrams of a size: a control
// message of UDP_SEGMENT.
type segment struct {
	unix.Cmsghdr
	size uint16
	_    [6]byte
}

var vectors = sync.Pool{New: func() any { return new(vector) }}

// point has message i be about pieces [from,to), and about an address if it has
// one.
func (v *vector) point(i, from, to int, withAddress bool) {
	h := &v.headers[i]
	h.Iov = &v.pieces[from]
	h.SetIovlen(to - from)
	h.Name, h.Namelen = nil, 0
	h.Control = nil
	h.SetControllen(0)
	if withAddress {
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&v.addresses[i])), unix.SizeofSockaddrInet4
	}
}

func (v *vector) fill(piece int, data []byte) {
	v.pieces[piece].Base = unsafe.SliceData(data)
	v.pieces[piece].SetLen(len(data))
}

// cut has message i be datagrams of a size; the last one may be shorter.
func (v *vector) cut(i, size int) {
	c := &v.segments[i]
	c.Level, c.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	c.SetLen(unix.CmsgLen(2))
	c.size = uint16(size)
	v.headers[i].Control = (*byte)(unsafe.Pointer(c))
	v.headers[i].SetControllen(unix.CmsgSpace(2))
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
		b = getBatch()
		v := vectors.Get().(*vector)
		defer vectors.Put(v)
		for i := range b.slots {
			v.fill(i, b.slots[i][:])
			v.point(i, i, i+1, true)
		}
		b.n, failed = v.call(unix.SYS_RECVMMSG, fd, 0, batchSize)
		if failed != nil {
			b.release()
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

// maxCut is how long a message may be that is cut: an IP packet with a UDP header.
const maxCut = 65535 - ipHeader - udpHeader

// send sends datagrams in order: to the given address, or to the one to which the
// socket is connected. It says how many could not be sent, and why.
//
// Datagrams of one size go through the kernel as one message for as long as they
// can, which costs little more than one of them. The last may be shorter.
func (s socket) send(datagrams [][]byte, to netip.AddrPort) (failed int, why error) {
	if s.raw == nil {
		return sendOneByOne(s.conn, datagrams, to)
	}
	v := vectors.Get().(*vector)
	defer vectors.Put(v)
	for len(datagrams) > 0 {
		some := datagrams[:min(len(datagrams), batchSize)]
		datagrams = datagrams[len(some):]
		for len(some) > 0 {
			left, n, err := s.sendSome(v, some, to)
			failed, why = failed+n, cmp.Or(err, why)
			some = some[len(some)-left:]
			if errors.Is(err, net.ErrClosed) {
				return failed + left + len(datagrams), err
			}
		}
	}
	return failed, why
}

// sendSome sends what fits into a vector. It stops early, with the number of those
// that are left, when it finds that they have to be sent in another way.
func (s socket) sendSome(v *vector, datagrams [][]byte, to netip.AddrPort) (left, failed int, why error) {
	apart := s.apart.Load()
	var starts [batchSize + 1]int // of the datagrams of each message
	messages := 0
	for i := 0; i < len(datagrams); messages++ {
		size, total := len(datagrams[i]), 0
		first := i
		for i < len(datagrams) {
			n := len(datagrams[i])
			if i > first && (apart || n > size || n == 0 || total+n > maxCut) {
				break
			}
			v.fill(i, datagrams[i])
			total += n
			if i++; n < size {
				break
			}
		}
		v.point(messages, first, i, to.IsValid())
		if i > first+1 {
			v.cut(messages, size)
		}
		if to.IsValid() {
			v.addresses[messages] = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr().As4()}
			binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&v.addresses[messages].Port))[:], to.Port())
		}
		starts[messages+1] = i
	}
	again := false
	for i := 0; i < messages; {
		var done int
		var err error
		if closed := s.raw.Write(func(fd uintptr) bool {
			done, err = v.call(unix.SYS_SENDMMSG, fd, i, messages-i)
			return !errors.Is(err, unix.EAGAIN)
		}); closed != nil {
			return len(datagrams) - starts[i], failed, closed
		}
		i += done
		if err == nil {
			again = false
			continue
		}
		switch count := starts[i+1] - starts[i]; {
		case refusal(err) && !again:
			// What it tells is the fate of an earlier datagram; this one was not sent.
			again, why = true, err
		case count > 1 && !refusal(err):
			// A kernel, or a device, that does not do it, or pieces that are too long for
			// its packets.
			s.apart.Store(true)
			return len(datagrams) - starts[i], failed, why
		default:
			failed, why = failed+count, err
			i++
			again = false
		}
	}
	return 0, failed, why
}

// refusal is true for an answer by ICMP that nobody listens.
func refusal(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }
