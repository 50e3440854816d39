package testbed

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A recorded packet, as the tests read it.
type recorded struct {
	at       time.Time
	protocol byte
	flags    byte // of TCP
	payload  []byte
}

// packets reads what a recording wrote.
func packets(t testing.TB, file []byte) (out []recorded) {
	t.Helper()
	for rest := file[24:]; len(rest) > 0; {
		size := binary.LittleEndian.Uint32(rest[8:])
		ip := rest[16 : 16+size]
		p := recorded{
			at:       time.Unix(int64(binary.LittleEndian.Uint32(rest)), int64(binary.LittleEndian.Uint32(rest[4:]))),
			protocol: ip[9],
		}
		if p.protocol == 6 {
			p.flags, p.payload = ip[ipHeader+13], ip[ipHeader+int(ip[ipHeader+12]>>4)*4:]
		} else {
			p.payload = ip[ipHeader+udpHeader:]
		}
		out = append(out, p)
		rest = rest[16+size:]
	}
	return out
}

// A recording opens in Wireshark, which finds nothing wrong with it, and shows
// the addresses of the nodes, the declared ports and what was said.
func TestRecord(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("tshark")
	if err != nil {
		missing(t, "tshark", err)
	}
	path := filepath.Join(t.TempDir(), "all.pcap")
	file, err := os.Create(path)
	check(t, err)
	defer file.Close()
	l := newLab(t, Options{})
	stop, err := l.Record(Selector{}, file)
	check(t, err)

	sim, fc := l.pair()
	large := strings.Repeat("large ", 50_000) // several segments
	send(t, sim, "question")
	expect(t, fc, "question")
	go func() { _, _ = io.WriteString(fc, large) }()
	expect(t, sim, large)
	check(t, sim.CloseWrite())
	expectEnd(t, fc)
	check(t, fc.CloseWrite())
	expectEnd(t, sim)

	receiver, sender := l.receiver(), l.sender()
	for _, text := range []string{"a", "odd", strings.Repeat("x", 60_000)} {
		send(t, sender, text)
		expect(t, receiver, text)
	}
	f := l.faultOn(Selector{Proto: UDP}, Rule{Drop: 1})
	send(t, sender, "lost")
	eventually(t, "it is lost", func() bool { return l.state(overUDP).Forward.Dropped == 1 })
	f.Clear()
	l.faultOn(Selector{Proto: UDP}, Rule{Corrupt: 1})
	send(t, sender, "corrupted")
	_, from := receive(t, receiver)
	_, err = receiver.WriteToUDPAddrPort([]byte("answer"), from)
	check(t, err)
	got, _ := receive(t, sender)

	l.faultOn(Selector{Proto: TCP}, Rule{Reset: 1})
	second := l.dial()
	send(t, second, "x")
	expectReset(t, second)
	check(t, stop())
	check(t, stop())

	tshark := func(args ...string) string {
		t.Helper()
		arguments := append([]string{
			// Port 5001 is nothing that it should recognize by its contents.
			"-n", "-r", path, "-d", "udp.port==5001,data", "-d", "tcp.port==5001,data", "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		}, args...)
		command := exec.Command(program, arguments...)
		var complaints strings.Builder
		command.Stderr = &complaints
		out, err := command.Output()
		if err != nil {
			t.Fatalf("tshark %q: %v\n%s", args, err, complaints.String())
		}
		return string(out)
	}
	// Chats are no findings: they tell of SYN, FIN and RST.
	for _, filter := range []string{
		"_ws.malformed", "_ws.short", `ip.checksum.status == "Bad"`, `tcp.checksum.status == "Bad"`, `udp.checksum.status == "Bad"`,
		"tcp.analysis.retransmission || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order || tcp.analysis.duplicate_ack",
		`_ws.expert.severity == "Error"`,
	} {
		if out := tshark("-Y", filter); out != "" {
			t.Errorf("%s:\n%s", filter, out)
		}
	}
	streams := tshark("-q", "-z", "conv,tcp")
	if !strings.Contains(streams, "127.0.41.2:") || strings.Count(streams, "127.0.41.3:5001") != 2 {
		t.Errorf("the connections are\n%s", streams)
	}
	said := tshark("-q", "-z", "follow,tcp,ascii,0")
	if !strings.Contains(said, "question") || strings.Count(said, "large") < 40_000 {
		t.Errorf("the first connection says\n%.2000s", said)
	}
	var texts []string
	for line := range strings.Lines(tshark("-Y", "udp", "-T", "fields", "-e", "ip.src", "-e", "udp.dstport", "-e", "udp.payload")) {
		fields := strings.Fields(line)
		payload, err := hex.DecodeString(fields[2])
		check(t, err)
		texts = append(texts, fmt.Sprintf("%s %.9s", fields[0], payload))
	}
	want := []string{"127.0.41.2 a", "127.0.41.2 odd", "127.0.41.2 xxxxxxxxx", "", "127.0.41.3 " + got}
	if len(texts) == len(want) {
		if differences(texts[3], "127.0.41.2 corrupted") != 1 {
			t.Errorf("the corrupted datagram is recorded as %q", texts[3])
		}
		want[3] = texts[3]
	}
	if !slices.Equal(texts, want) {
		t.Errorf("the datagrams are %q; want %q", texts, want)
	}
}

// A packet may be the last that fits into the memory there is.
func TestRecordFillsMemory(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	r := &recording{}
	s := &sender{relay: &relay{link: l.links[overUDP]}, address: netip.AddrPortFrom(localhost, 1)}
	for size := range 100 {
		r.pending = make([]byte, 0, 16+ipHeader+udpHeader+size)
		r.datagram(s, Forward, make([]byte, size))
		if len(r.pending) != cap(r.pending) {
			t.Errorf("a datagram of %d bytes takes %d", size, len(r.pending))
		}
	}
}

// A recording that begins in the middle of a connection takes it up.
func TestRecordLater(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	sim, fc := l.pair()
	send(t, sim, "before")
	expect(t, fc, "before")
	var file bytes.Buffer
	stop, err := l.Record(simToFC, &file)
	check(t, err)
	send(t, sim, "recorded")
	expect(t, fc, "recorded")
	check(t, stop())
	send(t, sim, "after")
	expect(t, fc, "after")
	var said []string
	for _, p := range packets(t, file.Bytes()) {
		if len(p.payload) > 0 {
			said = append(said, string(p.payload))
		}
	}
	if !slices.Equal(said, []string{"recorded"}) {
		t.Errorf("recorded is %q", said)
	}
}

// A recording that cannot be written fails when it ends, or with the network.
func TestRecordFails(t *testing.T) {
	t.Parallel()
	n, err := Open(Options{})
	check(t, err)
	stop, err := n.Record(Selector{}, failing{})
	check(t, err)
	expectError(t, stop(), "recording: disk full")
	_, err = n.Record(Selector{}, failing{})
	check(t, err)
	expectError(t, n.Close(), "recording: disk full")
}

// A slow writer holds up nothing: packets are left out, and stop says how many.
func TestRecordSlowly(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	w := &blocking{block: make(chan struct{})}
	stop, err := l.Record(Selector{Proto: TCP}, w)
	check(t, err)
	l.serve(func(c *net.TCPConn) {
		n, _ := io.Copy(io.Discard, c)
		_, _ = fmt.Fprint(c, n)
	})
	c := l.dial()
	const size = 2 * maxPending
	for range size >> 20 {
		_, err := c.Write(make([]byte, 1<<20))
		check(t, err)
	}
	check(t, c.CloseWrite())
	expect(t, c, fmt.Sprint(size))
	close(w.block)
	expectError(t, stop(), "packets were left out")
}

type blocking struct{ block chan struct{} }

func (b *blocking) Write(data []byte) (int, error) {
	<-b.block
	return len(data), nil
}
