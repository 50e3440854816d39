package control

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rigx-build/rigx/testbed/control/page"
)

// Options of a [Server].
type Options struct {
	// Project and Target say whose testbeds these are, in `rigx testbed ps`.
	Project, Target string
	// Seed is that of networks which choose none; 0 means a random one.
	Seed uint64
	// Record is a directory for what passes: a pcap file for each link, and
	// events.jsonl. It is made if need be. Empty means that nothing is recorded.
	Record string
	// Guard is a command that runs [capsule.Guard], with which capsules do not
	// outlive a process that is killed; see [capsule.NewSession].
	Guard []string
	// Entry is a command that runs [capsule.ServePlace], for when this process may
	// not enter the network of a container; see [capsule.Session.Help].
	Entry []string
	// Notes receives what the user should know, such as a capsule that could not
	// be stopped. It may be nil.
	Notes io.Writer
}

// Server is the control server of one process.
type Server struct {
	opts     Options
	started  time.Time
	dir      string
	listener *net.UnixListener
	ctx      context.Context
	cancel   context.CancelFunc

	mu       sync.Mutex
	closed   bool
	running  Running
	sessions map[string]*session
	order    []*session
	own      *session
	conns    map[net.Conn]bool
	wg       sync.WaitGroup
	networks int
	page     *page.Page // nil until somebody wants it
}

var errServerClosed = &Error{CodeFailed, "the server is being closed"}

// Start listens on a new socket.
func Start(opts Options) (*Server, error) {
	dir, err := newSocketDir()
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	s := &Server{opts: opts, started: time.Now(), dir: dir, sessions: map[string]*session{}, conns: map[net.Conn]bool{}}
	s.running = Running{Project: opts.Project, Target: opts.Target, Started: s.started}
	s.listener, err = listen(s.Path())
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := s.announce(); err != nil {
		_ = s.listener.Close()
		os.RemoveAll(dir)
		return nil, fmt.Errorf("control socket: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

// Path is where the socket is: the value of RIGX_CONTROL.
func (s *Server) Path() string { return filepath.Join(s.dir, "control") }

// Close ends all sessions. When it returns, nothing that they started is left,
// or the error says what is.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	_ = s.listener.Close()
	s.cancel()
	for c := range s.conns {
		c.Close()
	}
	open, shown := s.order, s.page
	s.mu.Unlock()
	if shown != nil {
		_ = shown.Close()
	}
	errs := make([]error, len(open))
	var wg sync.WaitGroup
	for i, session := range open {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = session.close()
		}()
	}
	wg.Wait()
	s.wg.Wait()
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// accept serves connections until the listener is closed.
func (s *Server) accept() {
	defer s.wg.Done()
	for {
		c, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, say
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if !s.admit(c) {
			_ = c.Close()
		}
	}
}

// admit starts to serve a connection of this user.
func (s *Server) admit(c *net.UnixConn) bool {
	if !samePeer(c) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= MaxConnections {
		return false
	}
	s.conns[c] = true
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		s.serve(c)
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	return true
}

// session creates one, or finds that of another connection.
func (s *Server) session(id string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errServerClosed
	}
	if id != "" {
		if found := s.sessions[id]; found != nil {
			return found, nil
		}
		return nil, invalid("there is no session %q", id)
	}
	var random [16]byte
	_, _ = rand.Read(random[:])
	created := newSession(s, hex.EncodeToString(random[:]))
	s.sessions[created.id] = created
	s.order = append(s.order, created)
	return created, nil
}

// ownSession owns what this process itself opens.
func (s *Server) ownSession() (*session, error) {
	s.mu.Lock()
	own := s.own
	s.mu.Unlock()
	if own != nil {
		return own, nil
	}
	created, err := s.session("")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		s.own = created
	}
	return s.own, nil
}

// forget is called by a session that has been taken down.
func (s *Server) forget(gone *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, gone.id)
	for i, other := range s.order {
		if other == gone {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
		}
	}
}

// all are the sessions there are, oldest first.
func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*session(nil), s.order...)
}

