package capsule

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// startTime tells a process from a later one with the same number: when it
// began, after which boot. It is "" if there is no such process.
func startTime(pid int) string {
	fields := statOf(pid)
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return fields[19] + "@" + strings.TrimSpace(string(boot))
}

// statOf is what the kernel says of a process, from its state and its parent on.
func statOf(pid int) []string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	// The name in parentheses may hold anything.
	return strings.Fields(string(data)[strings.LastIndex(string(data), ")")+1:])
}

// belongs reports whether a process is in the container of that ID: what docker
// and podman say of one may be of another machine, on which they run. Its control
// group is named after it, or if the user may not make any, the monitor that is
// its parent is told the ID.
func belongs(pid int, id string) bool {
	if id == "" {
		return false
	}
	groups, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil || strings.Contains(string(groups), id) {
		return err == nil
	}
	fields := statOf(pid)
	if len(fields) < 2 {
		return false
	}
	parent, err := os.ReadFile("/proc/" + fields[1] + "/cmdline")
	return err == nil && strings.Contains(string(parent), id)
}

// hears reports whether a signal would do something to the first process of a
// container: the kernel keeps from it those that it neither catches nor waits
// for.
func hears(pid int, sig syscall.Signal) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(data)) {
		name, mask, _ := strings.Cut(line, ":")
		if name != "SigCgt" && name != "SigBlk" {
			continue
		}
		bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		if err != nil || bits&(1<<(sig-1)) != 0 {
			return true
		}
	}
	return false
}
