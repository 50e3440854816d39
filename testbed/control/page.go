package control

import (
	"context"
	"fmt"
	"os"

	"github.com/rigx-build/rigx/testbed"
	"github.com/rigx-build/rigx/testbed/control/page"
)

// ServePage serves the page, unless it is served already, and returns its URL.
func (s *Server) ServePage() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errServerClosed
	}
	if s.page == nil {
		p, err := page.Serve(pageSource{s})
		if err != nil {
			return "", fmt.Errorf("page of the testbed: %w", err)
		}
		s.page, s.running.Page = p, p.URL()
		if err := s.announce(); err != nil {
			return "", fmt.Errorf("page of the testbed: %w", err)
		}
	}
	return s.page.URL(), nil
}

// pageSource shows a server on its page.
type pageSource struct{ server *Server }

// Describe implements [page.Source].
func (p pageSource) Describe() page.Description {
	o := p.server.opts
	return page.Description{Project: o.Project, Target: o.Target, PID: os.Getpid(), Started: p.server.started}
}

// Networks implements [page.Source].
func (p pageSource) Networks() []page.Network {
	var out []page.Network
	for _, n := range p.server.allNetworks() {
		out = append(out, n)
	}
	return out
}

func (p pageSource) network(number int) (*Network, error) {
	for _, n := range p.server.allNetworks() {
		if n.number == number {
			return n, nil
		}
	}
	return nil, fmt.Errorf("network %d is closed", number)
}

// Inject implements [page.Source].
func (p pageSource) Inject(network int, s testbed.Selector, r testbed.Rule) error {
	n, err := p.network(network)
	if err != nil {
		return err
	}
	_, err = n.Fault(s, r)
	return err
}

// Clear implements [page.Source].
func (p pageSource) Clear(network, fault int) error {
	n, err := p.network(network)
	if err != nil {
		return err
	}
	if fault != 0 {
		n.ClearFault(fault) // it may have ended by itself
		return nil
	}
	for _, f := range n.State().Faults {
		n.ClearFault(f.ID)
	}
	return nil
}

// Number implements [page.Network].
func (n *Network) Number() int { return n.number }

// Events are those from the n-th on, and the number of the next one.
func (n *Network) Events(from int) ([]testbed.EventRecord, int) {
	records, next, _ := n.log.since(from)
	return records, next
}

// showPage serves the page for whoever asks for it.
func showPage(_ context.Context, c *connection, _ request) (any, error) {
	url, err := c.server.ServePage()
	return map[string]any{"page": url}, err
}