func (s *Server) note(format string, args ...any) {
	if s.opts.Notes != nil {
		fmt.Fprintf(s.opts.Notes, "rigx: "+format+"\n", args...)
	}
}

// connection is one client's socket. Its requests are served one by one.
type connection struct {
	server  *Server
	conn    net.Conn
	session *session
	// owner says that the session ends with this connection.
	owner bool

	mu sync.Mutex // guards writes
}

// pipelined is how many requests may wait while one is served. Reading on while
// one is served shows at once that the client has gone.
const pipelined = 16

// partingTime is how long a client may take to read the last answers.
const partingTime = 5 * time.Second

// serve answers requests until the client goes.
func (s *Server) serve(c net.Conn) {
	conn := &connection{server: s, conn: c}
	ctx, cancel := context.WithCancel(s.ctx)
	lines := make(chan []byte, pipelined)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for line := range lines {
			if !conn.handle(ctx, line) {
				c.Close()
				break
			}
		}
		for range lines { // the reader must not be stuck
		}
	}()
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		line, err := readLine(r)
		if errors.Is(err, errTooLong) {
			_ = conn.send(answer{Error: &Error{CodeProtocol, fmt.Sprintf("a message is longer than %d bytes", MaxMessage)}})
		}
		if err != nil {
			break
		}
		lines <- line
	}
	// Whoever only ended its side still gets answers, if it reads them.
	cancel()
	_ = c.SetWriteDeadline(time.Now().Add(partingTime))
	close(lines)
	<-done
	c.Close()
	if conn.owner {
		if err := conn.session.close(); err != nil {
			s.note("%v", err)
		}
	}
}

var errTooLong = errors.New("message too long")

// readLine reads up to a newline, and no more than is allowed. A last line
// without one was cut off, and is no request.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > MaxMessage {
			return nil, errTooLong
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// handle answers one request. It returns false if the connection is of no more
// use.
func (c *connection) handle(ctx context.Context, line []byte) bool {
	var req request
	if err := json.Unmarshal(line, &req); err != nil {
		_ = c.send(answer{Error: &Error{CodeProtocol, "a message is not a request: " + err.Error()}})
		return false
	}
	result, err := c.dispatch(ctx, req)
	out := answer{ID: req.ID, Result: result}
	if err != nil {
		out = answer{ID: req.ID, Error: errorOf(err)}
	} else if result == nil {
		out.Result = struct{}{}
	}
	return c.send(out) == nil
}

// dispatch calls the method. A panic in one request is that request's failure.
func (c *connection) dispatch(ctx context.Context, req request) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error in %s: %v\n%s", req.Method, r, debug.Stack())
		}
	}()
	if req.Method == "hello" {
		return c.hello(req)
	}
	if c.session == nil {
		return nil, &Error{CodeProtocol, "the first request of a connection is `hello`"}
	}
	m, ok := methods[req.Method]
	if !ok {
		return nil, &Error{CodeProtocol, fmt.Sprintf("there is no method %q", req.Method)}
	}
	return m(ctx, c, req)
}

func (c *connection) hello(req request) (any, error) {
	p, err := params[struct {
		Session string `json:"session"`
	}](req)
	if err != nil {
		return nil, err
	}
	if c.session != nil {
		return nil, &Error{CodeProtocol, "this connection has a session already"}
	}
	if c.session, err = c.server.session(p.Session); err != nil {
		return nil, err
	}
	c.owner = p.Session == ""
	return map[string]any{"session": c.session.id, "version": protocolVersion}, nil
}

func (c *connection) send(a answer) error {
	data, err := json.Marshal(a)
	if err != nil {
		data, _ = json.Marshal(answer{ID: a.ID, Error: &Error{CodeFailed, "the answer cannot be written: " + err.Error()}})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = c.conn.Write(append(data, '\n'))
	return err
}

// stream is a writer whose text reaches the client before the answer.
func (c *connection) stream(id int64, name string) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		data := p
		if err := c.send(answer{ID: id, Stream: name, Data: &data}); err != nil {
			return 0, err
		}
		return len(p), nil
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
