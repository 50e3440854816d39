package testbed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A fleet is the carriers of a network. There are as many as can work at the same
// time, and none before it is needed.
type fleet struct {
	pipes pipes
	spare spare

	mu       sync.Mutex
	carriers []*carrier
	closed   bool
}

// A carrier is a thread that waits for messages and forwards them itself. It does
// not use the poller of the runtime, with which each message would wake up one
// thread to find it and often another one to run the goroutine that forwards it:
// that takes longer than all the rest.
type carrier struct {
	epoll, bell int // the bell tells it to stop
	fleet       *fleet
	done        chan struct{}

	mu        sync.Mutex
	carriages []*carriage // by their number; nil if it is free
	free      []int32
	again     []*carriage // that have had their turn, and were not done
	vigil     vigil
	buffer    [small]byte
}

const (
	// small is what is read rather than spliced: a pipe costs more than copying.
	small = 16 << 10
	// large is how much is spliced at once.
	large = 512 << 10
)

// A carriage is a connection in the hands of a carrier.
type carriage struct {
	carrier *carrier
	number  int32
	left    chan struct{} // closed when it is in its hands no more
	sockets [2]int        // of the client, and of the server
	ways    [2]way        // forward, backward
	spoke   *way          // of the last small message
	queued  bool          // in carrier.again
	stopped bool          // it has left
}

// A way is a stream in a carriage.
type way struct {
	stream   *stream
	chain    *chain
	from, to int
	readable bool // there may be more than was received
	ending   bool // there is an end behind it
	bulk     bool // as much comes as fits
	// What was received and could not be delivered yet is in one of them.
	rest []byte
	pipe *pipe
	n    int // bytes in the pipe
	// done is set when it has ended in order, err when it cannot go on.
	done bool
	err  error
}

// board takes a connection into a carriage. It returns nil if that is not possible:
// too many files are open.
func (f *fleet) board(c *connection) *carriage {
	r := f.carrier()
	if r == nil {
		return nil
	}
	g := &carriage{carrier: r, left: make(chan struct{})}
	// The poller of the runtime has a socket until it is closed, so that what is
	// carried is a duplicate.
	for i, e := range []*end{c.client, c.server} {
		fd := -1
		if err := e.raw.Control(func(own uintptr) {
			fd, _ = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0)
		}); err != nil || fd < 0 {
			if i == 1 {
				_ = unix.Close(g.sockets[0])
			}
			return nil
		}
		g.sockets[i] = fd
	}
	for i := range g.ways {
		s := &c.streams[i]
		s.mu.Lock()
		g.ways[i] = way{stream: s, chain: s.lane.chain.Load(), from: g.sockets[i], to: g.sockets[1-i], done: s.over}
		s.mu.Unlock()
	}
	if !r.add(g) {
		_ = unix.Close(g.sockets[0])
		_ = unix.Close(g.sockets[1])
		return nil
	}
	_ = c.client.Close()
	_ = c.server.Close()
	return g
}

// carrier is the one that has the least to do.
func (f *fleet) carrier() *carrier {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	var least *carrier
	load := 1
	for _, r := range f.carriers {
		if n := r.load(); least == nil || n < load {
			least, load = r, n
		}
	}
	if load > 0 && len(f.carriers) < runtime.GOMAXPROCS(0) {
		if r := newCarrier(f); r != nil {
			f.carriers = append(f.carriers, r)
			return r
		}
	}
	return least
}

// close stops the carriers. All connections have left them.
func (f *fleet) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, r := range f.carriers {
		r.close()
	}
	f.pipes.close()
	f.spare.drop()
}

// newCarrier returns nil if too many files are open.
func newCarrier(f *fleet) *carrier {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	_ = unix.SetNonblock(epoll, true) // or the runtime would not watch it
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epoll)
		return nil
	}
	r := &carrier{epoll: epoll, bell: bell, fleet: f, done: make(chan struct{})}
	if r.watch(bell, ofBell, unix.EPOLLIN) != nil {
		_ = unix.Close(epoll)
		_ = unix.Close(bell)
		return nil
	}
	f.spare.keep()
	go r.run()
	return r
}

func (r *carrier) close() {
	_, _ = unix.Write(r.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-r.done
	_ = unix.Close(r.bell)
	_ = unix.Close(r.epoll)
}

// load is how many connections it has.
func (r *carrier) load() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.carriages) - len(r.free)
}

