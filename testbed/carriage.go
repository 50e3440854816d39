package testbed

import (
	"errors"
	"os"
	"sync"
	"time"
)

// The bytes of a connection are moved in one of two ways. While no rule applies
// to it, a carrier does: one thread for many connections, which moves them from
// socket to socket (carrier_linux.go; other systems have none). Otherwise both
// streams run, in goroutines of their own. This file has connections change from
// one to the other.
//
// A connection leaves its carriage as soon as a rule applies: when Fault returns,
// it has left. It boards one again when no rule applies, both streams wait for
// something to read, and nothing is in their queues: then nothing can be lost or
// overtaken.

// forward passes on what both ends say, until they are done.
func (c *connection) forward() {
	for again := true; again; {
		c.ride()
		var both sync.WaitGroup
		both.Go(c.streams[1].run)
		c.streams[0].run()
		both.Wait()
		c.mu.Lock()
		again = c.boarding
		c.mu.Unlock()
	}
}

// ride has the connection carried for as long as that can be.
func (c *connection) ride() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.carriable() {
		c.carriage = c.link.network.fleet.board(c)
		c.rides = c.carriage != nil // or it would try again and again
	}
	if g := c.carriage; g != nil {
		c.boarding = false
		c.mu.Unlock()
		<-g.left
		c.mu.Lock()
		c.alight()
	} else if c.boarding {
		c.boarding = false
		c.interrupt(time.Time{})
	}
	for i := range c.streams {
		c.streams[i].idle = false
	}
}

// alight takes the sockets back from the carriage, if there is one. The caller
// holds c.mu.
func (c *connection) alight() {
	g := c.carriage
	if g == nil {
		return
	}
	c.carriage = nil
	if err := g.unload(); err != nil {
		c.rides = false
		c.link.network.events.emit(EventRecord{Event: "error", Link: &c.link.Link, Connection: c.number, Error: err.Error()})
	}
}

// settle has the connection change, if it is time to. It is called when its
// faults have changed, and when a stream has become idle or over.
func (c *connection) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.carriage == nil:
		c.board()
	case !c.transparent():
		c.carriage.stop()
	}
}

// board has both streams stop running if the connection can be carried, and says
// whether they are to. The caller holds c.mu.
func (c *connection) board() bool {
	if !c.boarding && c.carriable() {
		c.boarding = true
		c.interrupt(time.Unix(1, 0))
	}
	return c.boarding
}

// interrupt sets until when to wait for something to read.
func (c *connection) interrupt(deadline time.Time) {
	_ = c.client.SetReadDeadline(deadline)
	_ = c.server.SetReadDeadline(deadline)
}

// carriable is true if no rule applies, nothing is on its way, and not all is over.
// The caller holds c.mu.
func (c *connection) carriable() bool {
	if !c.rides || c.closed || c.client.broken.Load() || c.server.broken.Load() || !c.transparent() {
		return false
	}
	both := true
	for i := range c.streams {
		s := &c.streams[i]
		s.mu.Lock()
		over, writing := s.over, s.writing
		s.mu.Unlock()
		if !over && (writing || !s.idle || s.ended != nil) {
			return false
		}
		both = both && over
	}
	return !both
}

func (c *connection) transparent() bool {
	return c.streams[0].lane.chain.Load().transparent() && c.streams[1].lane.chain.Load().transparent()
}

// rest is called before a stream waits for something to read. If it returns true,
// the stream must stop running instead.
func (c *connection) rest(s *stream) (stop bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.idle = true
	return c.board()
}

// resume is called after it has waited, with how that ended. If it returns true,
// the stream must stop and leave what there is to read.
func (c *connection) resume(s *stream, err error) (stop bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.boarding && err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		s.ended = err // the kernel tells it only once
	}
	s.idle = c.boarding
	return c.boarding
}
