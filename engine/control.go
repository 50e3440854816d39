package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/testbed/control"
	"github.com/rigx-build/rigx/testbed/python"
)

// TestbedOptions are about the testbeds that scripts stand up.
type TestbedOptions struct {
	// Page serves a page that shows them. Its address is among the notes.
	Page bool
	// Seed decides what is random, where a testbed does not say; 0 means a new one.
	Seed uint64
	// Record is a directory for what passes; empty means that nothing is recorded.
	// Each test has one of its name in it.
	Record string
}

// controlled runs a host script with a control server for it alone: through it
// the script starts capsules and connects them. What the script started is gone
// when controlled returns, however the script ended.
func (s *session) controlled(ctx context.Context, t *manifest.Target, std scriptIO) (status int, err error) {
	server, env, err := s.w.serve(t)
	std.env = env
	if err != nil {
		// Most scripts need none, and to those that do the Python package says
		// what is missing.
		fmt.Fprintf(s.w.opts.Notes, "note: %s cannot use rigx.capsule and rigx.testbed: %v\n", t.Name, err)
		return s.script(ctx, t, std)
	}
	defer func() {
		if closeErr := server.Close(); err == nil && closeErr != nil {
			status, err = 1, fmt.Errorf("taking down what %s started: %w", t.Name, closeErr)
		}
	}()
	std.control = server
	return s.script(ctx, t, std)
}

// serve starts a control server, and returns the variables by which a script
// finds it: RIGX_CONTROL, RIGX_EXE and PYTHONPATH.
func (w *Workspace) serve(t *manifest.Target) (*control.Server, []string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	dir, err := python.Unpack(w.opts.CacheDir)
	if err != nil {
		return nil, nil, err
	}
	env := []string{"RIGX_EXE=" + self, "PYTHONPATH=" + python.Path(dir, os.Getenv("PYTHONPATH"))}
	bed := w.opts.Testbeds
	if bed.Record != "" {
		if bed.Record, err = filepath.Abs(bed.Record); err != nil {
			return nil, env, err
		}
		if t.Kind == schema.Test { // there may be others
			bed.Record = filepath.Join(bed.Record, filepath.Join("/", t.Name))
		}
	}
	server, err := control.Start(control.Options{
		Project: w.Dir(), Target: t.Name, Seed: bed.Seed, Record: bed.Record,
		Guard: []string{self, "testbed", "guard"}, Entry: []string{self, "testbed", "place"}, Notes: w.opts.Notes,
	})
	if err != nil {
		return nil, env, err
	}
	if bed.Page {
		url, err := server.ServePage()
		if err != nil {
			return nil, env, errors.Join(err, server.Close())
		}
		fmt.Fprintf(w.opts.Notes, "[rigx] the page of `%s` is at %s\n", t.Name, url)
	}
	return server, append(env, "RIGX_CONTROL="+server.Path()), nil
}
