package capsule

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Status is how a capsule is that was started and not stopped.
type Status struct {
	Name    string  `json:"name"`
	Target  string  `json:"target"`
	Backend Backend `json:"backend"`
	// Project is the root directory of the project that it belongs to.
	Project string    `json:"project,omitempty"`
	Running bool      `json:"running"`
	Started time.Time `json:"started"`
	// Status is the exit status of one that has ended, -1 if it is lost.
	Status int `json:"status"`
	// PID and Start are its first process, as this machine sees it: see [Alive].
	PID   int    `json:"pid,omitempty"`
	Start string `json:"start,omitempty"`
	// Publish and PublishUDP say where its ports can be reached.
	Publish    map[uint16][]netip.AddrPort `json:"publish,omitempty"`
	PublishUDP map[uint16][]netip.AddrPort `json:"publish_udp,omitempty"`
	// Engine is docker, podman or qemu.
	Engine string `json:"engine"`

	capsule *Capsule
}

// Capsule is the handle to drive it.
func (s Status) Capsule() *Capsule { return s.capsule }

// Alive reports whether the process of a [Status] still is there. It is cheap,
// and true where that cannot be seen.
func Alive(pid int, start string) bool { return start == "" || startTime(pid) == start }

func status(c *Capsule, s State, engine string) Status {
	return Status{
		Start: s.Start,
		Name:  c.Name, Target: c.Target, Backend: c.Backend, Project: c.Project, Running: s.Running, Started: s.Started, Status: s.Status,
		PID: s.PID, Publish: s.Publish, PublishUDP: s.PublishUDP, Engine: engine, capsule: c,
	}
}

// List finds the capsules that were started on this machine, by whatever
// program, and not stopped, sorted by name.
func List(ctx context.Context) ([]Status, error) {
	var out []Status
	found, err := engines(ctx)
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Reason != NoEngine) {
		return nil, err
	}
	seen := map[string]bool{}
	for _, e := range found {
		ids, err := e.output(ctx, "ps", "-aq", "--no-trunc", "--filter", "label="+labelTarget)
		if err != nil && ctx.Err() == nil && !e.answers(ctx) {
			continue // then it runs nothing
		}
		if err != nil {
			return nil, err
		}
		if len(strings.Fields(string(ids))) == 0 {
			continue
		}
		containers, err := e.inspect(ctx, strings.Fields(string(ids))...)
		if err != nil {
			return nil, err
		}
		for _, i := range containers {
			if seen[i.ID] {
				continue // docker is podman by another name
			}
			seen[i.ID] = true
			out = append(out, status(e.capsule(i), i.state(), e.name))
		}
	}
	machines, err := vms()
	if err != nil {
		return nil, err
	}
	for _, v := range machines {
		s, _ := v.state(ctx)
		out = append(out, status(&Capsule{
			Name: v.Name, Target: v.Target, Backend: Qemu, Project: v.Project, Dir: v.Image, Health: v.Health, machine: v,
		}, s, "qemu"))
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// capsule is the handle of a container that was found.
func (e engine) capsule(i inspection) *Capsule {
	labels := i.Config.Labels
	c := &Capsule{
		Name: strings.TrimPrefix(i.Name, "/"), Target: labels[labelTarget], Backend: Backend(labels[labelBackend]),
		Project: labels[labelProject], Dir: labels[labelDir],
		machine: &container{engine: e, id: i.ID, backend: Backend(labels[labelBackend])},
	}
	if c.Backend == "" {
		c.Backend = Lite // started by its runner alone
	}
	if im, err := Open(c.Dir); c.Dir != "" && err == nil {
		c.Health, c.bash = im.Manifest.Health, im.Manifest.Bash
	}
	return c
}

// Find returns the capsule of that name, or else the one that was started from
// the target of that name in the project.
func Find(ctx context.Context, project, name string) (*Capsule, error) {
	all, err := List(ctx)
	if err != nil {
		return nil, err
	}
	project = filepath.Clean(project)
	var same, others []string
	var found *Capsule
	for _, s := range all {
		switch {
		case s.Name == name:
			return s.capsule, nil
		case s.Target == name && filepath.Clean(s.Project) == project:
			found = s.capsule
			same = append(same, s.Name)
		case filepath.Clean(s.Project) == project:
			others = append(others, s.Name)
		}
	}
	switch {
	case len(same) == 1:
		return found, nil
	case len(same) > 1:
		return nil, failure(Invalid, "`%s` was started %d times", name, len(same)).help("name one of them: %s", strings.Join(same, ", "))
	}
	e := failure(NotFound, "no capsule `%s` was started", name)
	if len(others) > 0 {
		return nil, e.help("there is %s", strings.Join(others, ", "))
	}
	return nil, e.help("start it with `rigx capsule start %s`", name)
}
