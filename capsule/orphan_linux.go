package capsule

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// endOrphans ends what podman leaves behind if it is killed at the wrong moment of
// starting a container, and then told to remove it: the container's monitor, conmon,
// and below it a first process that waits to be started. Podman itself knows nothing
// of them any more.
//
// A process is taken for one of them only if it is a monitor for a container of that
// name, was started by this user and after this process, and both the container and
// its files are gone.
func (e engine) endOrphans(ctx context.Context, name string) {
	for _, m := range monitors() {
		if m.name != name || !m.younger() || !m.bundleGone() {
			continue
		}
		if found, err := e.inspect(ctx, m.container); err != nil || len(found) > 0 {
			continue
		}
		below := m.descendants()
		// This removes what the runtime has noted too.
		_ = exec.CommandContext(ctx, m.runtime, "delete", "--force", m.container).Run()
		for _, p := range append(below, m.process) {
			if p.alive() {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
			}
		}
	}
}

// conmon is a monitor of a container, and what it was told.
type conmon struct {
	process
	name, container, bundle, runtime string
}

// monitors finds those of this user.
func monitors() []conmon {
	var found []conmon
	for _, pid := range processes() {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		m := conmon{process: process{pid, startTime(pid)}}
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || m.start == "" {
			continue
		}
		if info, err := os.Stat(dir); err != nil || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Getuid()) {
			continue
		}
		args := strings.Split(string(line), "\x00")
		if filepath.Base(args[0]) != "conmon" {
			continue
		}
		if i := slices.Index(args, "--exit-command"); i > 0 {
			args = args[:i] // the rest is for another program
		}
		for i, arg := range args[:len(args)-1] {
			switch value := args[i+1]; arg {
			case "-n":
				m.name = value
			case "-c":
				m.container = value
			case "-b":
				m.bundle = value
			case "-r":
				m.runtime = value
			}
		}
		if m.container != "" && m.bundle != "" && m.runtime != "" {
			found = append(found, m)
		}
	}
	return found
}

// processes are the numbers of all.
func processes() []int {
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// younger is true if the process was started after this one.
func (p process) younger() bool {
	began := func(pid int) uint64 {
		fields := statOf(pid)
		if len(fields) < 20 {
			return 0
		}
		ticks, _ := strconv.ParseUint(fields[19], 10, 64)
		return ticks
	}
	return began(p.pid) >= began(os.Getpid())
}

// bundleGone is true if the files of the container do not exist, as the monitor
// sees them.
func (m conmon) bundleGone() bool {
	_, err := os.Stat(filepath.Join("/proc", strconv.Itoa(m.pid), "root", m.bundle))
	return errors.Is(err, fs.ErrNotExist) && m.alive()
}

// descendants are the processes that a process has started, and those they have.
func (p process) descendants() []process {
	var all []process
	parents := []int{p.pid}
	for more := true; more; {
		more = false
		for _, pid := range processes() {
			fields := statOf(pid)
			if len(fields) < 2 || slices.Contains(parents, pid) {
				continue
			}
			if parent, err := strconv.Atoi(fields[1]); err == nil && slices.Contains(parents, parent) {
				parents, more = append(parents, pid), true
				all = append(all, process{pid, startTime(pid)})
			}
		}
	}
	return all
}
