package testbed

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// An entrance is a listener of a TCP link.
type entrance struct {
	link     *link
	place    Place
	listener net.Listener
}

func (e *entrance) in() Place { return e.place }
func (e *entrance) close()    { _ = e.listener.Close() }

func (e *entrance) run() {
	for {
		c, err := e.listener.Accept()
		switch {
		case err == nil:
			client := newEnd(c, e.place)
			e.link.running.Go(func() { e.link.serve(client, e) })
		case errors.Is(err, net.ErrClosed):
			return
		default: // out of descriptors, as a rule: others will be closed
			e.link.network.events.emit(EventRecord{Event: "error", Link: &e.link.Link, Error: err.Error()})
			select { // not to spin
			case <-time.After(10 * time.Millisecond):
			case <-e.link.network.ctx.Done():
			}
		}
	}
}

// An end is one of the two sockets of a connection.
type end struct {
	net.Conn
	place Place
	// raw is nil if the connection is none of the kernel's.
	raw syscall.RawConn
	// broken is set when writing failed: the other end is gone. The kernel tells
	// that once only, and a read would see an orderly end.
	broken atomic.Bool
}

func newEnd(c net.Conn, place Place) *end {
	e := &end{Conn: c, place: place}
	if t, ok := c.(*net.TCPConn); ok {
		e.raw, _ = t.SyscallConn()
	}
	return e
}

// closeWrite ends the stream to this end, and leaves the one from it.
func (e *end) closeWrite() {
	if c, ok := e.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}

// abort closes with a reset, rather than with an orderly end.
func (e *end) abort() {
	if c, ok := e.Conn.(interface{ SetLinger(int) error }); ok {
		_ = c.SetLinger(0)
	}
	_ = e.Close()
}

// A connection is one client of a TCP link.
type connection struct {
	link    *link
	number  int // the n-th of its link
	opened  time.Time
	source  netip.AddrPort // of the client
	client  *end
	streams [2]stream // forward, backward
	limit   waiter

	mu       sync.Mutex
	server   *end // nil until it is reached
	closed   bool
	reason   string // why it was closed, if not by its ends
	rides    bool   // it may ride on a carriage
	boarding bool   // the streams stop, so that it does
	carriage *carriage
}

// serve is the life of a connection.
func (l *link) serve(client *end, through door) {
	c := &connection{link: l, client: client, opened: time.Now(), source: addrPort(client.RemoteAddr())}
	c.number = int(l.connections.Add(1))
	c.limit.wake = c.expire
	for i := range c.streams {
		c.streams[i].init(c, &l.lanes[i])
	}
	defer client.Close()
	if !l.add(c, through) {
		return
	}
	defer l.remove(c)
	if !c.reach() {
		return
	}
	defer c.server.Close()
	if !l.stays(c.server.place) {
		return
	}
	defer l.network.clock.cancel(&c.limit)
	l.network.events.emit(EventRecord{
		Event: "connection.opened", Link: &l.Link, Connection: c.number,
		Peer: client.RemoteAddr().String(),
	})
	c.record(func(r *recording) { r.open(c) })
	c.kick() // for limits in time
	c.forward()
	c.record(func(r *recording) { r.forget(c) })
	c.mu.Lock()
	reason := c.reason
	c.mu.Unlock()
	l.network.events.emit(EventRecord{
		Event: "connection.closed", Link: &l.Link, Connection: c.number, Reason: reason,
		Forward: &Counters{Bytes: c.streams[0].delivered.Load()}, Backward: &Counters{Bytes: c.streams[1].delivered.Load()},
	})
}

// reach connects to the destination, once no partition is in the way. If
// nobody listens there, the client sees a reset.
func (c *connection) reach() bool {
	if c.streams[0].awaitPassage() && gone(c.client) {
		// It gave up before it could reach anybody, as if its SYN had been lost.
		return false
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return false
	}
	l := c.link
	place, local, remotes := l.target()
	var server net.Conn
	var err error
	for _, remote := range remotes {
		if server, err = place.Dial(l.network.ctx, "tcp", local, remote); err == nil {
			break
		}
	}
	if err != nil {
		if l.network.ctx.Err() == nil {
			l.refused.Add(1)
			l.network.events.emit(EventRecord{
				Event: "connection.refused", Link: &l.Link, Connection: c.number,
				Peer: c.client.RemoteAddr().String(), Error: err.Error(),
			})
		}
		c.client.abort()
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		server.Close()
		return false
	}
	c.server = newEnd(server, place)
	c.streams[0].src, c.streams[0].dst = c.client, c.server
	c.streams[1].src, c.streams[1].dst = c.server, c.client
	c.rides = c.client.raw != nil && c.server.raw != nil
	return true
}

func (c *connection) reaches() Place {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	return c.server.place
}

func (c *connection) touches(where func(Place) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return where(c.client.place) || c.server != nil && where(c.server.place)
}

// kick is called when the chains have changed.
func (c *connection) kick() {
	c.settle()
	for i := range c.streams {
		c.streams[i].kick()
	}
	if at, _ := c.expires(); !at.IsZero() {
		c.link.network.clock.set(&c.limit, at)
	}
}

// expires says when a limit in time ends the connection, and which fault it is of.
func (c *connection) expires() (at time.Time, by *Fault) {
	for i := range c.streams {
		for _, s := range c.streams[i].lane.chain.Load().stages {
			if s.rule.LimitTime == 0 {
				continue
			}
			from := c.opened
			if s.fault.since.After(from) {
				from = s.fault.since
			}
			if t := from.Add(s.rule.LimitTime); at.IsZero() || t.Before(at) {
				at, by = t, s.fault
			}
		}
	}
	return at, by
}

func (c *connection) expire() {
	if at, by := c.expires(); by != nil && !at.After(time.Now()) {
		c.close(fmt.Sprintf("time limit of fault %d", by.id))
	}
}

// close ends the connection in both directions, in order, whatever is still on
// its way.
func (c *connection) close(reason string) { c.end(reason, (*end).hangUp) }

// abort ends it with a reset.
func (c *connection) abort(reason string) { c.end(reason, (*end).abort) }

func (e *end) hangUp() { _ = e.Close() }

func (c *connection) end(reason string, how func(*end)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed, c.reason = true, reason
	c.alight()
	how(c.client)
	if c.server != nil {
		how(c.server)
	}
	for i := range c.streams {
		c.streams[i].quit()
	}
}

// record tells the recordings of the link.
func (c *connection) record(f func(*recording)) {
	for _, r := range c.link.lanes[0].chain.Load().recordings {
		f(r)
	}
}

// resetting is true for an error that means that the other side is gone, and
// not merely done.
func resetting(err error) bool {
	return err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed)
}
