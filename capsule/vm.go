package capsule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// vm is a capsule in a virtual machine: a process of this machine, which
// nobody else keeps a list of. What is known of it lies in a file of its own in
// [stateDir], by its name.
type vm struct {
	// Name, Target, Project and Image are those of the capsule.
	Name    string `json:"name"`
	Target  string `json:"target"`
	Project string `json:"project"`
	Image   string `json:"image"`
	Health  *Health
	// PID and Start are of the shell that runs the runner, and leads the
	// process group of all that belongs to the machine.
	PID     int       `json:"pid"`
	Start   string    `json:"start"`
	Started time.Time `json:"started"`
	// Dir holds the console's log, the exit status, the socket of the monitor
	// and the disk.
	Dir     string                      `json:"dir"`
	Publish map[uint16][]netip.AddrPort `json:"publish,omitempty"`
	// PublishUDP is the same for UDP.
	PublishUDP map[uint16][]netip.AddrPort `json:"publish_udp,omitempty"`
}

// stateDir is where the files of virtual machines lie.
func stateDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "rigx", "capsules")
	return dir, os.MkdirAll(dir, 0o700)
}

func (v *vm) log() string     { return filepath.Join(v.Dir, "console.log") }
func (v *vm) status() string  { return filepath.Join(v.Dir, "status") }
func (v *vm) monitor() string { return filepath.Join(v.Dir, "monitor") }

// supervised runs a program ("$1") to its end with its output in a file, and
// leaves its status in another: whoever wants it may not be its parent.
const supervised = `"$1" > "$2" 2>&1 < /dev/null; echo $? > "$3.new"; mv -f "$3.new" "$3"`

func (im *Image) startVM(ctx context.Context, opts Options, c *Capsule) error {
	if len(opts.PublishUDP)+len(opts.Publish) > 0 {
		if err := portsFree(ctx, opts); err != nil {
			return err
		}
	}
	dir, err := stateDir()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, opts.Name+".json")
	if old, err := readVM(file); err == nil {
		if s, _ := old.state(ctx); s.Running {
			return failure(NameTaken, "the name %s is taken by the capsule `%s`, which runs", opts.Name, old.Target).
				help("stop it with `rigx capsule stop %s`, or choose another name with --name", opts.Name)
		}
		if err := old.stop(ctx, 0); err != nil {
			return err
		}
	}
	v := &vm{
		Name: opts.Name, Target: im.Manifest.Name, Project: opts.ProjectRoot, Image: im.Dir, Health: im.Manifest.Health,
		Started: time.Now(), Publish: opts.Publish, PublishUDP: opts.PublishUDP,
	}
	if v.Dir, err = temporary(); err != nil {
		return err
	}
	c.machine = v
	c.left(resource{Kind: directoryResource, Name: v.Dir})
	if err := v.claim(file); err != nil {
		return err
	}
	c.left(resource{Kind: directoryResource, Name: file})
	env := opts.environ(nil)
	// The monitor knows when the guest answers, and how to turn it off.
	qemuOpts := strings.TrimSpace(os.Getenv("QEMU_OPTS") + " -qmp unix:" + v.monitor() + ",server=on,wait=off")
	env = append(env, "QEMU_OPTS="+qemuOpts, "NIX_DISK_IMAGE="+filepath.Join(v.Dir, "disk.qcow2"), "TMPDIR="+v.Dir)
	cmd := exec.Command("/bin/sh", "-c", supervised, "rigx-capsule", im.runner(), v.log(), v.status())
	cmd.Env, cmd.Dir = env, opts.ProjectRoot
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	v.PID, v.Start = cmd.Process.Pid, startTime(cmd.Process.Pid)
	c.left(resource{Kind: processKind, PID: v.PID, Start: v.Start})
	go func() { _ = cmd.Wait() }() // its status is in the file
	return v.write(file)
}

// claim takes the name, unless somebody else is just doing so.
func (v *vm) claim(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return failure(NameTaken, "the name %s was taken just now", v.Name)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewEncoder(f).Encode(v)
}

// write replaces the state, in one step.
func (v *vm) write(file string) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.WriteFile(file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	return err
}

