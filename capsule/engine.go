package capsule

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// engine is docker or podman.
type engine struct {
	// name is docker or podman, path the program.
	name, path string
}

// engineNames in the order of preference, which the runners share.
var engineNames = []string{"docker", "podman"}

// answerWithin is how long an engine may take to say its version.
const answerWithin = 20 * time.Second

// engines are those that are there. A docker client without a daemon is not;
// podman needs none, so it is not asked. RIGX_ENGINE chooses one.
func engines(ctx context.Context) ([]engine, error) {
	names := engineNames
	wanted := os.Getenv("RIGX_ENGINE")
	if wanted != "" {
		names = []string{wanted}
	}
	var found []engine
	var why []string
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		e := engine{filepath.Base(name), path}
		if e.name == "docker" {
			ask, cancel := context.WithTimeout(ctx, answerWithin)
			_, err = e.output(ask, "version", "--format", "{{.Server.Version}}")
			cancel()
		}
		if err == nil {
			found = append(found, e)
		} else {
			why = append(why, err.Error())
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if len(found) > 0 {
		return found, nil
	}
	e := failure(NoEngine, "capsules need docker or podman, and neither is installed")
	switch {
	case len(why) > 0:
		e.Message = "capsules need docker or podman, and neither answers: " + strings.Join(why, "; ")
		e.Help = []string{"start docker's daemon, or install podman, which needs none"}
	case wanted != "":
		e.Message = "RIGX_ENGINE is " + wanted + ", which is not installed"
	}
	return nil, e.help("install the package podman (Debian, Ubuntu, Fedora, Arch, nixpkgs) or docker (on Debian docker.io)")
}

// answers reports whether the engine works at all.
func (e engine) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err := e.output(ctx, "version")
	return err == nil
}

// findEngine returns the engine that new capsules are started with.
func findEngine(ctx context.Context) (engine, error) {
	found, err := engines(ctx)
	if err != nil {
		return engine{}, err
	}
	return found[0], nil
}

// command runs the engine; when ctx ends it is asked to stop, then killed.
func (e engine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, e.path, args...)
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// output runs the engine and returns what it prints; its complaint becomes the
// error.
func (e engine) output(ctx context.Context, args ...string) ([]byte, error) {
	var out, errOut bytes.Buffer
	cmd := e.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &exit):
		complaint := lastLines(errOut.String(), 3)
		if len(complaint) == 0 {
			complaint = []string{exit.Error()}
		}
		return out.Bytes(), failure(Failed, "%s %s: %s", e.name, args[0], strings.Join(complaint, " "))
	case err != nil:
		return nil, err
	}
	return out.Bytes(), nil
}

// lastLines are the last lines of a text, without empty ones.
func lastLines(text string, n int) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}
