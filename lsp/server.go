package lsp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/rigx-build/rigx/engine/history"
)

// Options of a server.
type Options struct {
	// Program is the rigx that commands run; found beside the server's own
	// program or on PATH when empty.
	Program string
	// CacheDir is where rigx remembers how builds went; the user's when empty.
	CacheDir string
}

// Server serves one client.
type Server struct {
	protocol.UnimplementedServer // answers what is not supported

	opts     Options
	client   protocol.Client
	conn     jsonrpc2.Conn
	files    *fileCache
	packages *packageStore

	phase    atomic.Int32  // of the connection: see the constants
	left     chan struct{} // closed when the client said exit
	leave    sync.Once
	current  atomic.Pointer[state]
	updating sync.Mutex    // held by what makes a new state
	changed  chan struct{} // wakes the publisher
	// judgement is the last one that the publisher made.
	judgement atomic.Pointer[judgement]
	encoding
	features clientFeatures
	calls    calls
	trace    atomic.Value // protocol.TraceValue

	results results
	seen    chan string   // root directories of projects
	saved   chan struct{} // wakes keepIDE

	coloursMu sync.Mutex
	coloured  map[string]colours // by path

	running   sync.Mutex
	tokens    int
	cancelled map[string]context.CancelFunc // running commands by progress token
}

// The phases of a connection.
const (
	fresh int32 = iota
	initialized
	shutDown
	exited
)

// NewServer returns a server that waits for its client.
func NewServer(opts Options) *Server {
	s := &Server{opts: opts, files: newFileCache(), packages: newPackageStore(), changed: make(chan struct{}, 1), left: make(chan struct{}), cancelled: map[string]context.CancelFunc{}, coloured: map[string]colours{}, encoding: protocol.PositionEncodingKindUTF16}
	s.results = results{byRoot: map[string]history.History{}, told: map[string]bool{}}
	s.seen = make(chan string, 16)
	s.saved = make(chan struct{}, 1)
	s.current.Store(newState(s.files, s.packages))
	return s
}

// ErrNoShutdown is returned by [Server.Serve] if the client left without a
// shutdown request.
var ErrNoShutdown = errors.New("the client left without a shutdown request")

// Serve answers the client at the other end of the stream until it leaves or
// ctx ends.
func (s *Server) Serve(ctx context.Context, stream jsonrpc2.Stream) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.conn = jsonrpc2.NewConn(stream, jsonrpc2.WithCodec(codec{}))
	s.client = protocol.ClientDispatcher(s.conn)
	go s.publish(ctx)
	go s.watchResults(ctx)
	go s.keepIDE(ctx)
	s.conn.Go(ctx, s.handler())
	var err error
	select {
	case <-s.conn.Done():
		err = s.conn.Err()
	case <-ctx.Done():
		s.conn.Close()
		err = s.conn.Err()
	case <-s.left:
		// The connection waits for what the client says next; a client may keep its
		// end open without a word until this process has ended.
		go s.conn.Close()
	}
	cancel()
	if err != nil {
		return err
	}
	if phase := s.phase.Load(); phase == initialized {
		return ErrNoShutdown
	}
	return nil
}

// codec encodes messages as the protocol package does.
type codec struct{}

func (codec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(jsonrpc2.RawMessage); ok && raw != nil {
		return raw, nil
	}
	return protocol.Marshal(v)
}

func (codec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(*jsonrpc2.RawMessage); ok {
		*raw = append(jsonrpc2.RawMessage(nil), data...)
		return nil
	}
	// What is decoded may share the memory of what it was decoded from, which the
	// connection uses again: https://pkg.go.dev/go.lsp.dev/protocol@v1.0.1#Unmarshal
	// copies the answers of most kinds, but not lists and unions.
	return protocol.Unmarshal(slices.Clone(data), v)
}

// handler is what the connection calls for each message, in order.
//
// An error or panic from a notification would end the connection, so none gets
// out: neither of ours, nor of a message that cannot be read.
func (s *Server) handler() jsonrpc2.Handler {
	dispatch := protocol.ServerHandler(s, nil)
	inner := func(ctx context.Context, req *jsonrpc2.Request) (result any, err error) {
		defer func() {
			if r := recover(); r != nil {
				s.logPanic(req.Method(), r)
				result, err = nil, jsonrpc2.Errorf(jsonrpc2.InternalError, "internal error in %s: %v", req.Method(), r)
			}
		}()
		if err := s.admit(req); err != nil {
			return nil, err
		}
		switch {
		case req.Method() == protocol.MethodCancelRequest:
			return nil, s.calls.cancel(req.Params())
		case !req.IsCall() || !concurrent(req.Method()):
			return dispatch(ctx, req)
		}
		// The request's own context is used again for later requests as soon as
		// this one is answered, so nothing may be derived from it.
		call, done := s.calls.start(jsonrpc2.DetachContext(ctx), req.ID())
		defer done()
		call = withState(call, s.current.Load())
		jsonrpc2.Async(ctx)
		result, err = dispatch(call, req)
		if call.Err() != nil {
			return nil, protocol.ErrRequestCancelled
		}
		return result, err
	}
	return func(ctx context.Context, req *jsonrpc2.Request) (any, error) {
		// The request is used again for later messages once it is answered.
		method, params, begun := req.Method(), req.Params(), time.Now()
		if s.tracing() == protocol.TraceValueVerbose {
			params = slices.Clone(params)
		}
		result, err := inner(ctx, req)
		s.logTrace(method, params, time.Since(begun), err)
		if !req.IsCall() {
			if err != nil && !errors.Is(err, context.Canceled) {
				s.logError(req.Method() + ": " + err.Error())
			}
			return nil, nil
		}
		return result, err
	}
}

// concurrent reports whether later messages may be handled meanwhile.
func concurrent(method string) bool {
	return method != protocol.MethodInitialize && method != protocol.MethodShutdown
}

var (
	errNotInitialized = jsonrpc2.NewError(-32002, "the first request must be initialize")
	errShutDown       = jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the server is shut down")
	errTwice          = jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the server is initialized already")
)

// admit refuses requests out of their time; such notifications are dropped.
func (s *Server) admit(req *jsonrpc2.Request) error {
	phase, method := s.phase.Load(), req.Method()
	switch {
	case method == protocol.MethodExit:
		return nil
	case phase == fresh && method != protocol.MethodInitialize:
		return errNotInitialized
	case phase >= shutDown:
		return errShutDown
	case phase == initialized && method == protocol.MethodInitialize:
		return errTwice
	}
	return nil
}

// Request answers methods that the protocol does not have.
func (s *Server) Request(context.Context, string, any) (any, error) {
	return nil, jsonrpc2.ErrMethodNotFound
}
