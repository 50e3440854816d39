package capsule

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Start starts a capsule. It returns once it runs; whether its ports answer is
// for [Capsule.WaitForPort] to say. A capsule that fails at once is an [Error]
// with its last lines. If ctx ends before it runs, nothing is left of it.
func (im *Image) Start(ctx context.Context, opts Options) (*Capsule, error) {
	opts, err := opts.complete(&im.Manifest)
	if err != nil {
		return nil, err
	}
	if err := opts.Session.open(); err != nil {
		return nil, err
	}
	c := &Capsule{
		Name: opts.Name, Target: im.Manifest.Name, Backend: im.Manifest.Backend, Project: opts.ProjectRoot, Dir: im.Dir,
		Health: im.Manifest.Health, bash: im.Manifest.Bash, session: opts.Session,
	}
	if im.Manifest.Backend.inContainer() {
		err = im.startContainer(ctx, opts, c)
	} else {
		err = im.startVM(ctx, opts, c)
	}
	if err == nil && c.gate == nil && !opts.Awaited {
		err = c.settle(ctx)
	}
	if err == nil && !opts.Session.own(c) {
		err = errSessionClosed
	}
	if err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

// Labels of containers.
const (
	labelTarget  = "rigx.capsule"
	labelProject = "rigx.project"
	labelBackend = "rigx.backend"
	labelDir     = "rigx.dir"
	labelSession = "rigx.session"
	labelStart   = "rigx.start"
)

// labels say whose a container is.
func (im *Image) labels(opts Options) map[string]string {
	l := map[string]string{
		labelTarget: im.Manifest.Name, labelProject: opts.ProjectRoot, labelBackend: string(im.Manifest.Backend), labelDir: im.Dir,
	}
	if opts.Session != nil {
		l[labelSession] = opts.Session.id
	}
	return l
}

func (im *Image) startContainer(ctx context.Context, opts Options, c *Capsule) error {
	e, err := findEngine(ctx)
	if err != nil {
		return err
	}
	if err := portsFree(ctx, opts); err != nil {
		// Most likely it is started for the second time.
		if _, taken := e.makeRoom(ctx, opts.Name); taken != nil {
			return taken
		}
		return err
	}
	labels := im.labels(opts)
	var random [8]byte
	_, _ = rand.Read(random[:])
	labels[labelStart] = hex.EncodeToString(random[:])
	env := append(opts.environ(labels), "RIGX_DETACH=1", "RIGX_KEEP=1", "RIGX_ENGINE="+e.path)
	if opts.Gate && im.Manifest.Backend != Nixos {
		if c.gate, err = newGate(); err != nil {
			return err
		}
		c.left(resource{Kind: directoryResource, Name: c.gate.dir})
		env = append(env, "RIGX_GATE="+c.gate.path)
	}
	// From here on there may be a container of that name.
	c.machine = &container{engine: e, id: opts.Name, backend: im.Manifest.Backend, token: labels[labelStart]}
	c.left(resource{Kind: containerResource, Engine: e.path, Name: opts.Name})
	err = im.run(ctx, opts, env)
	if err = im.explain(ctx, e, opts, err); reasonOf(err) == NameTaken {
		room, taken := e.makeRoom(ctx, opts.Name)
		switch {
		case taken != nil:
			err = taken
		case room:
			err = im.explain(ctx, e, opts, im.run(ctx, opts, env))
		}
	}
	if err == nil {
		_, err = c.machine.state(ctx) // by its ID from now on
	}
	return err
}

// makeRoom removes what an ended capsule of that name left, and refuses a name
// that is in use.
func (e engine) makeRoom(ctx context.Context, name string) (removed bool, err error) {
	found, err := e.inspect(ctx, name)
	if err != nil || len(found) == 0 {
		return false, err
	}
	target := found[0].Config.Labels[labelTarget]
	if target != "" && ended[found[0].State.Status] {
		return true, e.remove(ctx, found[0].ID)
	}
	what := "a container that rigx did not start"
	if target != "" {
		what = "the capsule `" + target + "`, which is being started"
		if found[0].State.Running {
			what = "the capsule `" + target + "`, which runs"
		}
	}
	return false, failure(NameTaken, "the name %s is taken: it is %s", name, what).
		help("stop it with `rigx capsule stop %s`, or choose another name with --name", name)
}

// ended are the states of containers that will not run any more, as engines
// call them. One that was only created is about to be started.
var ended = map[string]bool{"exited": true, "stopped": true, "dead": true}

// run runs the runner to its end, in a process group of its own: what it
// started is interrupted with it.
func (im *Image) run(ctx context.Context, opts Options, env []string) error {
	// A file, as what monitors the container keeps a pipe open.
	out, err := os.CreateTemp("", "rigx-runner-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := exec.Command(im.runner())
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, opts.ProjectRoot, out, out
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", im.runner(), err)
	}
	process := processResource(cmd.Process.Pid)
	opts.Session.note(process)
	defer opts.Session.forget(process)
	ended := make(chan struct{})
	go func() {
		err = cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		endGroup(cmd.Process.Pid)
		<-ended
		return ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		said, _ := os.ReadFile(out.Name())
		e := failure(Failed, "the runner of `%s` failed with status %d", im.Manifest.Name, exit.ExitCode())
		e.Log = lastLines(string(said), 20)
		return e
	}
	return err
}

// endGroup ends a process and all that it started: docker and podman are given
// time to leave things in order.
func endGroup(pid int) {
	for _, sig := range []syscall.Signal{terminate, kill} {
		_ = signalGroup(pid, sig)
		for range 250 {
			if signalGroup(pid, 0) != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// explain finds the reason in what an engine complained about.
func (im *Image) explain(ctx context.Context, engine engine, opts Options, err error) error {
	var e *Error
	if !errors.As(err, &e) || ctx.Err() != nil {
		return err
	}
	text := strings.ToLower(strings.Join(e.Log, "\n"))
	switch {
	case strings.Contains(text, "address already in use") || strings.Contains(text, "port is already allocated"):
		// Somebody was faster than us, unless it can be told by now.
		if taken := portsFree(ctx, opts); taken != nil {
			return taken
		}
		e.Reason = PortTaken
	case !engine.answers(ctx):
		e.Reason = NoEngine
		_ = e.help("look whether `%s version` works", engine.name)
	case strings.Contains(text, "already in use"):
		e.Reason = NameTaken
	}
	return e
}

// settleTime is how long a capsule is watched before it counts as running: one
// that fails in this time has most likely been given something wrong.
const settleTime = 250 * time.Millisecond

// settle returns an error if the capsule fails at once.
func (c *Capsule) settle(ctx context.Context) error {
	s, err := c.machine.state(ctx)
	if err != nil {
		return err
	}
	if s.Running {
		if s.Start == "" {
			return nil // on another machine
		}
		end := time.After(settleTime)
		for Alive(s.PID, s.Start) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-end:
				return nil
			case <-time.After(10 * time.Millisecond):
			}
		}
		if s, err = c.ended(ctx); err != nil {
			return err
		}
	}
	if s.Status == 0 {
		return nil // it had little to do
	}
	return c.died(ctx, s)
}

// ended waits until the engine has noticed too that a process is gone.
func (c *Capsule) ended(ctx context.Context) (State, error) {
	for {
		s, err := c.machine.state(ctx)
		if err != nil || !s.Running {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// died is the error about a capsule that ended, with its last lines.
func (c *Capsule) died(ctx context.Context, s State) error {
	status := "with status " + strconv.Itoa(s.Status)
	if s.Status < 0 {
		status = "or was removed"
	}
	e := failure(Died, "the capsule %s ended %s", c.Name, status)
	e.Status = s.Status
	var log bytes.Buffer
	if err := c.machine.logs(ctx, &log, false); err == nil {
		e.Log = lastLines(log.String(), 20)
	}
	return e
}

// discard removes what a failed start left.
func (c *Capsule) discard() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if c.machine != nil && c.machine.stop(ctx, 0) != nil {
		return // the guard may do better
	}
	c.release()
}

// temporary makes a directory that only the user can enter, with a path short
// enough for a socket.
func temporary() (string, error) {
	base := os.TempDir()
	if len(base) > 60 {
		base = "/tmp"
	}
	return os.MkdirTemp(base, "rigx-capsule-")
}
