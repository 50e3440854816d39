package manifest

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
)

// findCycles reports each circle of targets once, at the edge that closes it
// and with the chain as it runs. It keeps its own stack: chains may be a
// hundred thousand targets long.
func (m *Manifest) findCycles() {
	const (
		unseen = iota
		open
		done
	)
	state := make([]uint8, len(m.Targets)) // by the index of the target
	type frame struct {
		t    *Target
		next int
	}
	var stack []frame
	for _, root := range m.Targets {
		if state[root.index] != unseen {
			continue
		}
		state[root.index] = open
		stack = append(stack[:0], frame{t: root})
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(top.t.Edges) {
				state[top.t.index] = done
				stack = stack[:len(stack)-1]
				continue
			}
			e := &top.t.Edges[top.next]
			top.next++
			if e.Kind != ToTarget {
				continue
			}
			switch to := e.Unit.Target; state[to.index] {
			case unseen:
				state[to.index] = open
				stack = append(stack, frame{t: to})
			case open:
				var chain []string
				for i := range stack {
					if stack[i].t == to || chain != nil {
						chain = append(chain, stack[i].t.Name)
					}
				}
				m.reportCycle(append(chain, to.Name), e.At)
			}
		}
	}
}

// longestChain is how many targets of a circle a message shows.
const longestChain = 12

func (m *Manifest) reportCycle(chain []string, at Location) {
	if len(chain) == 2 {
		m.diags.Add(diagnostic.Cycle, at, "`"+chain[0]+"` depends on itself")
		return
	}
	if n := len(chain); n > longestChain {
		half := longestChain / 2
		chain = append(append(chain[:half:half], "…"), chain[n-half:]...)
	}
	m.diags.Add(diagnostic.Cycle, at, "targets depend on each other: "+strings.Join(chain, " → "))
}
