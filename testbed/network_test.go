package testbed

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	n, err := Open(Options{Subnet: netip.MustParsePrefix("127.0.41.0/28")})
	check(t, err)
	defer func() { _ = n.Close() }()
	check(t, n.Declare(Node{Name: "first"}))
	check(t, n.Declare(Node{Name: "pinned", Address: netip.MustParseAddr("127.0.41.3")}))
	check(t, n.Declare(Node{Name: "second"}))
	for name, want := range map[string]string{"first": "127.0.41.2", "pinned": "127.0.41.3", "second": "127.0.41.4"} {
		got, err := n.Address(name)
		if got.String() != want || err != nil {
			t.Errorf("%s is at %v, %v; want %s", name, got, err, want)
		}
	}
	for err = nil; err == nil; {
		err = n.Declare(Node{Name: strings.Repeat("x", len(n.nodes))})
	}
	// .0, .1 and .15 of the 16 are nobody's.
	if len(n.nodes) != 13 {
		t.Errorf("%d nodes fit into a /28; want 13", len(n.nodes))
	}
	expectError(t, err, "no address is left in the subnet 127.0.41.0/28")
}

func TestWithoutSubnet(t *testing.T) {
	t.Parallel()
	n, err := Open(Options{})
	check(t, err)
	defer func() { _ = n.Close() }()
	check(t, n.Declare(Node{Name: "a", Address: localhost}))
	check(t, n.Declare(Node{Name: "b", TCP: []uint16{80}}))
	at, err := n.Link(Link{From: "a", To: "b", Port: 80})
	check(t, err)
	b, err := n.Bindings("b")
	check(t, err)
	if at.Addr() != localhost || b.Publish[80][0].Addr() != localhost || at == b.Publish[80][0] {
		t.Errorf("the link is at %v and its destination at %v; want two ports of 127.0.0.1", at, b.Publish[80][0])
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	check(t, l.Declare(Node{Name: "ground-station.v2", TCP: []uint16{80}}))
	at, err := l.Link(Link{From: "sim", To: "ground-station.v2", Port: 80})
	check(t, err)
	env := l.bindings("sim").Env
	want := []string{"FC_5001_ADDR", "FC_5001_UDP_ADDR", "GROUND-STATION.V2_80_ADDR", "GROUND_STATION_V2_80_ADDR"}
	if got := slices.Sorted(maps.Keys(env)); !slices.Equal(got, want) {
		t.Errorf("the variables are %v; want %v", got, want)
	}
	if env["GROUND_STATION_V2_80_ADDR"] != at.String() || at.Addr() != netip.MustParseAddr("127.0.41.4") {
		t.Errorf("the link is at %v, and the variable says %v", at, env["GROUND_STATION_V2_80_ADDR"])
	}
}

// Each pair of nodes has a link of its own, so that a fault can be about one of
// them.
func TestLinksOfOnePort(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	l.echo()
	check(t, l.Declare(Node{Name: "other"}))
	_, err := l.Link(Link{From: "other", To: "fc", Port: 5001})
	check(t, err)
	partition, err := l.Partition([]string{"sim"}, []string{"fc"})
	check(t, err)
	other, sim := l.dialAt(l.bindings("other").Env["FC_5001_ADDR"]), l.dial()
	send(t, other, "hello")
	expect(t, other, "hello")
	send(t, sim, "hello")
	expectNothing(t, sim)
	partition.Clear()
	expect(t, sim, "hello")
}

// What is declared and linked while traffic flows is there at once, and faults
// that are set already are about it too.
func TestGrows(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	check(t, l.Declare(Node{Name: "late", TCP: []uint16{7}}))
	server, err := net.Listen("tcp4", l.bindings("late").Publish[7][0].String())
	check(t, err)
	defer func() { _ = server.Close() }()
	everyone := l.faultOn(Selector{To: "late"}, Rule{Partition: true})
	at, err := l.Link(Link{From: "fc", To: "late", Port: 7})
	check(t, err)
	c := l.dialAt(at.String())
	send(t, c, "hello")
	go func() {
		c, err := server.Accept()
		if err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	expectNothing(t, c)
	everyone.Clear()
	expect(t, c, "hello")
}

func TestSharedVolume(t *testing.T) {
	t.Parallel()
	n, err := Open(Options{Subnet: subnet})
	check(t, err)
	data, err := n.SharedVolume("data")
	check(t, err)
	if again, err := n.SharedVolume("data"); again != data || err != nil {
		t.Errorf("the second volume with a name is %v, %v; want the first", again, err)
	}
	check(t, n.Declare(Node{Name: "rx", Volumes: []Mount{{Volume: data, Path: "/shared"}}}))
	check(t, n.Declare(Node{Name: "vis", Volumes: []Mount{{Volume: data, Path: "/in", ReadOnly: true}}}))
	rx, err := n.Bindings("rx")
	check(t, err)
	vis, err := n.Bindings("vis")
	check(t, err)
	if want := (BoundVolume{Host: data.Path(), Container: "/shared"}); rx.Volumes[0] != want {
		t.Errorf("rx mounts %v; want %v", rx.Volumes[0], want)
	}
	if want := (BoundVolume{Host: data.Path(), Container: "/in", ReadOnly: true}); vis.Volumes[0] != want {
		t.Errorf("vis mounts %v; want %v", vis.Volumes[0], want)
	}
	check(t, os.WriteFile(filepath.Join(rx.Volumes[0].Host, "x"), []byte("telemetry"), 0o600))
	check(t, n.Close())
	if _, err := os.Stat(data.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close the volume is there: %v", err)
	}
}

// Volumes go to the directory that is given, which stays itself.
func TestDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n, err := Open(Options{Dir: dir})
	check(t, err)
	v, err := n.SharedVolume("data")
	check(t, err)
	if !strings.HasPrefix(v.Path(), dir) {
		t.Errorf("the volume is at %s; want it below %s", v.Path(), dir)
	}
	check(t, n.Close())
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("Close leaves %v, %v", left, err)
	}
	_, err = Open(Options{Dir: filepath.Join(dir, "none")})
	expectError(t, err, "directory of the testbed", "none")
}

