//go:build unix

package lsp

import (
	"os/exec"
	"syscall"
)

// interruptible makes the end of the context an interrupt of the whole process
// group, as Ctrl-C in a terminal would be.
func interruptible(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
}
