package testbed

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

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
