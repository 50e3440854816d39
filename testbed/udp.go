package testbed

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// senderIdle is how long a sender is remembered that sends and gets nothing.
	senderIdle = 60 * time.Second
	// maxSenders is how many are remembered at each door; then the one that was
	// idle longest is forgotten.
	maxSenders = 4096
)

// A relay is a socket at which a UDP link receives datagrams, and from which it
// sends the answers.
type relay struct {
	link  *link
	place Place
	socket

	mu      sync.Mutex
	senders map[netip.AddrPort]*sender
}

func newRelay(l *link, place Place, c net.PacketConn) *relay {
	return &relay{link: l, place: place, socket: newSocket(c), senders: make(map[netip.AddrPort]*sender)}
}

func (r *relay) in() Place { return r.place }

func (r *relay) close() { _ = r.conn.Close() }

// A sender is who sends datagrams through a relay. It has a socket of its own
// towards the destination, so that answers find back to it.
type sender struct {
	relay   *relay
	address netip.AddrPort
	number  int // the n-th of the link
	opened  time.Time
	place   Place // of the destination
	up      socket
	used    atomic.Int64 // when, in nanoseconds since opened
	reason  atomic.Pointer[string]

	mu    sync.Mutex
	bytes [2]map[*stage]int64 // for limits
}

// run forwards what comes from the source.
func (r *relay) run() {
	lane := &r.link.lanes[0]
	var last *sender
	for {
		b, err := r.receive()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		for i := 0; i < b.n; {
			from := b.from[i]
			end := i + 1
			for end < b.n && b.from[end] == from {
				end++
			}
			if last == nil || last.address != from || last.gone() {
				last = r.sender(from)
			}
			if last != nil {
				last.used.Store(int64(time.Since(last.opened)))
				lane.forward(last, b.data[i:end])
			} else {
				lane.count.dropped.Add(int64(end - i))
			}
			i = end
		}
		b.release()
	}
}

// sender finds the sender with an address, or makes one. It is nil if there is
// no way to the destination.
func (r *relay) sender(from netip.AddrPort) *sender {
	r.mu.Lock()
	s, full := r.senders[from], len(r.senders) >= maxSenders
	r.mu.Unlock()
	if s != nil {
		return s
	}
	if full {
		r.forgetOldest()
	}
	s, err := r.dial(from)
	if errors.Is(err, syscall.EMFILE) && r.forgetOldest() {
		s, err = r.dial(from)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		r.link.refused.Add(1)
		return nil
	}
	switch {
	case err == nil:
	case refusal(err): // nobody is there yet: that is told with each datagram
		r.link.refused.Add(1)
		return nil
	default:
		r.link.network.events.emit(EventRecord{Event: "error", Link: &r.link.Link, Peer: from.String(), Error: err.Error()})
		return nil
	}
	if !r.link.add(s, r) || !r.link.stays(s.place) {
		r.link.remove(s)
		_ = s.up.conn.Close()
		return nil
	}
	r.mu.Lock()
	r.senders[from] = s
	r.mu.Unlock()
	r.link.network.events.emit(EventRecord{
		Event: "connection.opened", Link: &r.link.Link, Connection: s.number, Peer: from.String(),
	})
	r.link.running.Go(s.run)
	return s
}

func (r *relay) dial(from netip.AddrPort) (*sender, error) {
	place, local, remotes := r.link.target()
	c, err := place.Dial(r.link.network.ctx, "udp", local, remotes[0])
	if err != nil {
		return nil, err
	}
	return &sender{
		relay: r, address: from, number: int(r.link.connections.Add(1)), opened: time.Now(),
		place: place, up: newSocket(packetConn(c)),
	}, nil
}

// packetConn is a connected socket for datagrams.
func packetConn(c net.Conn) net.PacketConn {
	if p, ok := c.(net.PacketConn); ok {
		return p
	}
	return connected{c}
}

// connected is a place's own kind of connection.
type connected struct{ net.Conn }

func (c connected) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}

func (c connected) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// forgetOldest makes room for another sender.
func (r *relay) forgetOldest() bool {
	r.mu.Lock()
	var oldest *sender
	var idle time.Duration = -1
	for _, s := range r.senders {
		if i := s.idle(); i > idle {
			oldest, idle = s, i
		}
	}
	r.mu.Unlock()
	if oldest == nil {
		return false
	}
	oldest.close("too many senders")
	return true
}

func (s *sender) idle() time.Duration {
	return time.Since(s.opened) - time.Duration(s.used.Load())
}

// run forwards the answers to the sender, until it is idle for long.
func (s *sender) run() {
	r := s.relay
	lane := &r.link.lanes[1]
	_ = s.up.conn.SetReadDeadline(time.Now().Add(senderIdle))
	for {
		b, err := s.up.receive()
		switch {
		case err == nil:
			s.used.Store(int64(time.Since(s.opened)))
			lane.forward(s, b.data[:b.n])
			b.release()
		case refusal(err):
			r.link.refused.Add(1)
		case errors.Is(err, os.ErrDeadlineExceeded):
			if left := senderIdle - s.idle(); left > 0 {
				_ = s.up.conn.SetReadDeadline(time.Now().Add(left))
				continue
			}
			s.close("idle")
		case errors.Is(err, net.ErrClosed):
			s.forget()
			return
		default:
			s.close(err.Error())
		}
	}
}

// forget is the end of a sender.
func (s *sender) forget() {
	r := s.relay
	r.mu.Lock()
	if r.senders[s.address] == s {
		delete(r.senders, s.address)
	}
	r.mu.Unlock()
	r.link.remove(s)
	e := EventRecord{Event: "connection.closed", Link: &r.link.Link, Connection: s.number, Peer: s.address.String()}
	if why := s.reason.Load(); why != nil {
		e.Reason = *why
	}
	r.link.network.events.emit(e)
}

func (s *sender) kick() {}

func (s *sender) gone() bool { return s.reason.Load() != nil }

func (s *sender) close(reason string) {
	s.reason.CompareAndSwap(nil, &reason)
	s.relay.mu.Lock()
	if s.relay.senders[s.address] == s {
		delete(s.relay.senders, s.address)
	}
	s.relay.mu.Unlock()
	_ = s.up.conn.Close()
}

func (s *sender) reaches() Place { return s.place }

func (s *sender) touches(where func(Place) bool) bool {
	return where(s.relay.place) || where(s.place)
}
