package lsp

import (
	"context"
	"fmt"
	"time"

	"go.lsp.dev/protocol"
)

// progress shows how a command goes. Without the client's support it does
// nothing.
type progress struct {
	s     *Server
	token protocol.ProgressToken
	last  time.Time
}

// begin shows that something has started; cancel is called if the user wants
// it stopped.
func (s *Server) begin(ctx context.Context, title string, cancel context.CancelFunc) *progress {
	s.running.Lock()
	s.tokens++
	name := fmt.Sprintf("rigx-%d", s.tokens)
	s.cancelled[name] = cancel
	s.running.Unlock()

	p := &progress{s: s, token: protocol.String(name)}
	if s.features.progress {
		if err := s.client.WorkDoneProgressCreate(ctx, &protocol.WorkDoneProgressCreateParams{Token: p.token}); err == nil {
			yes := true
			p.send(&protocol.WorkDoneProgressBegin{Kind: "begin", Title: title, Cancellable: &yes})
		}
	}
	return p
}

// reportEvery bounds how often the client is told: a compiler's warnings come
// by the thousand.
const reportEvery = 50 * time.Millisecond

func (p *progress) report(message string) {
	if now := time.Now(); now.Sub(p.last) >= reportEvery {
		p.last = now
		p.send(&protocol.WorkDoneProgressReport{Kind: "report", Message: &message})
	}
}

func (p *progress) end(message string) {
	p.s.running.Lock()
	delete(p.s.cancelled, string(p.token.(protocol.String)))
	p.s.running.Unlock()
	p.send(&protocol.WorkDoneProgressEnd{Kind: "end", Message: &message})
}

func (p *progress) send(value any) {
	if !p.s.features.progress {
		return
	}
	raw, err := protocol.Marshal(value)
	if err == nil {
		_ = p.s.client.Progress(context.Background(), &protocol.ProgressParams{Token: p.token, Value: raw})
	}
}

// WorkDoneProgressCancel stops the command behind a progress.
func (s *Server) WorkDoneProgressCancel(_ context.Context, params *protocol.WorkDoneProgressCancelParams) error {
	name, ok := params.Token.(protocol.String)
	if !ok {
		return nil
	}
	s.running.Lock()
	defer s.running.Unlock()
	if cancel := s.cancelled[string(name)]; cancel != nil {
		cancel()
	}
	return nil
}
