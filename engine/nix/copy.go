package nix

import (
	"bytes"
	"context"
	"fmt"
)

// Copy copies store paths with all that they need. from and to are URLs of
// stores; "" is the store of this machine. What this machine's store takes in
// must be signed by a key that Nix trusts, unless it comes over a connection
// that is trusted itself.
func (n *Nix) Copy(ctx context.Context, from, to string, trusted bool, paths ...string) error {
	if len(paths) == 0 {
		return nil
	}
	args := []string{"copy"}
	if from != "" {
		args = append(args, "--from", from)
	}
	if trusted {
		args = append(args, "--no-check-sigs")
	}
	if h, err := ParseHost(to); err == nil {
		at := *n
		at.env = h.environment()
		n, to = &at, h.store
	}
	if to != "" {
		args = append(args, "--to", to)
	}
	var errOut bytes.Buffer
	if err := n.run(ctx, &bytes.Buffer{}, &errOut, append(args, paths...)...); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s", cleanMessage(errOut.String()))
	}
	return nil
}

// Local is the same Nix with the store of this machine.
func (n *Nix) Local() *Nix {
	local := *n
	local.store = ""
	return &local
}
