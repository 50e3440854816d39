package capsule

import (
	"context"
	"io"
	"net/netip"
	"time"
)

// machine is what a capsule runs in: a container, or a virtual machine.
type machine interface {
	// state asks how it is.
	state(ctx context.Context) (State, error)
	// stop ends it and removes every trace: gracefully, after that time by
	// force.
	stop(ctx context.Context, grace time.Duration) error
	// wait returns the exit status once it ended.
	wait(ctx context.Context) (int, error)
	logs(ctx context.Context, w io.Writer, follow bool) error
	exec(ctx context.Context, req ExecRequest) (int, error)
	// listening looks whether somebody inside listens on a port; s is how the
	// machine is.
	listening(ctx context.Context, s State, port uint16) listening
	// place is its own network; s is how the machine is.
	place(ctx context.Context, s State, session *Session) (*Place, error)
}

// listening is what is known of a port inside a machine.
type listening uint8

const (
	unknown listening = iota
	nobody
	onLoopback // only, so that a published port does not lead there
	everywhere
)

// State of a capsule.
type State struct {
	Running bool
	// Status is the exit status of what has ended, -1 if it is not known.
	Status int
	// PID is the first process of the capsule, as this machine sees it; 0 if
	// none runs.
	PID int
	// Start tells that process from a later one with its number, see [Alive]; ""
	// if it is another machine's.
	Start   string
	Started time.Time
	// Publish and PublishUDP say where its ports can be reached.
	Publish, PublishUDP map[uint16][]netip.AddrPort
}

// ExecRequest is a command to run inside a capsule.
type ExecRequest struct {
	Args []string
	// Env is added to the capsule's own, K=V.
	Env []string
	// Dir and User override the capsule's own.
	Dir, User      string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// TTY gives the command a terminal; Stdin must be one.
	TTY bool
}
