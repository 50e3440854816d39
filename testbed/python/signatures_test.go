package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// python runs a program of the interpreter with this package.
func python(t *testing.T, program string, args ...string) string {
	t.Helper()
	dir, err := Unpack(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", append([]string{"-W", "error", "-c", program}, args...)...)
	cmd.Dir = t.TempDir() // Python looks here first
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestManualCalls has every call of the manual, to the keyword, and checks that
// the signatures take it.
func TestManualCalls(t *testing.T) {
	python(t, `
import inspect
from rigx.capsule import Capsule, start
from rigx.testbed import Network, SharedVolume

def takes(function, *args, **kwargs):
    inspect.signature(function).bind(*args, **kwargs)

net, cap, data = object(), object(), object()
takes(start, "greeter", publish={5000: 5050})
takes(start, "simulator", publish={}, publish_udp={}, env={}, volumes={})
takes(start, "simulator", network="…")
takes(Capsule.wait_for_port, cap, 5000, timeout=10)
takes(Capsule.wait_for_port, cap, 5000)
takes(Capsule.exec, cap, ["ls"])
takes(Capsule.logs, cap)
takes(Capsule.stop, cap)
takes(Network)
takes(Network, subnet="127.0.10.0/24")
takes(Network.declare, net, "sim", listens_on=[5000])
takes(Network.declare, net, "sim", listens_on=[5000], udp_listens_on=[6000])
takes(Network.declare, net, "sim", address="127.0.10.10", listens_on=[5000])
takes(Network.declare, net, "rx", listens_on=[8001], volumes={data: "/shared"})
takes(Network.declare, net, "vis", listens_on=[8000], volumes={data: ("/shared", "ro")})
takes(Network.declare, net, "vis", listens_on=[8000], expose=[("0.0.0.0", 8000)], udp_expose=[])
takes(Network.link, net, "sim", "fc", to_port=5001)
takes(Network.link, net, "sim", "fc", to_port=5001, proto="udp")
takes(Network.bindings, net, "sim")
takes(Network.fault, net, "sim", "fc", drop_rate=0.5)
takes(Network.fault, net, "sim", "fc", delay_ms=100, jitter_ms=20)
takes(Network.fault, net, "sim", "fc", proto="udp", corrupt_rate=0.01)
takes(Network.partition, net, ["sim"], ["fc"])
takes(Network.shared_volume, net, "data")
for kind in (Capsule, Network, type(Network.fault(Network.__new__(Network), "a", "b", drop_rate=1))):
    assert callable(kind.__enter__) and callable(kind.__exit__), kind
`)
}

// TestPeerSignatures compares with the Python tool, if .ci/bench-peer has
// installed it: whatever its functions take, ours take too, with the same
// defaults.
func TestPeerSignatures(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	peer := filepath.Join(cache, "rigx", "bench-peers", "bin", "python3")
	if _, err := os.Stat(peer); err != nil {
		t.Skip("the Python tool is not installed; .ci/bench-peer --programs does it")
	}
	const signatures = `
import inspect, json, sys
import rigx.capsule, rigx.testbed

# What its own modules share, and nothing in the manual.
internal = {"rigx.testbed.RuleSet", "rigx.capsule.Capsule.__init__", "rigx.testbed.SharedVolume.__init__"}

out = {}
def add(name, function):
    if name not in internal:
        parameters = inspect.signature(function).parameters.values()
        out[name] = [(p.name, p.kind.name, repr(p.default)) for p in parameters]

for module in (rigx.capsule, rigx.testbed):
    for name, value in vars(module).items():
        full = module.__name__ + "." + name
        if name.startswith("_") or getattr(value, "__module__", "") != module.__name__ or full in internal:
            continue
        if not inspect.isclass(value):
            add(full, value)
            continue
        out[full] = []
        for member, function in vars(value).items():
            if member == "__init__" or not member.startswith("_"):
                if callable(function):
                    add(full + "." + member, function)
                else:
                    out[full + "." + member] = []
`
	cmd := exec.Command(peer, "-c", signatures+"json.dump(out, sys.stdout)")
	cmd.Dir = t.TempDir()
	theirs, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	python(t, signatures+`
theirs, ours = json.loads(sys.argv[1]), out
wrong = []
assert len(theirs) > 20, theirs
for name, parameters in theirs.items():
    if name == "rigx.testbed.Network.fault":
        parameters = [p for p in parameters if p[1] != "VAR_KEYWORD"]
    if name not in ours:
        wrong.append(name + " is missing")
        continue
    have = {p[0]: list(p) for p in ours[name]}
    positional = [p[0] for p in parameters if p[1] == "POSITIONAL_OR_KEYWORD"]
    if positional != [p[0] for p in ours[name] if p[1] == "POSITIONAL_OR_KEYWORD"][:len(positional)]:
        wrong.append(name + " has its arguments in another order")
    for p in parameters:
        mine = have.pop(p[0], None)
        if mine != p:
            wrong.append("%s: %s is %s" % (name, p, mine))
    for p in have.values():
        if p[2] == "<class 'inspect._empty'>" and p[1] != "VAR_KEYWORD":
            wrong.append("%s: %s is required" % (name, p[0]))
if wrong:
    sys.exit("\n".join(wrong))
`, string(theirs))
}
