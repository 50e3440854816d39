package control

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/testbed/lab"
)

// nodeVariable is the variable in the bindings of a node by which a capsule
// that is started with them is known to be the node.
const nodeVariable = "RIGX_TESTBED_NODE"

// run is a capsule that a session started.
type run struct {
	*capsule.Capsule
	session *session
	id      int64
	node    *lab.Node

	// stopping lets one stop at a time.
	stopping sync.Mutex
	stopped  bool
}

// detach takes the links out of the capsule.
func (r *run) detach() {
	if r.node != nil {
		r.node.Detach()
	}
}

type startParams struct {
	Name          string             `json:"name"`
	Dir           string             `json:"dir"`
	ContainerName string             `json:"container_name"`
	Env           map[string]string  `json:"env"`
	Publish       map[string][]place `json:"publish"`
	PublishUDP    map[string][]place `json:"publish_udp"`
	Volumes       []capsule.Volume   `json:"volumes"`
	Network       string             `json:"network"`
	User          string             `json:"user"`
	Hosts         map[string]string  `json:"hosts"`
	ProjectRoot   string             `json:"project_root"`
}

func (p *startParams) options() (capsule.Options, error) {
	opts := capsule.Options{
		Name: p.ContainerName, Env: p.Env, Volumes: p.Volumes, Network: p.Network, User: p.User,
		ProjectRoot: p.ProjectRoot, Hosts: map[string]netip.Addr{},
	}
	var err error
	if opts.Publish, err = publishing(p.Publish); err != nil {
		return opts, err
	}
	if opts.PublishUDP, err = publishing(p.PublishUDP); err != nil {
		return opts, err
	}
	for name, at := range p.Hosts {
		if opts.Hosts[name], err = netip.ParseAddr(at); err != nil {
			return opts, invalid("hosts: the address %q of %s is no IP address", at, name)
		}
	}
	return opts, nil
}

func publishing(table map[string][]place) (map[uint16][]netip.AddrPort, error) {
	out := map[uint16][]netip.AddrPort{}
	for inside, at := range table {
		var p port
		if err := p.UnmarshalJSON([]byte(inside)); err != nil {
			return nil, err
		}
		out[uint16(p)] = endpoints(at)
	}
	return out, nil
}

func startCapsule(ctx context.Context, c *connection, req request) (any, error) {
	p, err := params[startParams](req)
	if err != nil {
		return nil, err
	}
	opts, err := p.options()
	if err != nil {
		return nil, err
	}
	s := c.session
	end, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer end()
	ctx, cancel := s.during(ctx)
	defer cancel()
	image, err := capsule.Open(p.Dir)
	if err != nil {
		return nil, err
	}
	opts.Session = s.capsules
	r := &run{session: s}
	marker := opts.Env[nodeVariable]
	delete(opts.Env, nodeVariable) // it names the session, which is not the capsule's business
	if marker != "" {
		n, node, err := s.nodeOf(marker)
		if err != nil {
			return nil, err
		}
		if r.node, err = lab.Start(ctx, n.Network, node, image, opts); err != nil {
			return nil, err
		}
		r.Capsule = r.node.Capsule
	} else if r.Capsule, err = image.Start(ctx, opts); err != nil {
		return nil, err
	}
	answer := map[string]any{"container_name": r.Name, "manifest": image.Manifest}
	if anyPort(opts.Publish) || anyPort(opts.PublishUDP) {
		state, err := r.State(ctx)
		if err != nil {
			_ = r.Stop(context.WithoutCancel(ctx))
			r.detach()
			return nil, err
		}
		answer["publish"], answer["publish_udp"] = published(state.Publish), published(state.PublishUDP)
	}
	answer["capsule"] = s.addRun(r)
	return answer, nil
}

// anyPort reports whether a port is published at one that is to be chosen.
func anyPort(ports map[uint16][]netip.AddrPort) bool {
	for _, at := range ports {
		for _, a := range at {
			if a.Port() == 0 {
				return true
			}
		}
	}
	return false
}

