//go:build !linux

package capsule

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// startTime tells a process from a later one with the same number; "" if there
// is no such process.
func startTime(pid int) string {
	out, err := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// belongs is about processes of containers, which are never this machine's.
func belongs(int, string) bool { return false }

func hears(int, syscall.Signal) bool { return true }
