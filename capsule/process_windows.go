package capsule

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

const (
	terminate = syscall.SIGTERM
	kill      = syscall.SIGKILL
)

func ownGroup(*exec.Cmd) {}

// signalGroup ends a process, whatever the signal.
func signalGroup(pid int, sig syscall.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil || sig == 0 {
		return errors.Join(err, errors.ErrUnsupported)
	}
	return p.Kill()
}

func interrupt(p *os.Process) error { return p.Kill() }
