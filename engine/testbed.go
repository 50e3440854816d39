package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/testbed"
	"github.com/rigx-build/rigx/testbed/control"
	"github.com/rigx-build/rigx/testbed/lab"
)

// A topology is what a testbed target declares, in the terms of package
// testbed.
type topology struct {
	options testbed.Options
	volumes []string
	nodes   []topologyNode
	links   []testbed.Link
	// standing faults are there before the nodes are; the clock of the others
	// starts when all nodes are up.
	standing []testbed.Event
	faults   []testbed.Event
}

type topologyNode struct {
	testbed.Node
	decl *manifest.Record
	// mounts are the shared volumes by name; they exist once the network does.
	mounts []topologyMount
	// waitFor are the TCP ports that must accept connections, within the
	// timeout.
	waitFor []uint16
	timeout time.Duration
}

type topologyMount struct {
	volume, path string
	readOnly     bool
}

// declared translates a testbed target. The manifest has been checked, so what
// cannot be read here has an error there.
func declared(t *manifest.Target) topology {
	var top topology
	if s := t.Text(schema.Subnet); s != "" {
		top.options.Subnet, _ = netip.ParsePrefix(s)
	}
	top.options.Seed = uint64(t.Number(schema.Seed, 0))
	top.volumes = values(t.List(schema.SharedVolumes))
	nodes := t.Records(schema.Nodes)
	host := false
	for i := range nodes {
		host = host || nodes[i].Name.Value == schema.HostNode
		top.nodes = append(top.nodes, nodeOf(&nodes[i]))
	}
	if !host {
		top.nodes = append(top.nodes, topologyNode{Node: testbed.Node{Name: schema.HostNode}, decl: &manifest.Record{}})
	}
	links := t.Records(schema.Links)
	for i := range links {
		l := &links[i]
		top.links = append(top.links, testbed.Link{
			From: l.Text(schema.LinkFrom), To: l.Text(schema.LinkTo),
			Port: uint16(l.Number(schema.LinkPort, 0)), Proto: proto(l.Text(schema.LinkProto), testbed.TCP),
		})
	}
	faults := t.Records(schema.Faults)
	for i := range faults {
		if f := faultOf(&faults[i]); f.At == 0 && f.For == 0 && faults[i].Get(schema.FaultAt) == nil {
			top.standing = append(top.standing, f)
		} else {
			top.faults = append(top.faults, f)
		}
	}
	return top
}

func nodeOf(r *manifest.Record) topologyNode {
	n := topologyNode{decl: r, Node: testbed.Node{
		Name: r.Name.Value,
		TCP:  ports(r.List(schema.NodeListens)), UDP: ports(r.List(schema.NodeListensUDP)),
		Expose: endpoints(r.List(schema.NodeExpose)), ExposeUDP: endpoints(r.List(schema.NodeExposeUDP)),
	}}
	if s := r.Text(schema.NodeAddress); s != "" {
		n.Address, _ = netip.ParseAddr(s)
	}
	for _, p := range r.Pairs(schema.NodeVolumes) {
		path, readOnly := strings.CutSuffix(p.Value.Value, ":ro")
		n.mounts = append(n.mounts, topologyMount{p.Key.Value, path, readOnly})
	}
	n.waitFor = n.TCP
	if v := r.Get(schema.NodeWaitFor); v != nil {
		n.waitFor = ports(v.Strings)
	}
	n.timeout = seconds(r.Number(schema.NodeTimeout, 60))
	return n
}