// ofBell marks events of the bell; those of a carriage have twice its number, and
// one more if they are of the server.
const ofBell = -1

// run forwards until the bell rings.
func (r *carrier) run() {
	defer close(r.done)
	runtime.LockOSThread() // so that who wakes it up need not find one for it
	defer runtime.UnlockOSThread()
	var events [64]unix.EpollEvent
	for {
		var n int
		if len(r.again) > 0 {
			n, _ = unix.EpollWait(r.epoll, events[:], 0)
		} else {
			n = r.vigil.wait(r.epoll, events[:])
		}
		r.mu.Lock()
		turns := r.again
		r.again = nil
		for _, g := range turns {
			g.queued = false
			g.turn()
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd == ofBell {
				r.mu.Unlock()
				return
			}
			if g := r.carriages[e.Fd/2]; g != nil { // it may have left meanwhile
				g.ready(int(e.Fd%2), e.Events)
			}
		}
		r.mu.Unlock()
	}
}

func (r *carrier) watch(fd int, mark int32, events uint32) error {
	return unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: mark})
}

// add is false if the kernel watches too much already.
func (r *carrier) add(g *carriage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := len(r.free) - 1; last >= 0 {
		g.number = r.free[last]
		r.free = r.free[:last]
	} else {
		g.number = int32(len(r.carriages))
		r.carriages = append(r.carriages, nil)
	}
	r.carriages[g.number] = g
	// Each event is told once (ET): to be told again and again what is known
	// already takes time for each message.
	const events = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI | unix.EPOLLET
	for i, fd := range g.sockets {
		if r.watch(fd, 2*g.number+int32(i), events) != nil {
			g.leave()
			return false
		}
	}
	return true
}

// ready is called when one of the ends can be read or written. The caller holds
// carrier.mu, as for all that follows.
func (g *carriage) ready(end int, events uint32) {
	const over = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	out := &g.ways[end]
	out.readable = !out.done && (out.readable || events&(unix.EPOLLIN|over) != 0)
	// A read stops in front of urgent data too, although there is more.
	out.ending = out.ending || events&(over|unix.EPOLLPRI) != 0
	if in := &g.ways[1-end]; in.held() {
		g.deliverRest(in)
	}
	g.turn()
}

// turn forwards some of what has come.
func (g *carriage) turn() {
	for i := range g.ways {
		w := &g.ways[i]
		if !g.stopped && w.readable && !w.held() {
			g.move(w)
		}
	}
	for i := range g.ways {
		w := &g.ways[i]
		if !g.stopped && !g.queued && w.readable && !w.held() {
			g.queued = true
			g.carrier.again = append(g.carrier.again, g)
		}
	}
}

// move forwards what has come. The faults are looked at before, so that nothing
// passes unnoticed after they have changed.
func (g *carriage) move(w *way) {
	if w.stream.lane.chain.Load() != w.chain {
		g.leave()
		return
	}
	if w.bulk {
		w.pipe = g.carrier.fleet.pipes.get()
	}
	var n int
	var err error
	buffer := g.carrier.buffer[:]
	if w.pipe != nil {
		n, err = splice(w.from, w.pipe.w, large)
		w.n = max(n, 0)
	} else {
		n, err = quick(unix.SYS_READ, w.from, buffer)
	}
	switch {
	case err == nil && n > 0:
		w.bulk = n >= small
		if w.pipe != nil {
			g.deliverRest(w)
			return
		}
		w.readable = n == len(buffer) || w.ending
		if g.spoke != w { // an answer: they have a conversation
			g.spoke = w
			g.carrier.vigil.follow(w.from)
		}
		g.deliver(w, buffer[:n])
		return
	case err == nil: // the end
		_ = unix.Shutdown(w.to, unix.SHUT_WR)
		w.readable, w.done = false, true
		if g.ways[0].done && g.ways[1].done {
			g.leave()
		}
	case errors.Is(err, unix.EAGAIN):
		w.readable = false
	default:
		w.err = err
		g.leave()
	}
	if w.pipe != nil {
		g.carrier.fleet.pipes.put(w.pipe)
		w.pipe = nil
	}
}

func (w *way) held() bool { return w.pipe != nil || len(w.rest) > 0 }

