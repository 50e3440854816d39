package control

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Running is a server of this user, in any process: what its file says.
type Running struct {
	PID     int       `json:"pid"`
	Project string    `json:"project,omitempty"`
	Target  string    `json:"target,omitempty"`
	Started time.Time `json:"started"`
	// Page is where its page is, with the token; empty if it has none.
	Page string `json:"page,omitempty"`
	// Socket is where it listens.
	Socket string `json:"-"`
}

const runningFile = "server.json"

// announce writes the file by which other processes find the server.
func (s *Server) announce() error {
	s.running.PID = os.Getpid()
	data, err := json.Marshal(s.running)
	if err != nil {
		return err
	}
	// It has the token of the page, like the socket for this user only.
	temporary := filepath.Join(s.dir, "."+runningFile)
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(s.dir, runningFile))
}

// List finds the servers of this user, oldest first. What a server that was
// killed left behind is removed.
func List() ([]Running, error) {
	base, err := runtimeDir()
	if err != nil {
		return nil, err
	}
	return list(base)
}

func list(base string) ([]Running, error) {
	dirs, err := filepath.Glob(filepath.Join(base, "control-*"))
	if err != nil {
		return nil, err
	}
	var out []Running
	for _, dir := range dirs {
		r := Running{Socket: filepath.Join(dir, "control")}
		c, err := net.Dial("unix", r.Socket)
		if err != nil {
			if abandoned(dir, err) {
				os.RemoveAll(dir)
			}
			continue
		}
		_ = c.Close()
		data, err := os.ReadFile(filepath.Join(dir, runningFile))
		if err != nil || json.Unmarshal(data, &r) != nil {
			continue // it has just begun, or ended
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Running) int { return a.Started.Compare(b.Started) })
	return out, nil
}

// abandoned reports whether nobody listens in a directory any more, given why
// its socket could not be reached. A directory without a socket may belong to a
// server that is about to listen.
func abandoned(dir string, refused error) bool {
	const young = time.Minute
	if errors.Is(refused, syscall.ECONNREFUSED) {
		return true
	}
	info, err := os.Stat(dir)
	return err == nil && time.Since(info.ModTime()) > young
}
