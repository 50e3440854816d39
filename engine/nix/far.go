package nix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// farStore reports whether the store is on another machine. What is built there
// is evaluated here and then sent, so that only what is missing there travels;
// evaluating for such a store would send every source each time.
func (n *Nix) farStore() bool {
	return strings.HasPrefix(n.store, "ssh-ng://") || strings.HasPrefix(n.store, "ssh://")
}

// LinkBroken says that the connection to another machine was lost, and that a
// new one is tried after a while.
type LinkBroken struct {
	Store  string
	Reason string
	Wait   time.Duration
}

// UnreachableError says that the store on another machine does not answer.
type UnreachableError struct{ Store, Reason string }

func (e *UnreachableError) Error() string {
	return Redacted(e.Store) + " cannot be reached: " + e.Reason
}

// linkReason is what ssh said of a link that could not be made, or else Nix.
func linkReason(said string) string {
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "ssh: ") || strings.Contains(line, "Permission denied") || strings.Contains(line, "Host key verification failed") {
			return Redacted(strings.TrimSpace(line))
		}
	}
	return cleanMessage(said)
}

// patience are the waits between attempts to reach a store to which the link
// broke.
var patience = []time.Duration{time.Second, 3 * time.Second, 9 * time.Second}

// brokenLink finds what nix and ssh say when a connection is lost, rather than
// refused by the other side.
var brokenLink = lazily(`(?i)unexpected end-of-file|daemon disconnected unexpectedly|broken pipe|connection (reset|closed|timed out|refused)|timeout, server .* not responding|failed to start ssh connection|lost connection|cannot connect to`)

// persist runs a command of Nix, and again if the link to a store on another
// machine broke. It returns what Nix said last.
func (n *Nix) persist(ctx context.Context, onEvent func(Event), command func() (said string, err error)) (string, error) {
	for attempt := 0; ; attempt++ {
		said, err := command()
		if err == nil || ctx.Err() != nil || !n.farStore() || attempt == len(patience) || !brokenLink().MatchString(said) {
			return said, err
		}
		if onEvent != nil {
			onEvent(LinkBroken{Redacted(n.store), linkReason(said), patience[attempt]})
		}
		select {
		case <-ctx.Done():
			return said, ctx.Err()
		case <-time.After(patience[attempt]):
		}
	}
}

// send copies derivations, with all that they are made from, to the store; what
// has arrived in an earlier attempt is not sent again. The error says what Nix
// said.
func (n *Nix) send(ctx context.Context, drvPaths []string, onEvent func(Event)) error {
	said, err := n.persist(ctx, onEvent, func() (string, error) {
		var errOut bytes.Buffer
		err := n.run(ctx, nil, &errOut, append([]string{"copy", "--derivation", "--to", n.store}, drvPaths...)...)
		if err == nil {
			err = n.arrived(ctx, drvPaths)
			var unreachable *UnreachableError
			if errors.As(err, &unreachable) {
				return "lost connection: " + unreachable.Reason, err
			} else if err != nil {
				return err.Error(), err
			}
		}
		return errOut.String(), err
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("sending it to %s: %s", Redacted(n.store), linkReason(said))
	}
	return ctx.Err()
}
