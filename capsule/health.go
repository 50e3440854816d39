package capsule

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Health says how to tell that a capsule is well: all that is given must hold.
type Health struct {
	// Command is bash that succeeds inside.
	Command string `json:"command,omitempty"`
	// Port is a TCP port that answers.
	Port uint16 `json:"port,omitempty"`
	// Interval lies between two looks, Timeout is how long it may take; both in
	// seconds.
	Interval float64 `json:"interval"`
	Timeout  float64 `json:"timeout"`
}

// WaitHealthy waits until the health check of the capsule succeeds, for at most
// its own timeout. It ends early when the capsule does. A capsule without a
// health check is well when its published TCP ports answer.
func (c *Capsule) WaitHealthy(ctx context.Context) error {
	if c.Health == nil {
		s, err := c.machine.state(ctx)
		if err != nil {
			return err
		}
		if !s.Running {
			return c.died(ctx, s)
		}
		for _, port := range slices.Sorted(maps.Keys(s.Publish)) {
			if err := c.WaitForPort(ctx, port); err != nil {
				return err
			}
		}
		if len(s.Publish) == 0 {
			return c.settle(ctx)
		}
		return nil
	}
	if c.Health.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, seconds(c.Health.Timeout))
		defer cancel()
	}
	if c.Health.Port != 0 {
		if err := c.WaitForPort(ctx, c.Health.Port); err != nil {
			return err
		}
	}
	if c.Health.Command == "" {
		return nil
	}
	if c.bash == "" {
		return failure(Unsupported, "the health check of %s is a command, which cannot be run in it", c.Name)
	}
	return c.waitCommand(ctx)
}

// waitCommand runs the command again and again.
func (c *Capsule) waitCommand(ctx context.Context) error {
	begin := time.Now()
	var last []string // what it said; time may run out before it says it again
	for {
		var said bytes.Buffer
		result, err := c.machine.exec(ctx, ExecRequest{Args: []string{c.bash, "-c", c.Health.Command}, Stdout: &said, Stderr: &said})
		if err == nil && result == 0 {
			return nil
		}
		if lines := lastLines(said.String(), 1); len(lines) > 0 {
			last = lines
		}
		s, stateErr := c.machine.state(ctx)
		if stateErr == nil && !s.Running {
			return c.died(ctx, s)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			what := fmt.Sprintf("%s is not well: its health check `%s` still fails", c.Name, c.Health.Command)
			if len(last) > 0 {
				what += " (" + strings.TrimSpace(last[0]) + ")"
			}
			return c.late(ctx, what, time.Since(begin), unknown)
		case <-time.After(max(seconds(c.Health.Interval), 10*time.Millisecond)):
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
