//go:build !linux

package capsule

import (
	"context"
	"errors"
)

// ServePlace is for Linux.
func ServePlace(string) error { return errors.ErrUnsupported }

func startSidecar(context.Context, engine, string, *Session) (opener, error) {
	return nil, errors.ErrUnsupported
}
