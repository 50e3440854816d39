package control

import (
	"context"
	"strconv"
	"strings"

	"github.com/rigx-build/rigx/testbed"
)

// NetworkState is a network of a server as `rigx testbed ps` sees it.
type NetworkState struct {
	Number int `json:"number"`
	testbed.State
}

// networks are those of all sessions, in the order in which they were opened.
func (s *Server) allNetworks() []*Network {
	var out []*Network
	for _, session := range s.all() {
		out = append(out, session.networks()...)
	}
	return out
}

// allNetworks answers what there is in all sessions.
func allNetworks(_ context.Context, c *connection, _ request) (any, error) {
	out := []NetworkState{}
	for _, n := range c.server.allNetworks() {
		out = append(out, NetworkState{n.number, n.State()})
	}
	return map[string]any{"networks": out}, nil
}

// faultAnywhere injects a fault into every network that has such a link. It
// outlives the connection: somebody wants to see what happens.
func faultAnywhere(_ context.Context, c *connection, req request) (any, error) {
	i, err := params[injection](req)
	if err != nil {
		return nil, err
	}
	count := 0
	var refused error
	for _, n := range c.server.allNetworks() {
		copied := i
		s, err := n.chosen(&copied)
		if err != nil {
			refused = err
			continue
		}
		if err := n.inject(s, copied); err != nil {
			return nil, err
		}
		count++
	}
	if count == 0 {
		if refused == nil {
			refused = invalid("there is no network")
		}
		return nil, refused
	}
	return map[string]any{"networks": count}, nil
}

// inject sets a fault, at once or when it is planned for.
func (n *Network) inject(s testbed.Selector, i injection) error {
	if i.At == 0 && i.Duration == 0 {
		_, err := n.Fault(s, i.Rule)
		return asValue(err)
	}
	e := testbed.Event{Selector: s, Rule: i.Rule}
	var err error
	if e.At, err = i.At.duration("at"); err != nil {
		return err
	}
	if e.For, err = i.Duration.duration("duration"); err != nil {
		return err
	}
	_, err = n.Schedule(e)
	return asValue(err)
}

// clearAnywhere ends faults, whoever injected them: all, or those of some links,
// or the one with a number.
func clearAnywhere(_ context.Context, c *connection, req request) (any, error) {
	p, err := params[struct {
		Src   string `json:"src"`
		Dst   string `json:"dst"`
		Fault int    `json:"fault"`
	}](req)
	if err != nil {
		return nil, err
	}
	count := 0
	for _, n := range c.server.allNetworks() {
		for _, f := range n.State().Faults {
			if (p.Fault == 0 || p.Fault == f.ID) && concerns(f, p.Src, p.Dst) && n.ClearFault(f.ID) {
				count++
			}
		}
	}
	if count == 0 && (p.Fault != 0 || p.Src != "" || p.Dst != "") {
		what := "fault"
		if p.Fault != 0 {
			what += " " + strconv.Itoa(p.Fault)
		}
		if where := strings.TrimSpace(p.Src + " " + p.Dst); where != "" {
			what += " between " + strings.Join(strings.Fields(where), " and ")
		}
		return nil, invalid("there is no %s", what)
	}
	return map[string]any{"cleared": count}, nil
}

func concerns(f testbed.FaultState, src, dst string) bool {
	for _, s := range f.Selectors {
		if (src == "" || s.From == "" || s.From == src) && (dst == "" || s.To == "" || s.To == dst) {
			return true
		}
	}
	return false
}
