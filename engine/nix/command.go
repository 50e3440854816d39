package nix

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/term"
)

// Command is a program to run.
type Command struct {
	// Path of the program, or a name to find on PATH.
	Path string
	Args []string
	Dir  string
	// Env is added to this process's environment.
	Env            []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Quietly asks the program to end as `kill` does rather than as Ctrl-C does:
	// what a shell started in the background ignores the latter, and some
	// programs complain of it.
	Quietly bool
	// Started, if not nil, is called with the number of the process, which is also
	// that of the group of all that it starts, unless Stdin is a terminal.
	Started func(pid int)
}

// grace is how long an interrupted program may take to end by itself.
const grace = 5 * time.Second

// RunCommand runs a program and returns its exit status. When ctx ends, the
// program and all it started are interrupted, and killed if that does not help.
func RunCommand(ctx context.Context, c Command) (int, error) {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	f, ok := c.Stdin.(*os.File)
	interactive := ok && term.IsTerminal(int(f.Fd()))
	switch {
	case interactive:
		// Only the foreground of a terminal can read from it, and Ctrl-C reaches
		// all that is there: nobody needs to be interrupted again.
		cmd.Cancel = func() error { return nil }
	case c.Quietly:
		ownGroup(cmd)
		endQuietly(cmd)
	default:
		ownGroup(cmd)
	}
	cmd.WaitDelay = grace
	err := cmd.Start()
	if err == nil {
		if c.Started != nil {
			c.Started(cmd.Process.Pid)
		}
		err = cmd.Wait()
		if ctx.Err() != nil && !interactive {
			killGroup(cmd)
		}
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 1, ctx.Err()
	case errors.As(err, &exit):
		return exitStatus(exit), nil
	case err != nil:
		return 127, err
	}
	return 0, nil
}

// run starts nix with the arguments that every command gets.
func (n *Nix) run(ctx context.Context, stdout, stderr io.Writer, args ...string) error {
	all := append([]string{args[0]}, n.args...)
	cmd := exec.CommandContext(ctx, n.Path, append(all, args[1:]...)...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if n.env != nil {
		cmd.Env = append(os.Environ(), n.env...)
	}
	ownGroup(cmd)
	cmd.WaitDelay = grace
	return cmd.Run()
}
