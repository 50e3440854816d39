package lsp

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"go.lsp.dev/protocol"
)

func (s *Server) logPanic(where string, reason any) {
	s.logError(fmt.Sprintf("internal error in %s: %v\n%s", where, reason, debug.Stack()))
}

// logError writes to the client's log.
func (s *Server) logError(message string) { s.log(protocol.MessageTypeError, message) }

// logInfo writes to the client's log if the user wants to know more.
func (s *Server) logInfo(format string, args ...any) {
	if s.current.Load().settings.LogLevel == "info" {
		s.log(protocol.MessageTypeInfo, fmt.Sprintf(format, args...))
	}
}

func (s *Server) log(kind protocol.MessageType, message string) {
	_ = s.client.LogMessage(context.Background(), &protocol.LogMessageParams{Type: kind, Message: message})
}

// SetTrace says how much the client wants to be told of each message.
func (s *Server) SetTrace(_ context.Context, params *protocol.SetTraceParams) error {
	s.trace.Store(params.Value)
	return nil
}

func (s *Server) tracing() protocol.TraceValue {
	value, _ := s.trace.Load().(protocol.TraceValue)
	return value
}

// logTrace tells of a message that was handled.
func (s *Server) logTrace(method string, params []byte, took time.Duration, err error) {
	tracing := s.tracing()
	if tracing != protocol.TraceValueMessages && tracing != protocol.TraceValueVerbose {
		return
	}
	trace := &protocol.LogTraceParams{Message: fmt.Sprintf("%s: %.2f ms", method, took.Seconds()*1000)}
	if err != nil {
		trace.Message += ": " + err.Error()
	}
	if tracing == protocol.TraceValueVerbose {
		text := string(params)
		trace.Verbose = &text
	}
	_ = s.client.LogTrace(context.Background(), trace)
}