func faultOf(r *manifest.Record) testbed.Event {
	ms := func(f *schema.Field) time.Duration { return seconds(r.Number(f, 0) / 1000) }
	rate := func(f *schema.Field) float64 { return r.Number(f, 0) }
	direction, _ := testbed.ParseDirection(r.Text(schema.FaultDirection))
	return testbed.Event{
		At:  seconds(r.Number(schema.FaultAt, 0)),
		For: seconds(r.Number(schema.FaultFor, 0)),
		Selector: testbed.Selector{
			From: r.Text(schema.FaultFrom), To: r.Text(schema.FaultTo),
			Proto: proto(r.Text(schema.FaultProto), 0), Port: uint16(r.Number(schema.FaultPort, 0)),
		},
		Rule: testbed.Rule{
			Direction: direction,
			Partition: r.Bool(schema.FaultPartition, false),
			Drop:      rate(schema.FaultDrop),
			Burst: testbed.Burst{
				Enter: rate(schema.FaultBurstEnter), Leave: rate(schema.FaultBurstLeave),
				Loss: rate(schema.FaultBurstLoss), GoodLoss: rate(schema.FaultGoodLoss),
			},
			Corrupt: rate(schema.FaultCorrupt), Duplicate: rate(schema.FaultDuplicate), Reorder: rate(schema.FaultReorder),
			Delay: ms(schema.FaultDelay), Jitter: ms(schema.FaultJitter),
			Bandwidth: int64(r.Number(schema.FaultBandwidth, 0)),
			Reset:     rate(schema.FaultReset), SlowClose: ms(schema.FaultSlowClose),
			Slice: int(r.Number(schema.FaultSlice, 0)), SliceDelay: ms(schema.FaultSliceDelay),
			LimitBytes: int64(r.Number(schema.FaultLimitBytes, 0)), LimitTime: ms(schema.FaultLimitTime),
		},
	}
}

func proto(s string, otherwise testbed.Proto) testbed.Proto {
	if p, err := testbed.ParseProto(s); err == nil {
		return p
	}
	return otherwise
}

func ports(list []manifest.String) []uint16 {
	var out []uint16
	for _, s := range list {
		if n, err := strconv.ParseUint(s.Value, 10, 16); err == nil {
			out = append(out, uint16(n))
		}
	}
	return out
}

func endpoints(list []manifest.String) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range list {
		if at, err := netip.ParseAddrPort(s.Value); err == nil {
			out = append(out, at)
		}
	}
	return out
}

// seconds converts, bounded to what a duration can hold.
func seconds(s float64) time.Duration {
	const century = 100 * 365 * 24 * 3600
	return time.Duration(min(s, century) * float64(time.Second))
}