func readVM(file string) (*vm, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	v := &vm{}
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return v, nil
}

// vms are all virtual machines that this user has started and not stopped.
func vms() ([]*vm, error) {
	dir, err := stateDir()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []*vm
	for _, file := range files {
		if v, err := readVM(file); err == nil && v.Dir != "" {
			out = append(out, v)
		}
	}
	return out, nil
}

func (v *vm) alive() bool { return process{v.PID, v.Start}.alive() }

func (v *vm) state(context.Context) (State, error) {
	s := State{Started: v.Started, Publish: v.Publish, PublishUDP: v.PublishUDP}
	alive := v.alive()
	data, err := os.ReadFile(v.status())
	if status, numErr := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && numErr == nil {
		s.Status = status
		return s, nil
	}
	if s.Running = alive; alive {
		s.PID, s.Start = v.PID, v.Start
	} else {
		s.Status = -1
	}
	return s, nil
}

func (v *vm) stop(ctx context.Context, grace time.Duration) error {
	if v.alive() && grace > 0 {
		asked, cancel := context.WithTimeout(ctx, grace)
		if _, err := v.command(asked, "system_powerdown", nil); err == nil {
			_, _ = v.wait(asked)
		}
		cancel()
	}
	for _, sig := range []syscall.Signal{terminate, kill} {
		if !v.alive() {
			break
		}
		_ = signalGroup(v.PID, sig)
		after, cancel := context.WithTimeout(ctx, 3*time.Second)
		v.gone(after)
		cancel()
	}
	if v.alive() {
		return failure(Failed, "the capsule %s does not end: process %d", v.Name, v.PID)
	}
	dir, err := stateDir()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, v.Name+".json")
	if now, err := readVM(file); err == nil && now.Dir == v.Dir {
		os.Remove(file)
	}
	if v.Dir == "" {
		return nil
	}
	return os.RemoveAll(v.Dir)
}

// gone waits until the process has ended.
func (v *vm) gone(ctx context.Context) {
	for v.alive() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (v *vm) wait(ctx context.Context) (int, error) {
	for {
		s, err := v.state(ctx)
		if err != nil || !s.Running {
			return s.Status, err
		}
		select {
		case <-ctx.Done():
			return -1, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (v *vm) logs(ctx context.Context, w io.Writer, follow bool) error {
	f, err := os.Open(v.log())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was written yet, or it is gone
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		s, stateErr := v.state(ctx)
		if _, err := io.Copy(w, f); err != nil || !follow || stateErr != nil || !s.Running {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (v *vm) exec(context.Context, ExecRequest) (int, error) {
	e := failure(Unsupported, "`%s` is a virtual machine, in which commands cannot be started from outside", v.Target)
	return -1, e.help("enable SSH in it with nixos_modules, publish port 22, and use ssh through that")
}

// listening asks qemu whether a connection to a published port is one inside
// the guest too: it accepts on behalf of a guest that still boots.
func (v *vm) listening(ctx context.Context, s State, port uint16) listening {
	ends := s.Publish[port]
	if len(ends) == 0 {
		return unknown
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", local(ends[0]).String())
	if err != nil {
		return nobody
	}
	defer conn.Close()
	for range 10 {
		answer, err := v.command(ctx, "human-monitor-command", map[string]any{"command-line": "info usernet"})
		var table string
		if err != nil || json.Unmarshal(answer, &table) != nil {
			return unknown
		}
		if established(table, ends[0]) {
			return everywhere
		}
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
		if n, err := conn.Read(make([]byte, 1)); n > 0 {
			return everywhere
		} else if !errors.Is(err, os.ErrDeadlineExceeded) {
			return nobody // refused inside
		}
	}
	return nobody
}

// established finds a connection from outside in the table of qemu's network.
func established(table string, published netip.AddrPort) bool {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !slices.Contains([]string{"TCP[ESTABLISHED]", "TCP[CLOSE_WAIT]", "TCP[FIN_WAIT_1]", "TCP[FIN_WAIT_2]"}, fields[0]) {
			continue
		}
		if fields[3] == strconv.Itoa(int(published.Port())) {
			return true
		}
	}
	return false
}
