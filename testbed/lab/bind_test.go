package lab

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/testbed"
)

// Capsules as nodes are tested with real ones in lab_test.go, and by
// testdata/script/testbed_*_capsules.txtar.

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// TestBind: what the options say counts, and nothing that is handed in changes.
func TestBind(t *testing.T) {
	b := testbed.Bindings{
		Publish: map[uint16][]netip.AddrPort{1: {at("127.0.0.1:10")}, 2: {at("127.0.0.1:20")}},
		Env:     map[string]string{"A": "bound", "B": "bound"},
		Volumes: []testbed.BoundVolume{{Host: "/h", Container: "/c", ReadOnly: true}, {Host: "/h", Container: "/w"}},
	}
	own := capsule.Options{
		Publish: map[uint16][]netip.AddrPort{2: {at("0.0.0.0:2")}},
		Env:     map[string]string{"B": "own"},
		Volumes: make([]capsule.Volume, 1, 8),
		User:    "nobody",
	}
	got := Bind(b, own)
	want := capsule.Options{
		Publish:    map[uint16][]netip.AddrPort{1: {at("127.0.0.1:10")}, 2: {at("0.0.0.0:2")}},
		PublishUDP: map[uint16][]netip.AddrPort{},
		Env:        map[string]string{"A": "bound", "B": "own"},
		Volumes:    []capsule.Volume{{}, {Host: "/h", Container: "/c", Mode: "ro"}, {Host: "/h", Container: "/w", Mode: "rw"}},
		User:       "nobody",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if b.Env["B"] != "bound" || len(own.Publish) != 1 || own.Volumes[:2][1] != (capsule.Volume{}) {
		t.Error("what was handed in has changed")
	}
}

func TestPeers(t *testing.T) {
	n, err := testbed.Open(testbed.Options{Subnet: netip.MustParsePrefix("127.0.90.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	for _, name := range []string{"fc", "ground-station.v2", "with space", "-x", "a:b", "ünlich", "Self"} {
		if err := n.Declare(testbed.Node{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]netip.Addr{"fc": netip.MustParseAddr("127.0.90.2"), "ground-station.v2": netip.MustParseAddr("127.0.90.3")}
	if got := peers(n, "Self"); !maps.Equal(got, want) {
		t.Errorf("the names in /etc/hosts are %v", got)
	}
}

// TestStartRefused: neither a node that is not declared nor an image that cannot
// be run leaves anything behind.
func TestStartRefused(t *testing.T) {
	dir := t.TempDir()
	manifest := `{"version":1,"name":"x","backend":"lite","runner":"bin/run-x"}`
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"manifest.json": manifest, "bin/run-x": "exit 1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	image, err := capsule.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	n, err := testbed.Open(testbed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	if _, err := Start(context.Background(), n, "x", image, capsule.Options{}); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Error(err)
	}
	if err := n.Declare(testbed.Node{Name: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(context.Background(), n, "x", image, capsule.Options{Name: "no name"}); err == nil || n.State().Nodes[0].Attached {
		t.Error(err)
	}
}

// TestGateway is about what a guest behind a gateway is told: an address of the
// host's loopback, which it sees as that of its gateway.
func TestGateway(t *testing.T) {
	n, err := testbed.Open(testbed.Options{Subnet: netip.MustParsePrefix("127.0.91.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	for _, node := range []testbed.Node{{Name: "guest", TCP: []uint16{1}}, {Name: "peer", TCP: []uint16{2}, UDP: []uint16{2}}} {
		if err := n.Declare(node); err != nil {
			t.Fatal(err)
		}
	}
	g := &gateway{way: throughSlirp, at: map[endpoint]netip.AddrPort{}}
	for _, proto := range []testbed.Proto{testbed.TCP, testbed.UDP} {
		link, err := n.Link(testbed.Link{From: "guest", To: "peer", Port: 2, Proto: proto})
		if err != nil {
			t.Fatal(err)
		}
		g.at[endpoint{proto.String(), link}] = netip.AddrPort{}
	}
	detach, err := n.Attach("guest", g)
	if err != nil {
		t.Fatal(err)
	}
	bindings, _ := n.Bindings("peer")
	server, err := net.Listen("tcp", bindings.Publish[2][0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	own, _ := n.Bindings("guest")
	told := at(g.translate("tcp", own.Env["PEER_2_ADDR"]))
	if told.Addr() != capsule.Gateway || at(g.translate("udp", own.Env["PEER_2_UDP_ADDR"])).Addr() != capsule.Gateway {
		t.Fatal(told)
	}
	through, err := net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), told.Port()).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = through.Close() }()
	seen, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = seen.Close() }()
	if from := at(seen.RemoteAddr().String()).Addr().String(); from != "127.0.91.2" {
		t.Errorf("the peer sees %s", from)
	}
	if same := g.translate("tcp", "127.0.0.1:9"); same != "127.0.0.1:9" {
		t.Errorf("%s is no link", same)
	}
	if _, err := g.Dial(context.Background(), "tcp", netip.AddrPort{}, at("127.0.0.1:1")); err == nil || !strings.Contains(err.Error(), "not published") {
		t.Error(err)
	}
	detach()
}