// open makes the network of a topology, without its scheduled faults.
// The server shows it to `rigx testbed` and records it.
func (top *topology) open(server *control.Server) (_ *control.Network, err error) {
	n, err := server.Open(top.options)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	volumes := map[string]*testbed.Volume{}
	for _, name := range top.volumes {
		if volumes[name], err = n.SharedVolume(name); err != nil {
			return nil, err
		}
	}
	for _, node := range top.nodes {
		for _, m := range node.mounts {
			node.Volumes = append(node.Volumes, testbed.Mount{Volume: volumes[m.volume], Path: m.path, ReadOnly: m.readOnly})
		}
		if err := n.Declare(node.Node); err != nil {
			return nil, err
		}
	}
	for _, link := range top.links {
		if _, err := n.Link(link); err != nil {
			return nil, err
		}
	}
	for _, f := range top.standing {
		if _, err := n.Fault(f.Selector, f.Rule); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// A standing testbed is up: its nodes run and its faults come and go.
type standing struct {
	session *session
	target  *manifest.Target
	built   outputs
	top     topology
	net     *control.Network
	notes   io.Writer
	// programs are the directories of those that the commands of nodes find.
	programs []string
	// stop ends the nodes, the last one first.
	stop []func() error
}

// standUp starts the nodes of a testbed one after the other, waits until each
// accepts connections, and then starts the clock of the faults.
func (s *session) standUp(ctx context.Context, t *manifest.Target, built outputs, std scriptIO) (_ *standing, err error) {
	b := &standing{session: s, target: t, built: built, top: declared(t), notes: &lockedWriter{w: std.Err}}
	if std.control == nil {
		return nil, b.failed("the testbed", errors.New("there is no server to control it, as noted above"))
	}
	if b.net, err = b.top.open(std.control); err != nil {
		return nil, b.failed("the testbed", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if slices.ContainsFunc(b.top.nodes, func(n topologyNode) bool { return n.decl.Get(schema.NodeCommand) != nil }) {
		if b.programs, err = s.programs(ctx, values(t.List(schema.DepsNixpkgs))); err != nil {
			return nil, b.failed("the testbed", err)
		}
	}
	for i := range b.top.nodes {
		if err := b.start(ctx, &b.top.nodes[i]); err != nil {
			return nil, b.failed("the node `"+b.top.nodes[i].Name+"`", err)
		}
	}
	if _, err := b.net.Schedule(b.top.faults...); err != nil {
		return nil, b.failed("the faults", err)
	}
	fmt.Fprintf(b.notes, "[rigx] the testbed `%s` is up, seed %d\n", t.Name, b.net.Seed())
	return b, nil
}

func (b *standing) failed(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{Code: diagnostic.TestbedFailed, Message: what + " of `" + b.target.Name + "` cannot be started", Err: err}
}

// Close ends the nodes and removes the network.
func (b *standing) Close() error {
	var errs []error
	for _, stop := range slices.Backward(b.stop) {
		errs = append(errs, stop())
	}
	b.stop = nil
	return errors.Join(append(errs, b.net.Close())...)
}

// wait shows where everything is, and returns when ctx ends.
func (b *standing) wait(ctx context.Context) error {
	for _, variable := range b.env() {
		fmt.Fprintln(b.notes, "  "+variable)
	}
	fmt.Fprintln(b.notes, "[rigx] Ctrl-C ends it")
	<-ctx.Done()
	return ctx.Err()
}

// env is what the script sees: the links of the node `host`, and for ports
// without such a link where they are served, past all faults.
func (b *standing) env() []string {
	var out []string
	seen := map[string]bool{}
	add := func(name, value string) {
		if !seen[name] {
			seen[name] = true
			out = append(out, name+"="+value)
		}
	}
	for _, v := range b.variables(schema.HostNode) {
		name, value, _ := strings.Cut(v, "=")
		add(name, value)
	}
	for _, node := range b.top.nodes {
		bindings, err := b.net.Bindings(node.Name)
		if err != nil || node.Name == schema.HostNode {
			continue
		}
		for _, proto := range []testbed.Proto{testbed.TCP, testbed.UDP} {
			ports, published := node.TCP, bindings.Publish
			if proto == testbed.UDP {
				ports, published = node.UDP, bindings.PublishUDP
			}
			for _, port := range ports {
				link := testbed.Link{To: node.Name, Port: port, Proto: proto}
				for _, name := range link.Variables() {
					add(name, published[port][0].String())
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// variables are what a program on this machine sees of the testbed as a node:
// its links, where it is to listen, and the shared directories.
func (b *standing) variables(node string) []string {
	bindings, err := b.net.Bindings(node)
	if err != nil {
		return nil // the network is closed, and so is the program
	}
	var out []string
	for name, value := range bindings.Env {
		out = append(out, name+"="+value)
	}
	for port, at := range bindings.Publish {
		out = append(out, fmt.Sprintf("LISTEN_%d_ADDR=%v", port, at[0]))
	}
	for port, at := range bindings.PublishUDP {
		out = append(out, fmt.Sprintf("LISTEN_%d_UDP_ADDR=%v", port, at[0]))
	}
	for _, name := range b.top.volumes {
		if v, err := b.net.SharedVolume(name); err == nil {
			out = append(out, "VOLUME_"+testbed.VariableName(name)+"="+v.Path())
		}
	}
	slices.Sort(out)
	return out
}

func (b *standing) start(ctx context.Context, node *topologyNode) error {
	switch {
	case node.decl.Get(schema.NodeCommand) != nil:
		return b.command(ctx, node)
	case node.decl.Get(schema.NodeCapsule) != nil:
		return b.capsule(ctx, node)
	}
	return nil
}

// command runs a node as a program of this machine.
func (b *standing) command(ctx context.Context, node *topologyNode) error {
	s, t := b.session, b.target
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	kept := &tail{}
	out := &labelled{label: "[" + node.Name + "] ", w: io.MultiWriter(kept, b.notes)}
	ended := make(chan struct{})
	var status int
	var err error
	// Without a guard it outlives a kill -9 of this process, no more.
	guarded := b.net.Capsules().StartGuard() == nil
	go func() {
		defer close(ended)
		env := append(s.w.scriptEnv(t), b.variables(node.Name)...)
		for _, p := range node.decl.Pairs(schema.NodeEnv) {
			env = append(env, p.Key.Value+"="+s.hostText(t, p.Value.Value, b.built))
		}
		cmd := s.bashCommand(t, node.decl.Text(schema.NodeCommand), env, b.built, scriptIO{Out: out, Err: out})
		cmd.Quietly = true
		unguard := func() {}
		cmd.Started = func(pid int) {
			if guarded {
				if done, err := b.net.Capsules().GuardProcess(pid); err == nil {
					unguard = done
				}
			}
		}
		status, err = nix.RunCommand(running, cmd.WithPrograms(b.programs))
		unguard()
		out.flush()
		if running.Err() == nil {
			fmt.Fprintf(b.notes, "[rigx] the node `%s` ended with status %d\n", node.Name, status)
		}
	}()
	b.stop = append(b.stop, func() error {
		cancel()
		<-ended
		return nil
	})
	bindings, bindErr := b.net.Bindings(node.Name)
	if bindErr != nil {
		return bindErr
	}
	ctx, done := context.WithTimeout(ctx, node.timeout)
	defer done()
	for _, port := range node.waitFor {
		if !accepts(ctx, bindings.Publish[port][0], ended) {
			select {
			case <-ended:
				return errors.Join(fmt.Errorf("it ended with status %d before it listened on %d", status, port), err)
			default:
				return fmt.Errorf("nothing listens on %d (LISTEN_%d_ADDR=%v) after %v: %w", port, port, bindings.Publish[port][0], node.timeout, ctx.Err())
			}
		}
	}
	return nil
}

// capsule runs a node as a capsule.
func (b *standing) capsule(ctx context.Context, node *topologyNode) error {
	ref, _ := b.session.w.Manifest.ResolveTarget(b.target, node.decl.Text(schema.NodeCapsule))
	attr := ref.Unit.Attr()
	if ref.Kind == manifest.ToLocal {
		attr = ref.Local.Name.Value + "." + ref.Attr
	}
	image, err := capsule.Open(b.built[attr])
	if err != nil {
		return err
	}
	bindings, err := b.net.Bindings(node.Name)
	if err != nil {
		return err
	}
	env := map[string]string{}
	for _, p := range node.decl.Pairs(schema.NodeEnv) {
		env[p.Key.Value] = b.session.hostText(b.target, p.Value.Value, b.built)
	}
	started, err := lab.Start(ctx, b.net.Network, node.Name, image, lab.Bind(bindings, capsule.Options{
		Env: env, ProjectRoot: b.session.w.Dir(), Session: b.net.Capsules(),
	}))
	if err != nil {
		return err
	}
	b.stop = append(b.stop, func() error {
		defer started.Detach()
		return started.Stop(context.WithoutCancel(ctx))
	})
	ctx, done := context.WithTimeout(ctx, node.timeout)
	defer done()
	for _, port := range node.waitFor {
		if err := started.WaitForPort(ctx, port); err != nil {
			return err
		}
	}
	return nil
}

// accepts waits until connections to an address are accepted. It gives up when
// ctx ends or the program has.
func accepts(ctx context.Context, at netip.AddrPort, ended <-chan struct{}) bool {
	for {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", at.String())
		if err == nil {
			return conn.Close() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// labelled puts the name of its writer before each line.
type labelled struct {
	mu    sync.Mutex
	label string
	w     io.Writer
	line  []byte // not yet ended
}

// longestLine is passed on though it has not ended, in bytes.
const longestLine = 64 << 10

func (l *labelled) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = append(l.line, p...)
	for {
		i := bytes.IndexByte(l.line, '\n')
		if i < 0 && len(l.line) < longestLine {
			return len(p), nil
		}
		if i < 0 {
			i = len(l.line) - 1
		}
		if _, err := fmt.Fprintf(l.w, "%s%s", l.label, l.line[:i+1]); err != nil {
			return 0, err
		}
		l.line = l.line[i+1:]
	}
}

// flush passes on a last line without an end.
func (l *labelled) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.line) > 0 {
		fmt.Fprintf(l.w, "%s%s\n", l.label, l.line)
		l.line = nil
	}
}

// lockedWriter lets several programs write to one place.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