// nodeOf finds the node that bindings were made for.
func (s *session) nodeOf(marker string) (*Network, string, error) {
	session, rest, _ := strings.Cut(marker, ":")
	number, node, ok := strings.Cut(rest, ":")
	id, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || session != s.id {
		return nil, "", invalid("the bindings are of another program's network")
	}
	n, err := s.network(id)
	if err != nil {
		return nil, "", invalid("the bindings of `%s` are of a network that is closed", node)
	}
	return n, node, nil
}

// during is a context that ends with ctx and with the session.
func (s *session) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

func stopCapsule(ctx context.Context, r *run, _ struct{}) (any, error) {
	r.stopping.Lock()
	defer r.stopping.Unlock()
	if r.stopped {
		return nil, nil
	}
	// The links go last: what the capsule says at its end still arrives.
	if err := r.Stop(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	r.detach()
	r.stopped = true
	return nil, nil
}

// gone is the error about a capsule that was stopped already.
func (r *run) gone() error {
	r.stopping.Lock()
	defer r.stopping.Unlock()
	if r.stopped {
		return &Error{CodeFailed, fmt.Sprintf("the capsule %s has been stopped", r.Name)}
	}
	return nil
}

func waitForCapsule(ctx context.Context, r *run, p struct {
	Timeout *seconds `json:"timeout"`
}) (any, error) {
	if err := r.gone(); err != nil {
		return nil, err
	}
	ctx, cancel, err := within(ctx, p.Timeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	status, err := r.Wait(ctx)
	if ctx.Err() != nil && p.Timeout != nil {
		return nil, &Error{CodeTimeout, fmt.Sprintf("the capsule %s still runs after %g s", r.Name, float64(*p.Timeout))}
	}
	return map[string]any{"status": status}, err
}

func waitForPort(ctx context.Context, r *run, p struct {
	Port    port     `json:"port"`
	Timeout *seconds `json:"timeout"`
}) (any, error) {
	if err := r.gone(); err != nil {
		return nil, err
	}
	ctx, cancel, err := within(ctx, p.Timeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	return nil, r.WaitForPort(ctx, uint16(p.Port))
}

func execInCapsule(ctx context.Context, c *connection, req request) (any, error) {
	r, rest, err := c.capsuleOf(req)
	if err != nil {
		return nil, err
	}
	p, err := params[struct {
		Argv    []string          `json:"argv"`
		Stdin   []byte            `json:"stdin"`
		Timeout *seconds          `json:"timeout"`
		User    string            `json:"user"`
		Env     map[string]string `json:"env"`
		Workdir string            `json:"workdir"`
	}](rest)
	if err != nil {
		return nil, err
	}
	if err := r.gone(); err != nil {
		return nil, err
	}
	within, cancel, err := within(ctx, p.Timeout)
	if err != nil {
		return nil, err
	}
	defer cancel()
	call := capsule.ExecRequest{
		Args: p.Argv, User: p.User, Dir: p.Workdir, Stdin: bytes.NewReader(p.Stdin),
		Stdout: c.stream(req.ID, "stdout"), Stderr: c.stream(req.ID, "stderr"),
	}
	for name, value := range p.Env {
		call.Env = append(call.Env, name+"="+value)
	}
	status, err := r.Exec(within, call)
	if within.Err() != nil && ctx.Err() == nil {
		return nil, &Error{CodeTimeout, fmt.Sprintf("%s in the capsule %s still runs after %g s", p.Argv[0], r.Name, float64(*p.Timeout))}
	}
	return map[string]any{"status": status}, err
}

func capsuleLogs(ctx context.Context, c *connection, req request) (any, error) {
	r, _, err := c.capsuleOf(req)
	if err != nil {
		return nil, err
	}
	if err := r.gone(); err != nil {
		return nil, err
	}
	out := bufio.NewWriterSize(c.stream(req.ID, "log"), 256<<10)
	if err := r.Logs(ctx, out, false); err != nil {
		return nil, err
	}
	return nil, out.Flush()
}
