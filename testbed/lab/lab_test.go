package lab_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/testbed"
	"github.com/rigx-build/rigx/testbed/lab"
)

// built builds the project in testdata/pair with rigx and returns its output
// directory.
func built(t *testing.T) string {
	t.Helper()
	for _, part := range []string{"nix", "podman"} {
		if _, err := exec.LookPath(part); err != nil {
			if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), part) {
				t.Fatal(part, "is missing")
			}
			t.Skip(part, "is missing")
		}
	}
	if os.Getuid() != 0 {
		t.Skip("only the superuser can enter the network of a container")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/pair")); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "containers.conf")
	text := "[engine]\nruntime = \"runc\"\n[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONTAINERS_CONF", conf)
	t.Setenv("RIGX_ENGINE", "podman")
	rigx := filepath.Join(t.TempDir(), "rigx")
	if out, err := exec.Command("go", "build", "-o", rigx, "../../cmd/rigx").CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	build := exec.Command(rigx, "-C", dir, "build")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	t.Cleanup(func() {
		remove := exec.Command("sh", "-c", "podman rmi -f $(jq -r .image.reference output/*/manifest.json)")
		remove.Dir = dir
		if out, err := remove.CombinedOutput(); err != nil {
			t.Error(string(out))
		}
	})
	return filepath.Join(dir, "output")
}

// pair is a network of two capsules.
type pair struct {
	*testing.T
	ctx     context.Context
	network *testbed.Network
	output  string
	// control is where they are told what to do, past all links.
	control map[string]netip.AddrPort
}

func (p *pair) start(name string) *lab.Node {
	p.Helper()
	image, err := capsule.Open(filepath.Join(p.output, "lab-"+name))
	if err != nil {
		p.Fatal(err)
	}
	bindings, err := p.network.Bindings(name)
	if err != nil {
		p.Fatal(err)
	}
	node, err := lab.Start(p.ctx, p.network, name, image, lab.Bind(bindings, capsule.Options{ProjectRoot: filepath.Dir(p.output)}))
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = node.Stop(context.Background()) })
	if err := node.WaitForPort(p.ctx, 5000); err != nil {
		p.Fatal(err)
	}
	p.control[name] = bindings.Publish[5000][0]
	return node
}

// tell has a capsule do something and returns what it answers.
func (p *pair) tell(name, what string) string {
	p.Helper()
	c, err := net.Dial("tcp", p.control[name].String())
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	fmt.Fprintln(c, what)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		p.Fatal(what, err)
	}
	return strings.TrimSpace(line)
}

// says checks an answer to "tcp far:5000 hello" and returns how many
// milliseconds it took.
func (p *pair) says(name, what, wanted string) int {
	p.Helper()
	got := p.tell(name, what)
	text, took, ok := strings.Cut(strings.TrimSuffix(got, " ms"), " after ")
	ms, err := strconv.Atoi(took)
	if !ok || err != nil || text != wanted {
		p.Errorf("%s: %s: got %q, want %q", name, what, got, wanted)
	}
	return ms
}

// silent checks that nothing answers.
func (p *pair) silent(name, what string) {
	p.Helper()
	if got := p.tell(name, what); !strings.Contains(got, "i/o timeout") && !strings.Contains(got, "EOF") && !strings.Contains(got, "reset") && !strings.Contains(got, "refused") {
		p.Errorf("%s: %s: got %q", name, what, got)
	}
}

// TestPair is a whole project: two lite capsules that are built, started with
// podman, linked, and cut off from each other.
func TestPair(t *testing.T) {
	output := built(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 88, byte(os.Getpid()), 0}), 24)
	network, err := testbed.Open(testbed.Options{Subnet: subnet, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := network.Close(); err != nil {
			t.Error(err)
		}
	}()
	p := &pair{T: t, ctx: ctx, network: network, output: output, control: map[string]netip.AddrPort{}}
	for _, name := range []string{"near", "far"} {
		if err := network.Declare(testbed.Node{Name: name, TCP: []uint16{5000}, UDP: []uint16{5000}}); err != nil {
			t.Fatal(err)
		}
	}
	link := func(from, to string, proto testbed.Proto) {
		if _, err := network.Link(testbed.Link{From: from, To: to, Port: 5000, Proto: proto}); err != nil {
			t.Fatal(err)
		}
	}
	link("near", "far", testbed.TCP)
	link("near", "far", testbed.UDP)
	link("far", "near", testbed.TCP)
	p.start("near")
	far := p.start("far")
	addresses := map[string]string{}
	for _, n := range network.State().Nodes {
		addresses[n.Name] = n.Address
	}
	fromNear, fromFar := "hello from "+addresses["near"], "hello from "+addresses["far"]

	// By name, by the variable, and both ways. The other side sees where it comes
	// from.
	p.says("near", "tcp far:5000 hello", fromNear)
	p.says("near", "udp far:5000 hello", fromNear)
	p.says("near", "tcp "+p.tell("near", "env FAR_5000_ADDR")+" hello", fromNear)
	p.says("near", "udp "+p.tell("near", "env FAR_5000_UDP_ADDR")+" hello", fromNear)
	p.says("far", "tcp near:5000 hello", fromFar)
	// What is not linked is not there, until it is.
	p.silent("far", "udp near:5000 hello")
	link("far", "near", testbed.UDP)
	p.says("far", "udp near:5000 hello", fromFar)

	// A partition, and its end.
	cut, err := network.Partition([]string{"near"}, []string{"far"})
	if err != nil {
		t.Fatal(err)
	}
	for _, proto := range []string{"tcp", "udp"} {
		p.silent("near", proto+" far:5000 hello")
		p.silent("far", proto+" near:5000 hello")
	}
	cut.Clear()
	for _, proto := range []string{"tcp", "udp"} {
		p.says("near", proto+" far:5000 hello", fromNear)
		p.says("far", proto+" near:5000 hello", fromFar)
	}

	// A delay, one way only and of one link only.
	slow, err := network.Fault(testbed.Selector{From: "near", To: "far"}, testbed.Rule{Delay: 300 * time.Millisecond, Direction: testbed.Forward})
	if err != nil {
		t.Fatal(err)
	}
	for _, proto := range []string{"tcp", "udp"} {
		if ms := p.says("near", proto+" far:5000 hello", fromNear); ms < 300 {
			t.Errorf("%s took %d ms", proto, ms)
		}
		p.says("far", proto+" near:5000 hello", fromFar)
	}
	slow.Clear()
	for _, l := range network.State().Links {
		if l.Forward.Bytes == 0 || l.Backward.Bytes == 0 {
			t.Errorf("nothing was counted: %+v", l)
		}
	}

	// One that is stopped and started again has its links again.
	if err := far.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	far.Detach()
	p.silent("near", "tcp far:5000 hello")
	p.silent("near", "udp far:5000 hello")
	p.start("far")
	p.says("near", "tcp far:5000 hello", fromNear)
	p.says("near", "udp far:5000 hello", fromNear)
	p.says("far", "tcp near:5000 hello", fromFar)
}
