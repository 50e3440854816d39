package capsule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// container is a capsule in docker or podman.
type container struct {
	engine engine
	// id is its ID, or while it is being started its name.
	id      string
	backend Backend
	// token tells it from others of that name while it is being started.
	token string

	mu sync.Mutex
	// seen is how it was when it was last seen running; a look at its first
	// process then does instead of asking the engine.
	seen State
}

// inspection is what docker and podman both say of a container.
type inspection struct {
	ID    string `json:"Id"`
	Name  string
	Image string
	State struct {
		Status    string
		Running   bool
		Pid       int
		ExitCode  int
		StartedAt time.Time
	}
	Config struct {
		Labels map[string]string
	}
	NetworkSettings struct {
		Ports map[string][]struct{ HostIP, HostPort string }
	}
}

// inspect looks at containers; one that is gone meanwhile is left out.
func (e engine) inspect(ctx context.Context, ids ...string) ([]inspection, error) {
	out, err := e.output(ctx, append([]string{"inspect", "--type", "container"}, ids...)...)
	var found []inspection
	if jsonErr := json.Unmarshal(out, &found); jsonErr != nil && err == nil {
		err = fmt.Errorf("%s inspect: %w", e.name, jsonErr)
	}
	if len(found) > 0 || ctx.Err() == nil && isGone(err) {
		err = nil
	}
	return found, err
}

// isGone recognizes the complaint about a container that does not exist.
func isGone(err error) bool {
	if err == nil {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no such") || strings.Contains(text, "no container with")
}

func (i inspection) state() State {
	s := State{Running: i.State.Running, Status: i.State.ExitCode, PID: i.State.Pid, Started: i.State.StartedAt}
	if s.Running {
		s.Status = 0
		if belongs(s.PID, i.ID) {
			s.Start = startTime(s.PID)
		}
	}
	for port, bindings := range i.NetworkSettings.Ports {
		number, proto, _ := strings.Cut(port, "/")
		inside, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			continue
		}
		published := &s.Publish
		if proto == "udp" {
			published = &s.PublishUDP
		}
		for _, b := range bindings {
			outside, err := strconv.ParseUint(b.HostPort, 10, 16)
			if err != nil {
				continue
			}
			addr, err := netip.ParseAddr(b.HostIP)
			if err != nil {
				addr = netip.IPv4Unspecified() // docker leaves it out
			}
			if *published == nil {
				*published = map[uint16][]netip.AddrPort{}
			}
			(*published)[uint16(inside)] = append((*published)[uint16(inside)], netip.AddrPortFrom(addr, uint16(outside)))
		}
	}
	return s
}

func (c *container) state(ctx context.Context) (State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen.Start != "" && Alive(c.seen.PID, c.seen.Start) {
		return c.seen, nil
	}
	found, err := c.engine.inspect(ctx, c.id)
	if err != nil {
		return State{}, err
	}
	if len(found) == 0 || c.token != "" && found[0].Config.Labels[labelStart] != c.token {
		return State{Status: -1}, nil
	}
	if c.token != "" {
		c.id, c.token = found[0].ID, ""
	}
	s := found[0].state()
	if s.Running {
		c.seen = s
	}
	return s, nil
}

func (c *container) stop(ctx context.Context, grace time.Duration) error {
	s, err := c.state(ctx)
	if err != nil {
		return err
	}
	if s.Running && (c.backend == Nixos || hears(s.PID, terminate)) {
		seconds := strconv.Itoa(max(1, int(grace.Seconds())))
		if _, err := c.engine.output(ctx, "stop", "-t", seconds, c.id); err != nil && !isGone(err) {
			return err
		}
	}
	if c.token != "" {
		return nil // there is none; another one may have the name
	}
	return c.engine.remove(ctx, c.id)
}

// remove kills and removes a container, if there is one.
func (e engine) remove(ctx context.Context, id string) error {
	// By itself podman's rm -f would ask first, and wait.
	_, _ = e.output(ctx, "kill", "-s", "KILL", id)
	for range 50 {
		_, err := e.output(ctx, "rm", "-f", "-v", id)
		if isGone(err) {
			return nil
		}
		// What cleans up behind a container that was killed may be at work.
		if err == nil || !strings.Contains(err.Error(), "resource busy") {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return failure(Failed, "%s cannot remove the container %s, which stays busy", e.name, id)
}

func (c *container) wait(ctx context.Context) (int, error) {
	out, err := c.engine.output(ctx, "wait", c.id)
	if err != nil {
		return -1, err
	}
	status, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return -1, fmt.Errorf("%s wait: %w", c.engine.name, err)
	}
	return status, nil
}

func (c *container) logs(ctx context.Context, w io.Writer, follow bool) error {
	args := []string{"logs"}
	if follow {
		args = append(args, "-f")
	}
	cmd := c.engine.command(ctx, append(args, c.id)...)
	cmd.Stdout, cmd.Stderr = w, w
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s logs: %w", c.engine.name, err)
	}
	return nil
}

func (c *container) exec(ctx context.Context, req ExecRequest) (int, error) {
	s, err := c.state(ctx)
	if err != nil {
		return -1, err
	}
	if !s.Running {
		return -1, failure(NotFound, "the capsule does not run any more").help("start it again")
	}
	args := []string{"exec"}
	if req.Stdin != nil {
		args = append(args, "-i")
	}
	if req.TTY {
		args = append(args, "-t")
	}
	if req.Dir != "" {
		args = append(args, "-w", req.Dir)
	}
	if req.User != "" {
		args = append(args, "-u", req.User)
	}
	for _, kv := range req.Env {
		args = append(args, "-e", kv)
	}
	cmd := c.engine.command(ctx, append(append(args, c.id), req.Args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = req.Stdin, req.Stdout, req.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return -1, ctx.Err()
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	case err != nil:
		return -1, fmt.Errorf("%s exec: %w", c.engine.name, err)
	}
	return 0, nil
}

func (c *container) listening(_ context.Context, s State, port uint16) listening {
	if _, udp := s.PublishUDP[port]; udp && s.Publish[port] == nil {
		return listeningInside(s.PID, "udp", port)
	}
	return listeningInside(s.PID, "tcp", port)
}

// place enters the network of the container, or has a sidecar do so.
func (c *container) place(ctx context.Context, s State, session *Session) (*Place, error) {
	p, err := enterNetwork(s.PID)
	if err == nil || session == nil || len(session.sidecar) == 0 {
		return p, err
	}
	h, sidecarErr := startSidecar(ctx, c.engine, c.id, session)
	if sidecarErr != nil {
		return nil, errors.Join(err, sidecarErr)
	}
	return &Place{sidecar: h, close: h.close}, nil
}