// An exposed port is published at a second endpoint, which no fault is about.
func TestExpose(t *testing.T) {
	t.Parallel()
	n, err := Open(Options{Subnet: subnet})
	check(t, err)
	defer func() { _ = n.Close() }()
	outside := freePort(t)
	check(t, n.Declare(Node{Name: "vis", TCP: []uint16{outside.Port()}, Expose: []netip.AddrPort{outside}}))
	b, err := n.Bindings("vis")
	check(t, err)
	at := b.Publish[outside.Port()]
	if len(at) != 2 || at[0].Addr() != netip.MustParseAddr("127.0.41.2") || at[1] != outside {
		t.Errorf("the port is published at %v; want 127.0.41.2 and %v", at, outside)
	}
	expectError(t, n.Declare(Node{Name: "twin", TCP: []uint16{outside.Port()}, Expose: []netip.AddrPort{outside}}),
		"node twin", "already exposed by vis")
}

func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	check(t, err)
	defer func() { _ = l.Close() }()
	return addrPort(l.Addr())
}

// Whoever holds a port that is to be exposed is named.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	n, err := Open(Options{Subnet: subnet})
	check(t, err)
	defer func() { _ = n.Close() }()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	check(t, err)
	defer func() { _ = l.Close() }()
	taken := addrPort(l.Addr())
	err = n.Declare(Node{Name: "vis", TCP: []uint16{taken.Port()}, Expose: []netip.AddrPort{taken}})
	expectError(t, err, "node vis", taken.String(), "cannot be exposed", "address already in use")
	if _, err := os.Stat("/proc/self/comm"); err == nil {
		expectError(t, n.Declare(Node{Name: "vis", TCP: []uint16{taken.Port()}, Expose: []netip.AddrPort{taken}}), "testbed.test")
	}
	// A node that was refused is not declared.
	check(t, n.Declare(Node{Name: "vis"}))
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"10.0.0.0/8":     "not inside 127.0.0.0/8: use one such as",
		"127.0.0.0/4":    "not inside 127.0.0.0/8",
		"::1/64":         "not inside 127.0.0.0/8",
		"127.0.41.1/24":  "did you mean 127.0.41.0/24?",
		"127.0.41.0/31":  "no room for a node",
		"128.0.0.0/1":    "not inside 127.0.0.0/8",
		"127.0.41.12/32": "no room for a node",
	} {
		_, err := Open(Options{Subnet: netip.MustParsePrefix(prefix)})
		expectError(t, err, want)
	}

	l := newLab(t, Options{})
	volume, err := l.SharedVolume("data")
	check(t, err)
	other := newLab(t, Options{})
	foreign, err := other.SharedVolume("data")
	check(t, err)
	addr := netip.MustParseAddr
	for _, c := range []struct {
		node Node
		want string
	}{
		{Node{}, "needs a name"},
		{Node{Name: "sim"}, "node sim is declared twice"},
		{Node{Name: "x", Address: addr("10.1.2.3")}, "node x: address 10.1.2.3 is not inside 127.0.0.0/8"},
		{Node{Name: "x", Address: addr("127.0.42.1")}, "node x: address 127.0.42.1 is not in the subnet 127.0.41.0/24"},
		{Node{Name: "x", Address: addr("127.0.41.2")}, "node x: address 127.0.41.2 is already that of sim"},
		{Node{Name: "x", TCP: []uint16{0}}, "node x: tcp port 0 is no port: use 1 to 65535"},
		{Node{Name: "x", UDP: []uint16{7, 7}}, "node x: udp port 7 is listed twice"},
		{Node{Name: "x", Expose: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:80")}}, "tcp port 80 is not among its ports"},
		{Node{Name: "x", TCP: []uint16{80}, ExposeUDP: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:80")}}, "udp port 80 is not among its ports"},
		{Node{Name: "x", TCP: []uint16{80}, Expose: []netip.AddrPort{{}}}, "has no address"},
		{Node{Name: "x", Volumes: []Mount{{Path: "/x"}}}, "without a volume"},
		{Node{Name: "x", Volumes: []Mount{{Volume: foreign, Path: "/x"}}}, "volume data is of another network"},
		{Node{Name: "x", Volumes: []Mount{{Volume: volume, Path: "x"}}}, "not absolute"},
	} {
		expectError(t, l.Declare(c.node), c.want)
	}
	for _, name := range []string{"", ".", "..", "a/b", "a:b", "a,b", "a\x00b", `a\b`} {
		_, err := l.SharedVolume(name)
		expectError(t, err, "a shared volume cannot be named")
	}

	for _, c := range []struct {
		link Link
		want string
	}{
		{Link{From: "sin", To: "fc", Port: 5001}, `there is no node "sin": declared are fc, sim`},
		{Link{From: "sim", To: "fx", Port: 5001}, `there is no node "fx"`},
		{Link{From: "sim", To: "fc", Port: 5002}, "fc declares no tcp port 5002"},
		{Link{From: "fc", To: "sim", Port: 5001, Proto: UDP}, "sim declares no udp port 5001"},
		{Link{From: "sim", To: "fc", Port: 5001}, "link sim→fc:5001/tcp is declared twice"},
		{Link{From: "sim", To: "fc", Port: 5001, Proto: 9}, "Proto(9)"},
	} {
		_, err := l.Link(c.link)
		expectError(t, err, c.want)
	}
	_, err = l.Bindings("nobody")
	expectError(t, err, `there is no node "nobody"`)
	_, err = l.Address("nobody")
	expectError(t, err, `there is no node "nobody"`)

	for _, groups := range [][2][]string{{nil, {"fc"}}, {{"sim"}, {"sim"}}, {{""}, {"fc"}}, {{"sim"}, {"nobody"}}} {
		if _, err := l.Partition(groups[0], groups[1]); err == nil {
			t.Errorf("a partition of %q and %q is accepted", groups[0], groups[1])
		}
	}
	for _, s := range []Selector{{From: "nobody"}, {To: "nobody"}, {To: "fc", Port: 1}, {To: "fc", Port: 1, Proto: TCP}, {Proto: 9}} {
		if _, err := l.Fault(s, Rule{Drop: 1}); err == nil {
			t.Errorf("a fault on %+v is accepted", s)
		}
		if _, err := l.Record(s, io.Discard); err == nil {
			t.Errorf("a recording of %+v is accepted", s)
		}
	}
	_, err = l.Record(Selector{}, nil)
	expectError(t, err, "needs a writer")
	if faults := l.State().Faults; len(faults) != 0 {
		t.Errorf("what was refused is in force: %v", faults)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	n, err := Open(Options{})
	check(t, err)
	check(t, n.Declare(Node{Name: "a", TCP: []uint16{80}}))
	check(t, n.Close())
	check(t, n.Close())
	_, bindings := n.Bindings("a")
	_, link := n.Link(Link{From: "a", To: "a", Port: 80})
	_, volume := n.SharedVolume("x")
	_, fault := n.Fault(Selector{}, Rule{Drop: 1})
	_, schedule := n.Schedule(Event{Rule: Rule{Drop: 1}})
	_, record := n.Record(Selector{}, io.Discard)
	for _, err := range []error{n.Declare(Node{Name: "b"}), bindings, link, volume, fault, schedule, record} {
		expectError(t, err, "the network is closed")
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{Seed: 7})
	l.echo()
	f := l.fault(Rule{Drop: 0.5, Direction: Backward})
	f.Clear()
	f = l.faultOn(Selector{Proto: TCP}, Rule{Corrupt: 1, Direction: Forward})
	c := l.dial()
	send(t, c, "hello")
	_, err := io.ReadFull(c, make([]byte, 5))
	check(t, err)
	s := l.State()
	if s.Seed != 7 || s.Elapsed <= 0 || len(s.Nodes) != 2 || len(s.Links) != 2 || len(s.Faults) != 1 {
		t.Errorf("the state is %+v", s)
	}
	if got := s.Faults[0]; got.ID != f.ID() || got.Rule.Corrupt != 1 || got.Since <= 0 || got.Since > s.Elapsed {
		t.Errorf("the fault is %+v", got)
	}
	want := Counters{Bytes: 5, Packets: 1, Corrupted: 1}
	eventually(t, "what arrived is counted", func() bool {
		now := l.state(overTCP)
		return now.Forward == want && now.Backward == Counters{Bytes: 5, Packets: 1}
	})
	tcp, udp := s.Links[0], s.Links[1]
	if tcp.Open != 1 || tcp.Connections != 1 || !slices.Equal(tcp.Faults, []int{f.ID()}) || len(udp.Faults) != 0 {
		t.Errorf("the links are %+v and %+v", tcp, udp)
	}
	check(t, c.Close())
	eventually(t, "no connection is open", func() bool { return l.state(overTCP).Open == 0 })
}
