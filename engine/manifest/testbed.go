package manifest

import (
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// nodes adds the capsules that the nodes of a testbed run.
func (r *resolver) nodes(t *Target) {
	for _, node := range t.Records(schema.Nodes) {
		v := node.Get(schema.NodeCapsule)
		if v == nil {
			continue
		}
		s := v.Strings[0]
		ref, ok := r.m.ResolveTarget(t, s.Value)
		if !ok {
			r.unknownTarget(schema.NodeCapsule, s)
			continue
		}
		if ref.Kind == ToTarget {
			r.mustBe(schema.Capsule, ref.Unit.Target, s)
		}
		r.use(ref, s.At)
	}
}

// testbed adds the testbed of a test. It is no derivation, but what it runs
// is built for the test.
func (r *resolver) testbed(t *Target) {
	v := t.Get(schema.TestbedField)
	if v == nil {
		return
	}
	s := v.Strings[0]
	ref, ok := r.m.ResolveTarget(t, s.Value)
	switch {
	case !ok:
		r.unknownTarget(schema.TestbedField, s)
	case ref.Kind != ToTarget:
		r.diags.Add(diagnostic.NotForKind, s.Inner(), "the testbed `"+s.Value+"` must be of this project")
	case r.mustBe(schema.Testbed, ref.Unit.Target, s):
		if len(ref.Unit.Target.Records(schema.Nodes)) == 0 {
			d := r.diags.Add(diagnostic.NotForKind, s.Inner(), "the testbed `"+s.Value+"` has no `nodes`, so there is nothing to stand up for a test")
			d.Related = []diagnostic.Related{{At: ref.Unit.Target.Local.At, Message: "declared here"}}
		}
		r.add(ref.edge(s.At))
	}
	if t.Kind == schema.Test && t.Sandboxed() {
		d := r.diags.Add(diagnostic.NotForKind, v.Key, "a test with a `testbed` runs on the host")
		d.Help = append(d.Help, "add sandbox = false")
	}
}

// mustBe reports a target that is not of the kind that is needed.
func (r *resolver) mustBe(kind schema.Kind, t *Target, s String) bool {
	if t.Kind == kind || t.Kind == schema.NoKind {
		return true
	}
	d := r.diags.Add(diagnostic.NotForKind, s.Inner(), "`"+s.Value+"` is a "+t.Kind.String()+" target, not a "+kind.String())
	d.Related = []diagnostic.Related{{At: t.Local.At, Message: "declared here"}}
	return false
}

// Testbed returns the testbed that a test uses, or nil.
func (m *Manifest) Testbed(t *Target) *Target {
	if name := t.Text(schema.TestbedField); name != "" {
		if ref, ok := m.ResolveTarget(t, name); ok && ref.Kind == ToTarget && ref.Unit.Target.Kind == schema.Testbed {
			return ref.Unit.Target
		}
	}
	return nil
}

// A testbedChecker holds the rules between the parts of a declared testbed.
type testbedChecker struct {
	checker
	t      *Target
	names  []string
	subnet netip.Prefix
	// at is where an address was given to a node.
	at map[netip.Addr]Location
}

func (c checker) checkTestbed(t *Target) {
	nodes := t.Records(schema.Nodes)
	if len(nodes) == 0 {
		if !t.sets(schema.ScriptField) && !t.sets(schema.Nodes) {
			d := c.diags.Add(diagnostic.MissingField, t.Local.At, "the testbed `"+t.Local.Value+"` needs `nodes` or a `script`")
			d.Help = append(d.Help, "for example: nodes = "+schema.Nodes.Example)
		}
		for _, f := range []*schema.Field{schema.Links, schema.Faults} {
			if v := t.Get(f); v != nil {
				c.diags.Add(diagnostic.IgnoredField, v.Key, "`"+f.Name+"` has no effect without `nodes`")
			}
		}
		return
	}
	tc := testbedChecker{checker: c, t: t, names: []string{schema.HostNode}, at: map[netip.Addr]Location{}}
	if v := t.Get(schema.Subnet); v != nil {
		tc.subnet = tc.checkSubnet(v.Strings[0])
	}
	for i := range nodes {
		tc.node(&nodes[i])
	}
	for _, link := range t.Records(schema.Links) {
		tc.link(&link)
	}
	for _, fault := range t.Records(schema.Faults) {
		tc.fault(&fault)
	}
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

func (c *testbedChecker) checkSubnet(s String) netip.Prefix {
	p, err := netip.ParsePrefix(s.Value)
	switch {
	case err != nil:
		d := c.diags.Add(diagnostic.BadValue, s.Inner(), "`"+s.Value+"` is no subnet")
		d.Help = append(d.Help, "for example: subnet = "+schema.Subnet.Example)
	case !loopback.Contains(p.Addr()) || p.Bits() < loopback.Bits():
		c.diags.Add(diagnostic.OutOfRange, s.Inner(), "the subnet "+s.Value+" is not inside 127.0.0.0/8")
	case p.Bits() > 30:
		c.diags.Add(diagnostic.OutOfRange, s.Inner(), "the subnet "+s.Value+" has no room for two nodes")
	default:
		return p.Masked()
	}
	return netip.Prefix{}
}

func (c *testbedChecker) node(n *Record) {
	name := n.Name
	if name.Value == schema.HostNode {
		if v := n.Get(schema.NodeCapsule); v != nil {
			c.diags.Add(diagnostic.BadValue, v.Key, "the node `host` is the script itself and runs no capsule")
		}
	}
	c.names = append(c.names, name.Value)
	if capsule, command := n.Get(schema.NodeCapsule), n.Get(schema.NodeCommand); capsule != nil && command != nil {
		c.diags.Add(diagnostic.NotForKind, command.Key, "the node `"+name.Value+"` runs a capsule already")
	} else if capsule == nil {
		if v := n.Get(schema.NodeVolumes); v != nil {
			c.diags.Add(diagnostic.NotForKind, v.Key, "`volumes` are mounted in capsules; a command finds them in `VOLUME_<NAME>`")
		}
	}
	if v := n.Get(schema.NodeAddress); v != nil {
		c.address(v.Strings[0], name.Value)
	}
	c.exposed(n, schema.NodeExpose, schema.NodeListens)
	c.exposed(n, schema.NodeExposeUDP, schema.NodeListensUDP)
	for _, p := range n.List(schema.NodeWaitFor) {
		if !slices.ContainsFunc(n.List(schema.NodeListens), func(s String) bool { return s.Value == p.Value }) {
			c.diags.Add(diagnostic.BadValue, p.At, "the node `"+name.Value+"` does not listen on "+p.Value)
		}
	}
	for _, p := range n.Pairs(schema.NodeEnv) {
		if !identifier(p.Key.Value) {
			c.diags.Add(diagnostic.BadName, p.Key.At, "`"+p.Key.Value+"` cannot be the name of an environment variable")
		}
	}
	for _, p := range n.Pairs(schema.NodeVolumes) {
		c.volume(p)
	}
}

func (c *testbedChecker) address(s String, node string) {
	addr, err := netip.ParseAddr(s.Value)
	switch {
	case err != nil:
		c.diags.Add(diagnostic.BadValue, s.Inner(), "`"+s.Value+"` is no address")
	case !loopback.Contains(addr):
		c.diags.Add(diagnostic.OutOfRange, s.Inner(), "the address "+s.Value+" is not inside 127.0.0.0/8")
	case c.subnet.IsValid() && !c.subnet.Contains(addr):
		c.diags.Add(diagnostic.OutOfRange, s.Inner(), "the address "+s.Value+" is not inside the subnet "+c.subnet.String())
	case c.at[addr].File != nil:
		d := c.diags.Add(diagnostic.Collision, s.Inner(), "the address "+s.Value+" of the node `"+node+"` is taken")
		d.Related = []diagnostic.Related{{At: c.at[addr], Message: "by this one"}}
	default:
		c.at[addr] = s.At
	}
}

func (c *testbedChecker) exposed(n *Record, field, listens *schema.Field) {
	for _, s := range n.List(field) {
		at, err := netip.ParseAddrPort(s.Value)
		if err != nil {
			d := c.diags.Add(diagnostic.BadValue, s.Inner(), "`"+s.Value+"` is not an address with a port")
			d.Help = append(d.Help, "for example: "+field.Name+" = "+field.Example)
		} else if port := strconv.Itoa(int(at.Port())); !slices.ContainsFunc(n.List(listens), func(s String) bool { return s.Value == port }) {
			c.diags.Add(diagnostic.BadValue, s.Inner(), "the node `"+n.Name.Value+"` does not listen on "+port)
		}
	}
}

func (c *testbedChecker) volume(p Pair) {
	var shared []string
	for _, s := range c.t.List(schema.SharedVolumes) {
		shared = append(shared, s.Value)
	}
	if !slices.Contains(shared, p.Key.Value) {
		d := c.diags.Add(diagnostic.BadValue, p.Key.At, "`"+p.Key.Value+"` is not among `shared_volumes`")
		if near := diagnostic.Closest(p.Key.Value, shared); near != "" {
			suggestKey(d, p.Key.Value, near)
		}
	}
	if at := strings.TrimSuffix(p.Value.Value, ":ro"); !path.IsAbs(at) {
		c.diags.Add(diagnostic.BadValue, p.Value.Inner(), "`"+at+"` must be an absolute path in the capsule")
	}
}

// known reports names that are no node's.
func (c *testbedChecker) known(r *Record, field *schema.Field) bool {
	v := r.Get(field)
	if v == nil {
		return false // reported already
	}
	s := v.Strings[0]
	if slices.Contains(c.names, s.Value) {
		return true
	}
	d := c.diags.Add(diagnostic.UnknownNode, s.Inner(), "the testbed has no node `"+s.Value+"`")
	didYouMean(d, s.Value, c.names)
	return false
}

func (c *testbedChecker) word(r *Record, field *schema.Field) {
	if v := r.Get(field); v != nil && !slices.Contains(field.Values, v.Strings[0].Value) {
		d := c.diags.Add(diagnostic.BadValue, v.Strings[0].Inner(), "`"+field.Name+"` cannot be `"+v.Strings[0].Value+"`")
		if !didYouMean(d, v.Strings[0].Value, field.Values) {
			d.Help = append(d.Help, "it is one of: "+strings.Join(field.Values, ", "))
		}
	}
}

func (c *testbedChecker) link(l *Record) {
	c.word(l, schema.LinkProto)
	from, to := c.known(l, schema.LinkFrom), c.known(l, schema.LinkTo)
	port := l.Get(schema.LinkPort)
	if !from || !to || port == nil {
		return
	}
	listens := schema.NodeListens
	if l.Text(schema.LinkProto) == "udp" {
		listens = schema.NodeListensUDP
	}
	name := l.Text(schema.LinkTo)
	number := strconv.Itoa(int(port.Number))
	for _, n := range c.t.Records(schema.Nodes) {
		if n.Name.Value == name && slices.ContainsFunc(n.List(listens), func(s String) bool { return s.Value == number }) {
			return
		}
	}
	d := c.diags.Add(diagnostic.BadValue, port.At, "the node `"+name+"` does not listen on "+number)
	d.Help = append(d.Help, "add it to `"+listens.Name+"` of the node")
}

func (c *testbedChecker) fault(f *Record) {
	c.word(f, schema.FaultProto)
	c.word(f, schema.FaultDirection)
	from, to := c.known(f, schema.FaultFrom), c.known(f, schema.FaultTo)
	if !slices.ContainsFunc(schema.FaultEffects, f.sets) {
		names := schema.Names(schema.FaultEffects)
		d := c.diags.Add(diagnostic.MissingField, f.Name.At, "the fault does nothing")
		d.Help = append(d.Help, "add one of: "+strings.Join(names, ", "))
	}
	if from && to && !slices.ContainsFunc(c.t.Records(schema.Links), func(l Record) bool { return affects(f, &l) }) {
		c.diags.Add(diagnostic.UnknownNode, f.Get(schema.FaultTo).At, "there is no such link from `"+f.Text(schema.FaultFrom)+"` to `"+f.Text(schema.FaultTo)+"`")
	}
}

// affects reports whether a fault is on a link.
func affects(fault, link *Record) bool {
	proto := link.Text(schema.LinkProto)
	if proto == "" {
		proto = "tcp"
	}
	return fault.Text(schema.FaultFrom) == link.Text(schema.LinkFrom) && fault.Text(schema.FaultTo) == link.Text(schema.LinkTo) &&
		(fault.Text(schema.FaultProto) == "" || fault.Text(schema.FaultProto) == proto) &&
		(fault.Get(schema.FaultPort) == nil || fault.Number(schema.FaultPort, 0) == link.Number(schema.LinkPort, 0))
}
