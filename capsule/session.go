package capsule

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Session owns capsules: it stops those that are left when it is closed. Should
// this program be killed, its guard process does so.
//
// A nil Session owns nothing.
type Session struct {
	id      string
	command []string
	sidecar []string

	mu       sync.Mutex
	closed   bool
	capsules map[*Capsule]bool
	guard    *exec.Cmd
	pipe     io.WriteCloser
}

// NewSession makes a session. The guard is a command that runs [Guard] on its
// standard input, such as `rigx testbed guard`; it is started together with the
// first capsule. Without one nothing is left to clean up after a kill -9.
func NewSession(guard ...string) *Session {
	var random [8]byte
	_, _ = rand.Read(random[:])
	return &Session{id: hex.EncodeToString(random[:]), command: guard, capsules: map[*Capsule]bool{}}
}

// guardReady is what a guard says when it is there.
const guardReady = "guarding"

var errSessionClosed = errors.New("the session of capsules is closed")

// open starts the guard, once.
func (s *Session) open() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errSessionClosed
	}
	if s.pipe != nil || len(s.command) == 0 {
		return nil
	}
	cmd := exec.Command(s.command[0], s.command[1:]...)
	ownGroup(cmd)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the guard of capsules: %w", err)
	}
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		answered <- strings.TrimSpace(line)
	}()
	answer := ""
	select {
	case answer = <-answered:
	case <-time.After(answerWithin):
	}
	if answer != guardReady {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fmt.Errorf("starting the guard of capsules: %s does not guard", strings.Join(s.command, " "))
	}
	s.guard, s.pipe = cmd, pipe
	s.tell(message{Session: s.id})
	return nil
}

// tell writes to the guard. If it has been killed, there is none any more.
func (s *Session) tell(m message) {
	if s.pipe != nil {
		line, _ := json.Marshal(m)
		_, _ = s.pipe.Write(append(line, '\n'))
	}
}

// note has the guard remove something if this program is killed.
func (s *Session) note(r resource) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(message{Add: &r})
}

// forget takes back a note.
func (s *Session) forget(r resource) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(message{Remove: &r})
}

// own makes the session stop a capsule; false if it is closed already.
func (s *Session) own(c *Capsule) bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.capsules[c] = true
	return true
}

func (s *Session) drop(c *Capsule) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.capsules, c)
}

// GuardDirectory has a directory removed should this program be killed; whoever
// made it still removes it otherwise.
func (s *Session) GuardDirectory(dir string) error {
	if err := s.open(); err != nil {
		return err
	}
	s.note(resource{Kind: directoryResource, Name: dir})
	return nil
}

// StartGuard starts the guard, if it was not. Whoever is about to start
// something to be guarded has it ready by then.
func (s *Session) StartGuard() error { return s.open() }

// GuardProcess has a process that leads a group killed, and the group, should
// this program be killed. The caller ends it otherwise, and then calls ended.
func (s *Session) GuardProcess(pid int) (ended func(), err error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	r := processResource(pid)
	s.note(r)
	return func() { s.forget(r) }, nil
}

// Close stops all capsules of the session at once, and ends the guard. More
// cannot be started.
func (s *Session) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.closed = true
	var left []*Capsule
	for c := range s.capsules {
		left = append(left, c)
	}
	s.mu.Unlock()
	errs := make([]error, len(left))
	var wg sync.WaitGroup
	for i, c := range left {
		wg.Go(func() { errs[i] = c.Stop(context.Background()) })
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pipe != nil {
		if err := errors.Join(errs...); err == nil {
			s.tell(message{End: true})
		}
		// What could not be stopped is left to the guard.
		_ = s.pipe.Close()
		_ = s.guard.Wait()
		s.pipe = nil
	}
	return errors.Join(errs...)
}
