package schema

// The fields of a testbed that is declared rather than scripted, and of the
// tables in it.
var (
	Subnet = &Field{Name: "subnet", Type: String, Kinds: kinds(Testbed), NoVariant: true, Since: "0.10.0",
		Doc: "Gives each node an address of its own, inside 127.0.0.0/8. Without it all nodes are 127.0.0.1.", Example: `"127.0.10.0/24"`}
	Seed = &Field{Name: "seed", Type: Integer, Kinds: kinds(Testbed), NoVariant: true, Since: "0.10.0",
		Doc: "Makes the faults of a run repeatable. Without it each run draws one, and says which.", Example: `7`}
	SharedVolumes = &Field{Name: "shared_volumes", Type: Strings, Kinds: kinds(Testbed), NoVariant: true, Since: "0.10.0",
		Doc: "Directories that live as long as the testbed; nodes mount them through their `volumes`.", Example: `["data"]`}
	Nodes = &Field{Name: "nodes", Type: NamedRecords, One: "node", Kinds: kinds(Testbed), NoVariant: true, Since: "0.10.0",
		Fields: []*Field{NodeCapsule, NodeCommand, NodeListens, NodeListensUDP, NodeAddress, NodeExpose, NodeExposeUDP, NodeEnv, NodeVolumes, NodeWaitFor, NodeTimeout},
		Doc:    "The members of the testbed, started in order. A node is a capsule, a command on this machine, or neither: then only its ports are set up. The script itself is the node `host`.", Example: `{ server = { capsule = "server", listens_on = [5000] } }`}
	Links = &Field{Name: "links", Type: Records, One: "link", Kinds: kinds(Testbed), NoVariant: true, Since: "0.10.0",
		Fields: []*Field{LinkFrom, LinkTo, LinkPort, LinkProto},
		Doc:    "Who may reach which port of whom. A node finds the other end in `<NODE>_<PORT>_ADDR` (UDP: `<NODE>_<PORT>_UDP_ADDR`).", Example: `[{ from = "client", to = "server", port = 5000 }]`}
	Faults = &Field{Name: "faults", Type: Records, One: "fault", Kinds: kinds(Testbed), NoVariant: true, Since: "0.10.0",
		Fields: append([]*Field{FaultFrom, FaultTo, FaultProto, FaultPort, FaultDirection, FaultAt, FaultFor}, FaultEffects...),
		Doc:    "What goes wrong on the links, and when. Faults on one link add up.", Example: `[{ from = "client", to = "server", drop_rate = 0.1, at = 5, for = 10 }]`}
	TestbedField = &Field{Name: "testbed", Type: String, Content: Targets, Kinds: kinds(Test), NoVariant: true, Since: "0.10.0",
		Doc: "A testbed target that is up while the test runs. The test sees the nodes' addresses as `<NODE>_<PORT>_ADDR`; it needs `sandbox = false`.", Example: `"lab"`}
)

// The fields of a node.
var (
	NodeCapsule = &Field{Name: "capsule", Type: String, Content: Targets,
		Doc: "The capsule target that the node runs.", Example: `"server"`}
	NodeCommand = &Field{Name: "command", Type: String, Content: Script, Interpolated: true,
		Doc: "Bash that runs on this machine as the node, in the project's directory.", Example: `"${server}/bin/server"`}
	NodeListens = &Field{Name: "listens_on", Type: Ports,
		Doc: "TCP ports that the node listens on. A command finds where to listen in `LISTEN_<PORT>_ADDR`.", Example: `[5000]`}
	NodeListensUDP = &Field{Name: "udp_listens_on", Type: Ports,
		Doc: "UDP ports that the node listens on. A command finds where in `LISTEN_<PORT>_UDP_ADDR`.", Example: `[6000]`}
	NodeAddress = &Field{Name: "address", Type: String,
		Doc: "The node's address, inside the testbed's `subnet`; the next free one by default.", Example: `"127.0.10.10"`}
	NodeExpose = &Field{Name: "expose", Type: Strings,
		Doc: "Where a TCP port of `listens_on` is published as well, past the links and their faults.", Example: `["0.0.0.0:5000"]`}
	NodeExposeUDP = &Field{Name: "udp_expose", Type: Strings,
		Doc: "The same for ports of `udp_listens_on`.", Example: `["0.0.0.0:6000"]`}
	NodeEnv = &Field{Name: "env", Type: Scalars, Interpolated: true,
		Doc: "More environment variables.", Example: `{ LOG_LEVEL = "debug" }`}
	NodeVolumes = &Field{Name: "volumes", Type: StringTable,
		Doc: "Where the testbed's `shared_volumes` are in the capsule; `:ro` makes one read-only.", Example: `{ data = "/shared:ro" }`}
	NodeWaitFor = &Field{Name: "wait_for", Type: Ports,
		Doc: "TCP ports that must accept connections before the testbed counts as up; all of `listens_on` by default, none for `[]`.", Example: `[5000]`}
	NodeTimeout = &Field{Name: "timeout", Type: Number, Default: "60",
		Doc: "How many seconds the ports may take.", Example: `120`}
)

// Protocols of links.
var Protocols = []string{"tcp", "udp"}

