//go:build unix

package capsule

import (
	"os"
	"os/exec"
	"syscall"
)

const (
	terminate = syscall.SIGTERM
	kill      = syscall.SIGKILL
)

// ownGroup lets a command lead a session of its own: neither ctrl-C nor the
// end of the terminal reaches it, and it can be signalled with its children.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func signalGroup(pid int, sig syscall.Signal) error { return syscall.Kill(-pid, sig) }

func interrupt(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
