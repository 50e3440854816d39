package control_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rigx-build/rigx/testbed/control"
	"github.com/rigx-build/rigx/testbed/python"
)

// serve starts a server for a test, with sockets in a directory of its own.
func serve(t *testing.T, opts control.Options) *control.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "c") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	s, err := control.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "rigx", "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return s
}

// script is a command that runs Python against a server.
func script(t *testing.T, s *control.Server, text string) *exec.Cmd {
	t.Helper()
	dir, err := python.Unpack(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-W", "error", "-c", text)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "RIGX_CONTROL="+s.Path())
	return cmd
}

func runScript(t *testing.T, s *control.Server, text string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := script(t, s, text)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// prelude has what several scripts use: a server that echoes, and a question.
const prelude = `
import socket, threading, sys, time, os
from rigx.testbed import Network
from rigx.capsule import start
import rigx

def echo(at):
    s = socket.create_server(at)
    def serve():
        while True:
            try: c, peer = s.accept()
            except OSError: return
            with c:
                while True:
                    data = c.recv(65536)
                    if not data: break
                    c.sendall(("%s " % peer[0]).encode() + data)
    threading.Thread(target=serve, daemon=True).start()
    return s

def echo_udp(at):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(at)
    def serve():
        while True:
            try: data, peer = s.recvfrom(65536)
            except OSError: return
            s.sendto(data, peer)
    threading.Thread(target=serve, daemon=True).start()
    return s

def where(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)

def ask(address, data=b"hello", timeout=5):
    with socket.create_connection(where(address), timeout) as c:
        c.sendall(data)
        return c.recv(65536)

def error(call, kind):
    try: call()
    except Exception as e:
        assert type(e) is kind, repr(e)
        return str(e)
    raise AssertionError("no error")
`

func TestPythonNetwork(t *testing.T) {
	s := serve(t, control.Options{})
	runScript(t, s, prelude+`
with Network(subnet="127.0.77.0/24", seed=7) as net:
    assert net.seed == 7
    net.declare("sim", listens_on=[5000], udp_listens_on=[6000])
    net.declare("fc-1", listens_on=[5001], udp_listens_on=[5001], address="127.0.77.9")
    at = net.link("sim", "fc-1", to_port=5001)
    net.link("sim", "fc-1", to_port=5001, proto="udp")
    b = net.bindings("sim")
    assert set(b) == {"publish", "publish_udp", "env", "volumes"}, b
    assert b["volumes"] == {}
    assert b["env"]["FC_1_5001_ADDR"] == b["env"]["FC-1_5001_ADDR"] == at, b
    assert b["env"]["FC_1_5001_UDP_ADDR"] == b["env"]["FC-1_5001_UDP_ADDR"], b
    assert list(b["publish"]) == [5000] and b["publish"][5000][0] == net.address("sim") == "127.0.77.2", b
    fc = net.bindings("fc-1")
    server = echo(fc["publish"][5001])
    # The destination sees the source's own address.
    assert ask(at) == b"127.0.77.2 hello"
    with net.partition(["sim"], ["fc-1"]):
        assert len(net.state()["faults"]) == 1
    fault = net.fault("sim", "fc-1", proto="tcp", drop_rate=0.5, burst=dict(enter=.1, leave=.5, loss=1))
    assert net.state()["faults"] == []
    fault.inject()
    assert net.state()["faults"][0]["rule"]["drop_rate"] == 0.5
    fault.clear()
    fault.clear()
    assert net.state()["faults"] == []
    assert ask(at) == b"127.0.77.2 hello"
    kinds = [e["event"] for e in net.events()]
    assert kinds.count("fault.set") == kinds.count("fault.cleared") == 2, kinds
`)
}

// TestPythonReuse enters a network several times, and declares before, inside
// and between the blocks.
func TestPythonReuse(t *testing.T) {
	s := serve(t, control.Options{})
	runScript(t, s, prelude+`
net = Network()
net.declare("a")
data = net.shared_volume("data")
again = net.shared_volume("data")
assert data.host_path != again.host_path
free = socket.create_server(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()
paths = set()
for round in range(3):
    with net:
        if round == 0:
            net.declare("b", listens_on=[port], expose=[("127.0.0.1", port)], volumes={data: "/data", again: ("/again", "ro")})
            net.link("a", "b", to_port=port)
        fc = net.bindings("b")
        assert len(fc["publish"][port]) == 2 and fc["publish"][port][1] == ("127.0.0.1", port), fc
        assert fc["volumes"] == {data.host_path: "/data", again.host_path: ("/again", "ro")}, fc
        server = echo(fc["publish"][port][0])
        assert ask(net.bindings("a")["env"]["B_%d_ADDR" % port]) == b"127.0.0.1 hello"
        server.close()
        paths.add(data.host_path)
        assert data.host_path.is_dir()
    assert not any(p.exists() for p in paths)
assert len(paths) == 3
`)
}

func TestPythonErrors(t *testing.T) {
	s := serve(t, control.Options{})
	runScript(t, s, prelude+`
def says(call, kind, *words):
    message = error(call, kind)
    for word in words: assert word in message, message

says(lambda: Network(subnet="10.0.0.0/8"), ValueError, "10.0.0.0/8", "127.0.0.0/8")
says(lambda: Network(subnet="foo"), ValueError, "foo")
says(lambda: Network(seed=0), ValueError, "seed")
says(lambda: Network(seed=-1), ValueError, "seed")
says(lambda: Network("8.8.8.8").declare("x"), ValueError, "8.8.8.8")
with Network(subnet="127.0.78.0/24") as net:
    net.declare("sim", listens_on=[5000])
    net.declare("fc", listens_on=[5001], udp_listens_on=[7])
    says(lambda: net.declare("sim"), ValueError, "sim")
    says(lambda: net.declare(""), ValueError, "name")
    says(lambda: net.declare("x", address="10.1.1.1"), ValueError, "10.1.1.1")
    says(lambda: net.declare("x", address="127.0.79.1"), ValueError, "127.0.79.1")
    says(lambda: net.declare("x", address="somewhere"), ValueError, "somewhere")
    for port in (0, 65536, -1, "x", 1.5, None):
        says(lambda: net.declare("x", listens_on=[port]), ValueError, "port")
    says(lambda: net.declare("x", listens_on=[1, 1]), ValueError, "twice")
    says(lambda: net.declare("x", listens_on=[1], expose=[("0.0.0.0", 2)]), ValueError, "2")
    says(lambda: net.declare("x", listens_on=[1], expose=[("nowhere", 1)]), ValueError, "nowhere")
    says(lambda: net.declare("x", volumes={"data": "/data"}), ValueError, "shared_volume")
    says(lambda: net.shared_volume("../x"), ValueError, "../x")
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    says(lambda: net.declare("x", listens_on=[port], expose=[("127.0.0.1", port)]), rigx.Error, str(port), "in use")
    says(lambda: net.link("sim", "zz", to_port=1), ValueError, "zz")
    says(lambda: net.link("zz", "sim", to_port=5000), ValueError, "zz")
    says(lambda: net.link("sim", "fc", to_port=5002), ValueError, "5002")
    says(lambda: net.link("sim", "fc", to_port=7), ValueError, "7")
    says(lambda: net.link("sim", "fc", to_port=5001, proto="sctp"), ValueError, "sctp")
    net.link("sim", "fc", to_port=5001)
    says(lambda: net.link("sim", "fc", to_port=5001), ValueError, "twice")
    says(lambda: net.bindings("zz"), ValueError, "zz", "sim")
    says(lambda: net.address("zz"), ValueError, "zz")
    says(lambda: net.fault("sim", "zz", drop_rate=.5).inject(), ValueError, "zz")
    says(lambda: net.fault("fc", "sim", drop_rate=.5).inject(), ValueError, "backward")
    says(lambda: net.fault("sim", "fc", proto="udp", drop_rate=.5).inject(), ValueError, "udp link")
    says(lambda: net.fault("sim", "fc", to_port=9, drop_rate=.5).inject(), ValueError, "9")
    says(lambda: net.fault("sim", "fc", drop_rate=1.5).inject(), ValueError, "drop_rate", "1.5")
    says(lambda: net.fault("sim", "fc", drop_rate=float("nan")).inject(), ValueError)
    says(lambda: net.fault("sim", "fc", delay_ms=-1).inject(), ValueError, "delay_ms")
    says(lambda: net.fault("sim", "fc", delay_ms="soon").inject(), ValueError, "delay_ms")
    says(lambda: net.fault("sim", "fc", drop_rat=1), ValueError, "did you mean 'drop_rate'")
    says(lambda: net.fault("sim", "fc", reset=1), ValueError, "did you mean 'reset_rate'")
    says(lambda: net.fault("sim", "fc", direction="up", drop_rate=1).inject(), ValueError, "up")
    says(lambda: net.schedule("sim", "fc", at=-1, drop_rate=1), ValueError, "at")
    says(lambda: net.partition(["sim"], ["zz"]).inject(), ValueError, "zz")
    says(lambda: net.partition(["sim"], []).inject(), ValueError)
    says(lambda: net.record("/nowhere/x.pcap"), rigx.Error, "/nowhere/x.pcap")
    # A link to nobody: the refusal is passed on.
    try:
        assert ask(net.bindings("sim")["env"]["FC_5001_ADDR"]) == b"", "somebody answered"
    except ConnectionError: pass
says(lambda: start("nosuch", project_root="/tmp"), rigx.Error, "nosuch", "rigx build nosuch")
says(lambda: start("nosuch"), rigx.Error, "rigx.toml")
`)
}

// TestPythonThreads uses one network from many threads, and from a child that
// was forked.
func TestPythonThreads(t *testing.T) {
	s := serve(t, control.Options{})
	runScript(t, s, prelude+`
from concurrent.futures import ThreadPoolExecutor
net = Network()
with ThreadPoolExecutor(16) as pool:
    list(pool.map(lambda i: net.declare("n%d" % i, listens_on=[1000 + i]), range(100)))
    list(pool.map(lambda i: net.link("n%d" % i, "n%d" % (i + 1), to_port=1001 + i), range(99)))
assert len(net.state()["links"]) == 99
child = os.fork()
if child == 0:
    net.declare("child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert len(net.state()["nodes"]) == 101
`)
}

// TestPythonInterrupted interrupts a call that waits; the script goes on, and
// the connection is not confused.
func TestPythonInterrupted(t *testing.T) {
	s := serve(t, control.Options{})
	out := runScript(t, s, prelude+`
import signal
from rigx import _control
net = Network(verbose=True)
def interrupt(*_): raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.3)
try:
    _control.call("network.follow", lambda *_: None, network=net._opened())
    raise AssertionError("it ended")
except KeyboardInterrupt: pass
assert net.state()["nodes"] == []
net.close()
time.sleep(.2)
`)
	if !strings.Contains(out, "network.opened") {
		t.Errorf("verbose says nothing: %s", out)
	}
}
