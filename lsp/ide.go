package lsp

import (
	"bytes"
	"context"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// settle is how long files must be left alone before what other language
// servers are told is brought up to date.
const settle = 300 * time.Millisecond

// keepIDE has `rigx ide` bring up to date what it wrote before, whenever a file
// was saved in a workspace that is trusted, until ctx ends. What was not written
// before is not written now.
func (s *Server) keepIDE(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.saved:
		}
		for quiet := false; !quiet; {
			select {
			case <-ctx.Done():
				return
			case <-s.saved:
			case <-time.After(settle):
				quiet = true
			}
		}
		s.guarded("ide", func() { s.refreshIDE(ctx) })
	}
}

func (s *Server) refreshIDE(ctx context.Context) {
	set := s.current.Load().settings
	if !set.explicitlyTrusted() {
		return
	}
	program, err := s.program(set)
	if err != nil {
		return // whoever runs a command is told
	}
	s.results.mu.Lock()
	roots := slices.Sorted(maps.Keys(s.results.byRoot))
	s.results.mu.Unlock()
	for _, root := range roots {
		args := []string{"-C", root, "--color", "never", "--quiet", "ide", "--refresh"}
		if set.Nixpkgs != "" {
			args = append(args, "--nixpkgs", set.Nixpkgs)
		}
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.WaitDelay = killAfter
		interruptible(cmd)
		var out bytes.Buffer
		cmd.Stderr = &limited{&out, 4096}
		if err := cmd.Run(); err != nil && ctx.Err() == nil {
			s.logError("what clangd and others know of " + root + " is not up to date: " + strings.TrimSpace(out.String()))
		}
	}
}

// wakeIDE says that a file was saved.
func (s *Server) wakeIDE() {
	select {
	case s.saved <- struct{}{}:
	default: // it is going to look anyway
	}
}
