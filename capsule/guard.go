package capsule

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// message is a line from a session to its guard.
type message struct {
	// Session comes first: the label of its containers.
	Session string `json:"session,omitempty"`
	// Add and Remove say what is to be removed when the pipe ends.
	Add    *resource `json:"add,omitempty"`
	Remove *resource `json:"remove,omitempty"`
	// End says that nothing is left.
	End bool `json:"end,omitempty"`
}

// resource is something that would outlive a program that is killed.
type resource struct {
	Kind string `json:"kind"`
	// Name of a container or directory.
	Name string `json:"name,omitempty"`
	// Engine is the program that a container belongs to.
	Engine string `json:"engine,omitempty"`
	// PID and Start are of a process that leads a group.
	PID   int    `json:"pid,omitempty"`
	Start string `json:"start,omitempty"`
}

const (
	containerResource = "container"
	processKind       = "process"
	directoryResource = "directory"
)

func processResource(pid int) resource {
	return resource{Kind: processKind, PID: pid, Start: startTime(pid)}
}

// Guard reads what a [Session] has started from in, and when in ends, without
// the session having been closed, removes it: containers, processes,
// directories. It ignores signals that a terminal sends.
func Guard(in io.Reader, out io.Writer) {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if dir, err := filepath.Abs("/"); err == nil {
		_ = os.Chdir(dir) // keep nobody from unmounting the project
	}
	fmt.Fprintln(out, guardReady)
	session := ""
	kept := map[resource]bool{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m message
		switch {
		case json.Unmarshal(lines.Bytes(), &m) != nil:
		case m.End:
			return
		case m.Session != "":
			session = m.Session
		case m.Add != nil:
			kept[*m.Add] = true
		case m.Remove != nil:
			delete(kept, *m.Remove)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cleanUp(ctx, session, slices.Collect(maps.Keys(kept)))
}

// cleanUp removes resources: first the processes, which may be starting more.
func cleanUp(ctx context.Context, session string, left []resource) {
	for _, r := range left {
		if r.Kind == processKind && r.Start != "" && startTime(r.PID) == r.Start {
			_ = signalGroup(r.PID, kill)
		}
	}
	enginePaths := map[string]bool{}
	for _, r := range left {
		if r.Kind == containerResource {
			enginePaths[r.Engine] = true
			e := engine{filepath.Base(r.Engine), r.Engine}
			found, err := e.inspect(ctx, r.Name)
			// Another one may have got the name.
			if err == nil && len(found) > 0 && found[0].Config.Labels[labelSession] == session {
				_ = e.remove(ctx, found[0].ID)
			}
		}
	}
	for path := range enginePaths {
		(engine{filepath.Base(path), path}).removeLabelled(ctx, labelSession+"="+session)
	}
	for _, r := range left {
		if r.Kind == containerResource {
			(engine{filepath.Base(r.Engine), r.Engine}).endOrphans(ctx, r.Name)
		}
	}
	for _, r := range left {
		if r.Kind == directoryResource {
			_ = os.RemoveAll(r.Name)
		}
	}
}

// removeLabelled removes containers with a label, until none has come up for a
// second: an engine may have been creating one.
func (e engine) removeLabelled(ctx context.Context, label string) {
	for quiet := 0; quiet < 3 && ctx.Err() == nil; quiet++ {
		out, err := e.output(ctx, "ps", "-aq", "--no-trunc", "--filter", "label="+label)
		for id := range strings.FieldsSeq(string(out)) {
			quiet = -1
			_ = e.remove(ctx, id)
		}
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}
