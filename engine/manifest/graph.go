package manifest

import "strings"

// GraphNode is a target or a leaf that targets depend on.
type GraphNode struct {
	Kind EdgeKind
	// Name of the target, package or dependency.
	Name string
	// Target for ToTarget, else nil.
	Target *Target
}

// GraphEdge says that one node depends on another; both index Graph.Nodes.
type GraphEdge struct{ From, To int }

// Graph is the part of the dependency graph that some targets reach.
type Graph struct {
	Nodes []GraphNode
	Edges []GraphEdge
}

// Graph returns what roots reach, in depth-first order, each node and edge
// once. Variants differ in flags, not in what the graph shows, so a target is
// one node.
func (m *Manifest) Graph(roots []*Target) Graph {
	type key struct {
		kind EdgeKind
		name string
	}
	var (
		g     Graph
		index = make(map[key]int, len(m.Targets))
		drawn = map[GraphEdge]bool{}
	)
	// node returns the index of a node and whether it is new.
	node := func(n GraphNode) (int, bool) {
		k := key{n.Kind, n.Name}
		if i, ok := index[k]; ok {
			return i, false
		}
		index[k] = len(g.Nodes)
		g.Nodes = append(g.Nodes, n)
		return len(g.Nodes) - 1, true
	}
	type frame struct{ node, next int }
	for _, root := range roots {
		i, fresh := node(GraphNode{ToTarget, root.Name, root})
		if !fresh {
			continue
		}
		// An explicit stack: chains may be very long.
		for stack := []frame{{node: i}}; len(stack) > 0; {
			top := &stack[len(stack)-1]
			edges := g.Nodes[top.node].Target.Edges
			if top.next == len(edges) {
				stack = stack[:len(stack)-1]
				continue
			}
			e := &edges[top.next]
			top.next++
			to, fresh := node(GraphNode{e.Kind, e.Name, e.Unit.Target})
			edge := GraphEdge{top.node, to}
			if !drawn[edge] {
				drawn[edge] = true
				g.Edges = append(g.Edges, edge)
			}
			if fresh && e.Kind == ToTarget {
				stack = append(stack, frame{node: to})
			}
		}
	}
	return g
}

// class is the style of a node in drawings.
func (n GraphNode) class() string {
	return [...]string{"internal", "cross_flake", "nixpkgs", "git", "external"}[n.Kind]
}

// label is the text of a node in drawings.
func (n GraphNode) label() string {
	switch n.Kind {
	case ToTarget:
		return n.Name + " [" + n.Target.Kind.String() + "]"
	case ToNixpkgs:
		return "pkgs." + n.Name
	case ToGit:
		return "git:" + n.Name
	case ToExternal:
		return "external:" + n.Name
	}
	return n.Name
}

var classes = []struct{ name, style, dot string }{
	{"internal", "fill:#e1f5fe,stroke:#01579b", `shape=box, fillcolor="#e1f5fe", color="#01579b"`},
	{"nixpkgs", "fill:#f3e5f5,stroke:#4a148c", `shape=oval, fillcolor="#f3e5f5", color="#4a148c"`},
	{"git", "fill:#fff3e0,stroke:#e65100", `shape=oval, fillcolor="#fff3e0", color="#e65100"`},
	{"cross_flake", "fill:#e0f7fa,stroke:#006064,stroke-dasharray:4 2", `shape=oval, style="filled,dashed", fillcolor="#e0f7fa", color="#006064"`},
	{"external", "fill:#fffde7,stroke:#f57f17", `shape=oval, fillcolor="#fffde7", color="#f57f17"`},
}

// ids gives each node a name that Mermaid accepts, unique in the graph.
func (g Graph) ids() []string {
	ids := make([]string, len(g.Nodes))
	taken := make(map[string]bool, len(g.Nodes))
	for i, n := range g.Nodes {
		id := identifierOf(n.Name)
		switch n.Kind {
		case ToNixpkgs:
			id = "pkg_" + id
		case ToGit:
			id = "git_" + id
		case ToExternal:
			id = "ext_" + id
		case ToLocal:
			id = "local_" + id
		}
		for taken[id] {
			id += "_"
		}
		taken[id] = true
		ids[i] = id
	}
	return ids
}

