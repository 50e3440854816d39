package capsule

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"
	"time"
)

// Capsule is one that was started, by whomever.
type Capsule struct {
	// Name of the container or machine.
	Name string
	// Target is what was built, Backend what it runs in.
	Target  string
	Backend Backend
	// Project is the root directory of the project, Dir the image's.
	Project, Dir string
	// Health is how to tell that it is well; nil if it does not say.
	Health *Health

	machine machine
	bash    string
	gate    *gate
	session *Session
	// guarded are what the session's guard was told of.
	guarded []resource

	mu    sync.Mutex
	place *Place
}

// StopGrace is how long a capsule may take to end by itself when it is
// stopped.
const StopGrace = 10 * time.Second

// State asks how the capsule is.
func (c *Capsule) State(ctx context.Context) (State, error) { return c.machine.state(ctx) }

// Addresses are where a port of the capsule can be reached on this machine.
func (c *Capsule) Addresses(ctx context.Context, port uint16) ([]netip.AddrPort, error) {
	s, err := c.machine.state(ctx)
	if err != nil {
		return nil, err
	}
	return s.Publish[port], nil
}

// Release lets a capsule that was started with [Options.Gate] begin. It does
// nothing otherwise, or when called again.
func (c *Capsule) Release() error {
	if c.gate == nil {
		return nil
	}
	return c.gate.open()
}

// Stop ends the capsule, gracefully within [StopGrace] or until ctx ends, then
// by force, and removes all that is left of it. One that has ended is removed;
// one that is gone is no error.
func (c *Capsule) Stop(ctx context.Context) error {
	grace := StopGrace
	if end, ok := ctx.Deadline(); ok {
		grace = min(grace, max(0, time.Until(end)-time.Second))
	}
	c.mu.Lock()
	if c.place != nil && c.place.sidecar != nil {
		c.place.sidecar.close()
	}
	c.mu.Unlock()
	err := c.machine.stop(ctx, grace)
	if ctx.Err() != nil {
		// Not without having tried the last means.
		force, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		err = c.machine.stop(force, 0)
	}
	if err == nil {
		c.release()
		c.session.drop(c)
	}
	return err
}

// left has the session's guard remove something that this program would leave
// if it were killed.
func (c *Capsule) left(r resource) {
	c.session.note(r)
	c.guarded = append(c.guarded, r)
}

// release gives back what this program holds for the capsule, which is gone.
func (c *Capsule) release() {
	for _, r := range c.guarded {
		c.session.forget(r)
	}
	if c.gate != nil {
		c.gate.close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.place != nil {
		c.place.close()
	}
}

// Wait waits until the capsule ends by itself, or is stopped, and returns its
// exit status; -1 if that is lost, as nobody who started it is left.
func (c *Capsule) Wait(ctx context.Context) (int, error) { return c.machine.wait(ctx) }

// Logs writes what the capsule has printed, both its outputs in order. With
// follow it goes on until the capsule or ctx ends.
func (c *Capsule) Logs(ctx context.Context, w io.Writer, follow bool) error {
	return c.machine.logs(ctx, w, follow)
}

// Exec runs a command inside the capsule and returns its exit status. An error
// means that it did not run. If ctx ends, the command is let go of, but docker
// and podman do not end it.
func (c *Capsule) Exec(ctx context.Context, req ExecRequest) (int, error) {
	if len(req.Args) == 0 {
		return -1, errors.New("no command to run in the capsule")
	}
	return c.machine.exec(ctx, req)
}

// Place is the capsule's own network, to listen in and to dial from. It can be
// had of a container whose network namespace this program may enter (as the
// superuser), and of a virtual machine: see [Place]. It is valid until Stop.
func (c *Capsule) Place() (*Place, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.place != nil {
		return c.place, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	s, err := c.machine.state(ctx)
	if err != nil {
		return nil, err
	}
	if !s.Running {
		return nil, failure(NotFound, "the capsule %s does not run, so it has no network", c.Name)
	}
	c.place, err = c.machine.place(ctx, s, c.session)
	return c.place, err
}
