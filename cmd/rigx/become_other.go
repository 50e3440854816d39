//go:build !unix

package main

import (
	"context"
	"errors"
)

// become cannot be here: Nix does not run on such systems.
func (a *app) become(context.Context, []string, []string) error {
	return errors.New("shells with a target's environment need Linux or macOS; use rigx inside WSL 2")
}
