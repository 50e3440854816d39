package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rigx-build/rigx/capsule"
)

// session owns what one client started.
type session struct {
	server *Server
	id     string
	opened time.Time
	// capsules has a guard process remove the capsules if this process is killed.
	capsules *capsule.Session

	mu     sync.Mutex
	closed bool
	last   int64
	nets   map[int64]*Network
	runs   map[int64]*run
	// starting counts what is being made, so that closing waits for it.
	starting sync.WaitGroup
	ending   sync.Once
	endErr   error
	ctx      context.Context
	cancel   context.CancelFunc
}

func newSession(s *Server, id string) *session {
	ctx, cancel := context.WithCancel(s.ctx)
	capsules := capsule.NewSession(s.opts.Guard...)
	capsules.Help(s.opts.Entry...)
	return &session{
		server: s, id: id, opened: time.Now(), capsules: capsules,
		nets: map[int64]*Network{}, runs: map[int64]*run{}, ctx: ctx, cancel: cancel,
	}
}

var errSessionClosed = &Error{CodeFailed, "the session has ended"}

// begin announces that something is about to be made, which the session will
// own; the caller calls end, and takes down what it made if adding it fails.
func (s *session) begin() (end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, errSessionClosed
	case len(s.nets)+len(s.runs) >= maxOwned:
		return nil, fmt.Errorf("a session may have %d networks and capsules", maxOwned)
	}
	s.starting.Add(1)
	return s.starting.Done, nil
}

func (s *session) addNetwork(n *Network) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	n.id = s.last
	s.nets[n.id] = n
	return n.id
}

func (s *session) addRun(r *run) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	r.id = s.last
	s.runs[r.id] = r
	return r.id
}

func (s *session) network(id int64) (*Network, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.nets[id]; n != nil {
		return n, nil
	}
	return nil, &Error{CodeFailed, "the network is closed"}
}

func (s *session) run(id int64) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.runs[id]; r != nil {
		return r, nil
	}
	return nil, invalid("there is no capsule %d in this session", id)
}

func (s *session) networks() []*Network {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Network, 0, len(s.nets))
	for id := int64(1); id <= s.last; id++ {
		if n := s.nets[id]; n != nil {
			out = append(out, n)
		}
	}
	return out
}

// close takes down everything. It returns when that is done, however often and
// by whomever it is called.
func (s *session) close() error {
	s.ending.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.cancel()
		s.starting.Wait()
		errs := []error{s.capsules.Close()}
		for _, r := range s.runs {
			r.detach()
		}
		for _, n := range s.networks() {
			errs = append(errs, n.Close())
		}
		s.endErr = errors.Join(errs...)
		s.server.forget(s)
	})
	return s.endErr
}
