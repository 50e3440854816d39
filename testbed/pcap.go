package testbed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Record writes what passes the selected links from now on as a pcap file, as
// the destinations receive it: lost datagrams are not in it, and corrupted ones
// are as they arrive. The packets have the addresses of the nodes and the
// declared ports; their headers, the handshakes and the acknowledgements of TCP
// are made up to fit.
//
// A slow writer does not slow down the links: what does not fit into a buffer
// of 64 MB is left out. stop ends the recording, when all has been written, and
// fails if something was left out or could not be written; Close of the network
// ends it likewise.
func (n *Network) Record(s Selector, w io.Writer) (stop func() error, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errClosed
	}
	if err := n.checkSelector(s); err != nil {
		return nil, err
	}
	if w == nil {
		return nil, errors.New("a recording needs a writer")
	}
	r := &recording{selector: s, w: w, done: make(chan struct{}), streams: make(map[*connection]*conversation)}
	r.change.L = &r.mu
	r.pending = pcapHeader()
	go r.run()
	n.recordings = append(n.recordings, r)
	n.faultsChanged(s.matches)
	n.events.emit(EventRecord{Event: "record.started", Selectors: []Selector{s}})
	return func() error {
		n.mu.Lock()
		if i := slices.Index(n.recordings, r); i >= 0 {
			n.recordings = slices.Delete(n.recordings, i, i+1)
			n.faultsChanged(s.matches)
			n.events.emit(EventRecord{Event: "record.stopped", Selectors: []Selector{s}})
		}
		n.mu.Unlock()
		return r.close()
	}, nil
}

const (
	// maxPending is how much may wait for the writer of a recording.
	maxPending = 64 << 20
	// maxSegment is what fits into an IP packet with a TCP header.
	maxSegment = 65535 - ipHeader - tcpHeader

	ipHeader, udpHeader, tcpHeader = 20, 8, 20
	fin, syn, rst, psh, ack        = 1, 2, 4, 8, 16
)

// A recording is a pcap file that is being written.
type recording struct {
	selector Selector
	w        io.Writer
	done     chan struct{}

	mu      sync.Mutex
	change  sync.Cond
	pending []byte // what the writer has not got yet
	lost    int    // packets that did not fit
	closed  bool
	failed  error
	streams map[*connection]*conversation
	ids     uint16
}

// A conversation is how far a recording is with a connection.
type conversation struct {
	ends [2]netip.AddrPort
	next [2]uint32 // sequence numbers
}

// run writes what is pending.
func (r *recording) run() {
	defer close(r.done)
	var out []byte
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for len(r.pending) == 0 && !r.closed {
			r.change.Wait()
		}
		if len(r.pending) == 0 {
			return
		}
		out, r.pending = r.pending, out[:0]
		if r.failed != nil {
			continue
		}
		r.mu.Unlock()
		_, err := r.w.Write(out)
		r.mu.Lock()
		r.failed = err
	}
}

func (r *recording) close() error {
	r.mu.Lock()
	r.closed = true
	r.change.Signal()
	r.mu.Unlock()
	<-r.done
	switch {
	case r.failed != nil:
		return fmt.Errorf("recording: %w", r.failed)
	case r.lost > 0:
		return fmt.Errorf("recording: %d packets were left out, because they came faster than they could be written", r.lost)
	}
	return nil
}

// open records the handshake of a connection.
func (r *recording) open(c *connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.conversation(c)
	v.next[0]--
	v.next[1]--
	r.tcp(v, 0, syn, nil)
	v.next[0]++
	r.tcp(v, 1, syn|ack, nil)
	v.next[1]++
	r.tcp(v, 0, ack, nil)
}

// forget ends what is known of a connection.
func (r *recording) forget(c *connection) {
	r.mu.Lock()
	delete(r.streams, c)
	r.mu.Unlock()
}

// segment records what is delivered of a stream.
func (r *recording) segment(c *connection, d Direction, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, from := r.conversation(c), d-Forward
	for part := range slices.Chunk(data, maxSegment) {
		r.tcp(v, from, psh|ack, part)
		v.next[from] += uint32(len(part))
		r.tcp(v, 1-from, ack, nil)
	}
}

// finish records the end of a stream.
func (r *recording) finish(c *connection, d Direction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, from := r.conversation(c), d-Forward
	r.tcp(v, from, fin|ack, nil)
	v.next[from]++
	r.tcp(v, 1-from, ack, nil)
}

// reset records that a connection breaks.
func (r *recording) reset(c *connection, d Direction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tcp(r.conversation(c), d-Forward, rst|ack, nil)
}

// conversation finds a connection, or takes it up where it stands. The caller
// holds r.mu.
func (r *recording) conversation(c *connection) *conversation {
	v := r.streams[c]
	if v == nil {
		initial := mix(uint64(c.number)) // ports are used again, and must not look like repetitions
		v = &conversation{
			ends: c.link.ends(c.source.Port()),
			next: [2]uint32{uint32(initial), uint32(initial >> 32)},
		}
		r.streams[c] = v
	}
	return v
}

