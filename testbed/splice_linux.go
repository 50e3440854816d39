package testbed

import (
	"cmp"
	"errors"
	"io"
	"net"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// small is what is read rather than spliced: a pipe costs more than copying.
	small = 16 << 10
	// large is how much is spliced at once.
	large = 1 << 20
)

var smallBuffers = sync.Pool{New: func() any { return new([small]byte) }}

// pump forwards until the faults change or the stream ends: it reads and writes
// what is small, and has the kernel move what is large from socket to socket
// through a pipe. Nothing is held while it waits.
func (s *stream) pump() error {
	if s.src.raw == nil || s.dst.raw == nil {
		return s.copyThrough()
	}
	p := &pump{stream: s, chain: s.lane.chain.Load(), pipes: &s.lane.link.network.pipes}
	if !p.chain.transparent() {
		return errChanged
	}
	for {
		if err := s.src.raw.Read(p.receive); err != nil {
			return err
		}
		if p.err != nil {
			return p.err
		}
		if p.n == 0 {
			p.release()
			return io.EOF
		}
		if err := p.send(); err != nil {
			return err
		}
	}
}

// A pump is the state of one call of [stream.pump].
type pump struct {
	stream *stream
	chain  *chain
	pipes  *pipes
	bulk   bool // as much comes as fits
	// What was received is in one of them.
	buffer *[small]byte
	pipe   *pipe
	n      int
	err    error
}

// receive is called when there may be something to read, and says whether that
// was so. The faults are looked at before each move, so that nothing passes
// unnoticed after they have changed.
func (p *pump) receive(fd uintptr) bool {
	if p.stream.lane.chain.Load() != p.chain {
		p.err = errChanged
		return true
	}
	if p.bulk {
		p.pipe = p.pipes.get()
	}
	if p.pipe != nil {
		p.n, p.err = splice(int(fd), p.pipe.w, large)
	} else {
		p.buffer = smallBuffers.Get().(*[small]byte)
		p.n, p.err = quick(unix.SYS_READ, fd, p.buffer[:])
	}
	if p.err != nil {
		p.release()
	}
	return !errors.Is(p.err, unix.EAGAIN)
}

// release returns what is empty.
func (p *pump) release() {
	if p.pipe != nil {
		p.pipes.put(p.pipe)
		p.pipe = nil
	}
	if p.buffer != nil {
		smallBuffers.Put(p.buffer)
		p.buffer = nil
	}
}

// send delivers what was received.
func (p *pump) send() error {
	defer p.release()
	p.bulk = p.n >= small
	if p.buffer != nil {
		return p.sendSmall(p.buffer[:p.n])
	}
	left := p.n
	for left > 0 {
		changed := false
		err := p.stream.dst.raw.Write(func(fd uintptr) bool {
			if changed = p.stream.lane.chain.Load() != p.chain; changed {
				return true
			}
			p.n, p.err = splice(p.pipe.r, int(fd), left)
			return !errors.Is(p.err, unix.EAGAIN)
		})
		if changed {
			// It has passed the rules already.
			rest := make([]byte, left)
			if _, err := uninterrupted(func() (int, error) { return unix.Read(p.pipe.r, rest) }); err != nil {
				return err
			}
			p.stream.enqueue(&piece{packet: packet{data: rest, at: time.Now()}})
			return errChanged
		}
		if err == nil {
			err = p.err
		}
		if err != nil {
			p.pipe.close()
			p.pipe = nil
			p.stream.failed()
			return errWrite
		}
		p.stream.passed(p.n)
		left -= p.n
	}
	return nil
}

// sendSmall delivers what was read. It has passed the rules already.
func (p *pump) sendSmall(data []byte) error {
	for len(data) > 0 {
		err := p.stream.dst.raw.Write(func(fd uintptr) bool {
			p.n, p.err = quick(unix.SYS_WRITE, fd, data)
			return !errors.Is(p.err, unix.EAGAIN)
		})
		if errors.Is(err, net.ErrClosed) {
			return errWrite
		}
		if err = cmp.Or(err, p.err); err != nil {
			p.stream.failed()
			return errWrite
		}
		p.stream.passed(p.n)
		data = data[p.n:]
	}
	return nil
}

// quick reads or writes what does not block. The scheduler of Go is not told, as
// it is of other system calls: it would wake up a thread, for each message, to
// see whether this one hangs.
func quick(trap, fd uintptr, data []byte) (int, error) {
	return uninterrupted(func() (int, error) {
		n, _, errno := unix.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)))
		if errno != 0 {
			return 0, errno
		}
		return int(n), nil
	})
}

func splice(from, to, n int) (int, error) {
	return uninterrupted(func() (int, error) {
		n, err := unix.Splice(from, nil, to, nil, n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		return int(n), err
	})
}

func uninterrupted(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// A pipe is how the kernel moves bytes between sockets.
type pipe struct{ r, w int }

func (p *pipe) close() {
	_ = unix.Close(p.r)
	_ = unix.Close(p.w)
}

// pipes are those of a network that are empty and not in use.
type pipes struct {
	mu     sync.Mutex
	idle   []*pipe
	closed bool
}

// maxIdlePipes is how many are kept.
const maxIdlePipes = 16

// get is nil if there is none to be had.
func (ps *pipes) get() *pipe {
	ps.mu.Lock()
	if last := len(ps.idle) - 1; last >= 0 {
		p := ps.idle[last]
		ps.idle = ps.idle[:last]
		ps.mu.Unlock()
		return p
	}
	ps.mu.Unlock()
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	// Users may have only so many large ones; small ones work too.
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, large)
	return &pipe{fds[0], fds[1]}
}

func (ps *pipes) put(p *pipe) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.closed || len(ps.idle) >= maxIdlePipes {
		p.close()
		return
	}
	ps.idle = append(ps.idle, p)
}

func (ps *pipes) close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.closed = true
	for _, p := range ps.idle {
		p.close()
	}
	ps.idle = nil
}