// mermaidWords end or start something in Mermaid and cannot name a node.
var mermaidWords = map[string]bool{"end": true, "graph": true, "subgraph": true, "class": true, "classDef": true, "style": true, "click": true, "default": true}

func identifierOf(name string) string {
	var b strings.Builder
	for _, c := range name {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			b.WriteRune(c)
		} else {
			b.WriteByte('_')
		}
	}
	id := b.String()
	if mermaidWords[id] || id == "" {
		return id + "_"
	}
	return id
}

// Mermaid draws the graph as GitHub and others render it inline.
func (g Graph) Mermaid() string {
	var b strings.Builder
	ids := g.ids()
	b.WriteString("graph TD\n")
	for i, n := range g.Nodes {
		open, end := `(["`, `"])`
		if n.Kind == ToTarget {
			open, end = `["`, `"]`
		}
		b.WriteString("    " + ids[i] + open + mermaidText(n.label()) + end + "\n")
	}
	for _, e := range g.Edges {
		b.WriteString("    " + ids[e.From] + " --> " + ids[e.To] + "\n")
	}
	for _, c := range classes[:4] {
		b.WriteString("    classDef " + c.name + " " + c.style + "\n")
	}
	members := map[string][]string{}
	for i, n := range g.Nodes {
		members[n.class()] = append(members[n.class()], ids[i])
	}
	if len(members["external"]) > 0 {
		b.WriteString("    classDef external " + classes[4].style + "\n")
	}
	for _, c := range classes {
		if len(members[c.name]) > 0 {
			b.WriteString("    class " + strings.Join(members[c.name], ",") + " " + c.name + "\n")
		}
	}
	return b.String()
}

var mermaidText = strings.NewReplacer(`"`, "#quot;", "#", "#35;").Replace

// Dot draws the graph for Graphviz.
func (g Graph) Dot() string {
	var b strings.Builder
	b.WriteString("digraph rigx {\n    node [style=filled, fontname=\"sans-serif\"];\n")
	style := map[string]string{}
	for _, c := range classes {
		style[c.name] = c.dot
	}
	ids := g.ids()
	for i, n := range g.Nodes {
		b.WriteString("    " + dotString(ids[i]) + " [label=" + dotString(n.label()) + ", " + style[n.class()] + "];\n")
	}
	for _, e := range g.Edges {
		b.WriteString("    " + dotString(ids[e.From]) + " -> " + dotString(ids[e.To]) + ";\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func dotString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// graphKinds are the words for EdgeKind in JSON.
var graphKinds = [...]string{"target", "local", "nixpkgs", "git", "external"}

// GraphJSON is the graph as data.
type GraphJSON struct {
	Nodes []GraphNodeJSON `json:"nodes"`
	Edges []GraphEdgeJSON `json:"edges"`
}

// GraphNodeJSON is a node; ID is unique in the graph.
type GraphNodeJSON struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Name       string `json:"name"`
	TargetKind string `json:"kind,omitempty"`
}

// GraphEdgeJSON says that From depends on To.
type GraphEdgeJSON struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// JSON returns the graph as data.
func (g Graph) JSON() GraphJSON {
	ids := g.ids()
	out := GraphJSON{Nodes: make([]GraphNodeJSON, len(g.Nodes)), Edges: make([]GraphEdgeJSON, len(g.Edges))}
	for i, n := range g.Nodes {
		out.Nodes[i] = GraphNodeJSON{ID: ids[i], Type: graphKinds[n.Kind], Name: n.Name}
		if n.Target != nil {
			out.Nodes[i].TargetKind = n.Target.Kind.String()
		}
	}
	for i, e := range g.Edges {
		out.Edges[i] = GraphEdgeJSON{ids[e.From], ids[e.To]}
	}
	return out
}