// ends are the addresses of both nodes, as they would be without the proxy.
func (l *link) ends(sourcePort uint16) [2]netip.AddrPort {
	return [2]netip.AddrPort{netip.AddrPortFrom(l.nodes[0], sourcePort), netip.AddrPortFrom(l.nodes[1], l.Port)}
}

// tcp records a segment. The caller holds r.mu.
func (r *recording) tcp(v *conversation, from Direction, flags byte, data []byte) {
	options := 0
	if flags&syn != 0 {
		options = 8
	}
	p := r.packet(v.ends[from], v.ends[1-from], 6, tcpHeader+options+len(data))
	if p == nil {
		return
	}
	binary.BigEndian.PutUint32(p[4:], v.next[from])
	if flags&ack != 0 {
		binary.BigEndian.PutUint32(p[8:], v.next[1-from])
	}
	p[12], p[13] = byte((tcpHeader+options)/4)<<4, flags
	binary.BigEndian.PutUint16(p[14:], 65535)
	if options > 0 { // maximum segment size; window scale 2^14; padding
		copy(p[tcpHeader:], []byte{2, 4, maxSegment >> 8, maxSegment & 255, 3, 3, 14, 0})
	}
	copy(p[tcpHeader+options:], data)
	binary.BigEndian.PutUint16(p[16:], checksum(p, pseudoHeader(v.ends[from], v.ends[1-from], 6, len(p))))
	r.change.Signal()
}

// datagram records what is delivered of UDP.
func (r *recording) datagram(s *sender, d Direction, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends, from := s.relay.link.ends(s.address.Port()), d-Forward
	p := r.packet(ends[from], ends[1-from], 17, udpHeader+len(data))
	if p == nil {
		return
	}
	binary.BigEndian.PutUint16(p[4:], uint16(len(p)))
	copy(p[udpHeader:], data)
	sum := checksum(p, pseudoHeader(ends[from], ends[1-from], 17, len(p)))
	if sum == 0 {
		sum = 0xffff // 0 is for none
	}
	binary.BigEndian.PutUint16(p[6:], sum)
	r.change.Signal()
}

// packet adds a packet with its IP header to what is pending, and returns its
// payload, which begins with the ports. It is nil if there is no room. The
// caller holds r.mu.
func (r *recording) packet(from, to netip.AddrPort, protocol byte, size int) []byte {
	total := ipHeader + size
	if len(r.pending)+16+total > maxPending {
		r.lost++
		return nil
	}
	start := len(r.pending)
	r.pending = slices.Grow(r.pending, 16+total)[:start+16+total]
	record := r.pending[start:]
	clear(record) // what was there before it has been written
	now := time.Now()
	binary.LittleEndian.PutUint32(record, uint32(now.Unix()))
	binary.LittleEndian.PutUint32(record[4:], uint32(now.Nanosecond()))
	binary.LittleEndian.PutUint32(record[8:], uint32(total))
	binary.LittleEndian.PutUint32(record[12:], uint32(total))
	ip := record[16:]
	ip[0] = 0x45
	binary.BigEndian.PutUint16(ip[2:], uint16(total))
	r.ids++
	binary.BigEndian.PutUint16(ip[4:], r.ids)
	ip[6] = 0x40 // don't fragment
	ip[8], ip[9] = 64, protocol
	source, destination := from.Addr().As4(), to.Addr().As4()
	copy(ip[12:], source[:])
	copy(ip[16:], destination[:])
	binary.BigEndian.PutUint16(ip[10:], checksum(ip[:ipHeader], 0))
	payload := ip[ipHeader:]
	binary.BigEndian.PutUint16(payload, from.Port())
	binary.BigEndian.PutUint16(payload[2:], to.Port())
	return payload
}

// pcapHeader begins a file: times in nanoseconds, packets that begin with IP.
func pcapHeader() []byte {
	h := make([]byte, 24)
	binary.LittleEndian.PutUint32(h, 0xa1b23c4d)
	binary.LittleEndian.PutUint16(h[4:], 2) // version 2.4
	binary.LittleEndian.PutUint16(h[6:], 4)
	binary.LittleEndian.PutUint32(h[16:], 1<<18) // longest packet
	binary.LittleEndian.PutUint32(h[20:], 101)   // LINKTYPE_RAW
	return h
}

// pseudoHeader is the part of a checksum that is not in the segment itself.
func pseudoHeader(from, to netip.AddrPort, protocol, size int) uint64 {
	a, b := from.Addr().As4(), to.Addr().As4()
	return uint64(binary.BigEndian.Uint32(a[:])) + uint64(binary.BigEndian.Uint32(b[:])) + uint64(protocol) + uint64(size)
}

// checksum is that of IP, TCP and UDP. The field for it must be zero.
func checksum(data []byte, sum uint64) uint16 {
	for ; len(data) >= 4; data = data[4:] {
		sum += uint64(binary.BigEndian.Uint32(data))
	}
	if len(data) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(data))
		data = data[2:]
	}
	if len(data) == 1 {
		sum += uint64(data[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