// deliverRest delivers what is held, as far as that is possible.
func (g *carriage) deliverRest(w *way) {
	if w.pipe == nil {
		rest := w.rest
		w.rest = nil
		g.deliver(w, rest)
		return
	}
	for w.n > 0 {
		n, err := splice(w.pipe.r, w.to, w.n)
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			g.fail(w)
			return
		}
		w.stream.passed(n)
		w.n -= n
	}
	g.carrier.fleet.pipes.put(w.pipe)
	w.pipe = nil
}

// deliver writes data, and holds what cannot be written yet.
func (g *carriage) deliver(w *way, data []byte) {
	for len(data) > 0 {
		n, err := quick(unix.SYS_WRITE, w.to, data)
		if errors.Is(err, unix.EAGAIN) {
			w.rest = slices.Clone(data)
			return
		}
		if err != nil {
			g.fail(w)
			return
		}
		w.stream.passed(n)
		data = data[n:]
	}
}

// fail is called when nothing can be written any more.
func (g *carriage) fail(w *way) {
	w.err = errWrite
	if w.pipe != nil {
		w.pipe.close()
		w.pipe = nil
	}
	g.leave()
}

// leave has the connection go on by itself.
func (g *carriage) leave() {
	if g.stopped {
		return
	}
	g.stopped = true
	for _, fd := range g.sockets {
		_ = unix.EpollCtl(g.carrier.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	}
	g.carrier.carriages[g.number] = nil
	g.carrier.free = append(g.carrier.free, g.number)
	close(g.left)
}

// stop has the carrier do nothing more. Unlike the methods above it is for the
// connection.
func (g *carriage) stop() {
	g.carrier.mu.Lock()
	defer g.carrier.mu.Unlock()
	g.leave()
}

// unload stops, and gives the connection back its sockets and what is held.
func (g *carriage) unload() error {
	g.stop()
	var failed error
	for i := range g.ways {
		w := &g.ways[i]
		s := w.stream
		s.rest, s.ended = w.rest, w.err
		if w.pipe != nil {
			s.rest = make([]byte, w.n)
			if _, err := uninterrupted(func() (int, error) { return unix.Read(w.pipe.r, s.rest) }); err != nil {
				failed = err
			}
			g.carrier.fleet.pipes.put(w.pipe)
		}
		if w.done {
			s.mu.Lock()
			s.over = true
			s.mu.Unlock()
		}
	}
	if g.ways[0].done && g.ways[1].done || failed != nil {
		// The connections of before, which are closed, do for the rest.
		for _, fd := range g.sockets {
			_ = unix.Close(fd)
		}
		return failed
	}
	c := g.ways[0].stream.connection
	for i, e := range []*end{c.client, c.server} {
		// The poller of the runtime takes a duplicate.
		if err := g.carrier.fleet.spare.lend(func() error { return e.open(g.sockets[i]) }); err != nil {
			failed = err
		}
	}
	if failed != nil {
		_ = c.client.Close()
		_ = c.server.Close()
		return fmt.Errorf("connection %d breaks: %w", c.number, failed)
	}
	return nil
}

// open makes a connection of a socket.
func (e *end) open(socket int) error {
	f := os.NewFile(uintptr(socket), "socket")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return err
	}
	t := conn.(*net.TCPConn)
	_ = t.SetKeepAlive(false) // as it was
	e.Conn = t
	e.raw, err = t.SyscallConn()
	return err
}

// A spare is a descriptor that is kept for when no more can be had: a connection must
// be able to leave its carriage then too.
type spare struct {
	mu   sync.Mutex
	file *os.File
}

func (s *spare) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		s.file, _ = os.Open(os.DevNull)
	}
}

func (s *spare) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.file.Close()
	s.file = nil
}

// lend frees the descriptor for what needs one for a moment.
func (s *spare) lend(use func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.file.Close()
	err := use()
	s.file, _ = os.Open(os.DevNull)
	return err
}

// quick reads or writes what does not block. The scheduler of Go is not told, as
// it is of other system calls: it would wake up a thread, for each message, to
// see whether this one hangs.
func quick(trap uintptr, fd int, data []byte) (int, error) {
	return uninterrupted(func() (int, error) {
		n, _, errno := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)))
		if errno != 0 {
			return 0, errno
		}
		return int(n), nil
	})
}