// The fields of a link.
var (
	LinkFrom  = &Field{Name: "from", Type: String, Content: NodeNames, Required: true, Doc: "The node that connects; `host` is the script itself.", Example: `"client"`}
	LinkTo    = &Field{Name: "to", Type: String, Content: NodeNames, Required: true, Doc: "The node that listens.", Example: `"server"`}
	LinkPort  = &Field{Name: "port", Type: Port, Required: true, Doc: "The port, one that `to` listens on.", Example: `5000`}
	LinkProto = &Field{Name: "proto", Type: String, Values: Protocols, Default: `"tcp"`, Doc: "The protocol.", Example: `"udp"`}
)

// The fields of a fault that say where and when it is.
var (
	FaultFrom      = &Field{Name: "from", Type: String, Content: NodeNames, Required: true, Doc: "Where the link begins.", Example: `"client"`}
	FaultTo        = &Field{Name: "to", Type: String, Content: NodeNames, Required: true, Doc: "Where the link ends.", Example: `"server"`}
	FaultProto     = &Field{Name: "proto", Type: String, Values: Protocols, Doc: "Only links of that protocol; both by default.", Example: `"udp"`}
	FaultPort      = &Field{Name: "port", Type: Port, Doc: "Only the link to that port; all by default.", Example: `5000`}
	FaultDirection = &Field{Name: "direction", Type: String, Values: []string{"forward", "backward", "both"}, Default: `"both"`, Doc: "Only what flows from `from` to `to` (`forward`) or the replies (`backward`).", Example: `"forward"`}
	FaultAt        = &Field{Name: "at", Type: Number, Doc: "When it begins, in seconds after the testbed is up. A fault with neither `at` nor `for` is there before the nodes are.", Example: `5`}
	FaultFor       = &Field{Name: "for", Type: Number, Doc: "How many seconds it lasts; to the end by default.", Example: `10`}
)

// What a fault does. The names are those of the Python API and of
// [github.com/rigx-build/rigx/testbed.Rule].
var (
	FaultPartition  = &Field{Name: "partition", Type: Bool, Default: "false", Doc: "Nothing passes: datagrams are lost; connections are accepted, and what is sent waits until the fault ends."}
	FaultDrop       = &Field{Name: "drop_rate", Type: Rate, Doc: "The share of datagrams that are lost. A TCP stream has no holes: there, a lost piece arrives late, as if sent again.", Example: `0.3`}
	FaultBurstEnter = &Field{Name: "burst.enter", Type: Rate, Doc: "Loss in bursts (Gilbert–Elliott): the chance, per datagram, that a burst begins.", Example: `0.01`}
	FaultBurstLeave = &Field{Name: "burst.leave", Type: Rate, Doc: "The chance, per datagram, that a burst ends; 1/leave is its mean length.", Example: `0.3`}
	FaultBurstLoss  = &Field{Name: "burst.loss", Type: Rate, Doc: "The share that is lost during a burst.", Example: `0.9`}
	FaultGoodLoss   = &Field{Name: "burst.good_loss", Type: Rate, Default: "0", Doc: "The share that is lost between bursts.", Example: `0.001`}
	FaultCorrupt    = &Field{Name: "corrupt_rate", Type: Rate, Doc: "The share of datagrams (TCP: pieces) in which a byte is changed.", Example: `0.01`}
	FaultDuplicate  = &Field{Name: "duplicate_rate", Type: Rate, Doc: "The share of datagrams that arrive twice (UDP).", Example: `0.05`}
	FaultReorder    = &Field{Name: "reorder_rate", Type: Rate, Doc: "The share of datagrams that are overtaken by the next one (UDP).", Example: `0.1`}
	FaultDelay      = &Field{Name: "delay_ms", Type: Number, Doc: "Holds everything back, in milliseconds.", Example: `100`}
	FaultJitter     = &Field{Name: "jitter_ms", Type: Number, Doc: "Varies the delay by up to so many milliseconds, to both sides.", Example: `20`}
	FaultBandwidth  = &Field{Name: "bandwidth", Type: Integer, Doc: "Bytes per second that pass at most.", Example: `125000`}
	FaultReset      = &Field{Name: "reset_rate", Type: Rate, Doc: "The chance, per piece of a TCP stream, that both ends see the connection reset.", Example: `0.01`}
	FaultSlowClose  = &Field{Name: "slow_close_ms", Type: Number, Doc: "Holds back the end of a TCP stream, in milliseconds.", Example: `500`}
	FaultSlice      = &Field{Name: "slice", Type: Integer, Doc: "Cuts a TCP stream into pieces of at most so many bytes.", Example: `16`}
	FaultSliceDelay = &Field{Name: "slice_delay_ms", Type: Number, Doc: "The time between those pieces, in milliseconds.", Example: `5`}
	FaultLimitBytes = &Field{Name: "limit_bytes", Type: Integer, Doc: "Ends a connection after so many bytes.", Example: `4096`}
	FaultLimitTime  = &Field{Name: "limit_ms", Type: Number, Doc: "Ends a connection after so many milliseconds.", Example: `1000`}

	FaultEffects = []*Field{
		FaultPartition, FaultDrop, FaultBurstEnter, FaultBurstLeave, FaultBurstLoss, FaultGoodLoss, FaultCorrupt,
		FaultDuplicate, FaultReorder, FaultDelay, FaultJitter, FaultBandwidth, FaultReset, FaultSlowClose,
		FaultSlice, FaultSliceDelay, FaultLimitBytes, FaultLimitTime,
	}
)

// HostNode is the name of the node that a testbed's script, or the test that
// uses the testbed, is.
const HostNode = "host"
