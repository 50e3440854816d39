// Places the nodes of a dependency graph in layers: what a target uses is to its
// right. Pure, so that it is tested without an editor.

export interface GraphNode {
  id: string;
  name: string;
  kind: string;
}

export interface GraphEdge {
  from: string;
  to: string;
}

export interface Placed extends GraphNode {
  x: number;
  y: number;
  width: number;
}

export interface Layout {
  nodes: Placed[];
  edges: GraphEdge[];
  width: number;
  height: number;
}

/** In pixels, before zooming. */
export const nodeHeight = 34;
const rowHeight = 50;
const columnGap = 90;
const margin = 24;

/** A cycle, which a broken file can have, is cut where the search meets itself. */
function layersOf(nodes: GraphNode[], uses: Map<string, string[]>): Map<string, number> {
  const layer = new Map<string, number>();
  const open = new Set<string>();
  const users = new Map<string, string[]>();
  for (const [from, list] of uses) {
    for (const to of list) {
      users.set(to, [...(users.get(to) ?? []), from]);
    }
  }
  const visit = (id: string): number => {
    const known = layer.get(id);
    if (known !== undefined) {
      return known;
    }
    if (open.has(id)) {
      return -1;
    }
    open.add(id);
    const depth = Math.max(-1, ...(users.get(id) ?? []).map(visit)) + 1;
    open.delete(id);
    layer.set(id, depth);
    return depth;
  };
  nodes.forEach((n) => visit(n.id));
  return layer;
}

/** Orders each layer by where its neighbours are, which untangles most edges. */
function untangle(layers: string[][], uses: Map<string, string[]>): void {
  const neighbours = new Map<string, string[]>();
  for (const [from, list] of uses) {
    for (const to of list) {
      neighbours.set(from, [...(neighbours.get(from) ?? []), to]);
      neighbours.set(to, [...(neighbours.get(to) ?? []), from]);
    }
  }
  const row = new Map<string, number>();
  const number = (layer: string[]): void => layer.forEach((id, i) => row.set(id, i));
  layers.forEach(number);
  for (let pass = 0; pass < 6; pass++) {
    const order = pass % 2 === 0 ? layers : [...layers].reverse();
    for (const layer of order) {
      const wish = new Map(layer.map((id, i) => {
        const near = (neighbours.get(id) ?? []).map((n) => row.get(n) ?? 0);
        return [id, near.length > 0 ? near.reduce((a, b) => a + b, 0) / near.length : i] as const;
      }));
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      number(layer);
    }
  }
}

/** Lays out a graph. Edges to or from unknown nodes are left out. */
export function layOut(nodes: GraphNode[], edges: GraphEdge[]): Layout {
  const known = new Map(nodes.map((n) => [n.id, n]));
  const kept = edges.filter((e) => known.has(e.from) && known.has(e.to) && e.from !== e.to);
  const uses = new Map<string, string[]>();
  for (const e of kept) {
    uses.set(e.from, [...(uses.get(e.from) ?? []), e.to]);
  }
  const layer = layersOf(nodes, uses);
  const layers: string[][] = [];
  for (const n of nodes) {
    const l = Math.max(0, layer.get(n.id) ?? 0);
    (layers[l] ??= []).push(n.id);
  }
  const dense = layers.filter((l) => l !== undefined);
  untangle(dense, uses);
  const tallest = Math.max(1, ...dense.map((l) => l.length));
  const placed: Placed[] = [];
  let x = margin;
  for (const ids of dense) {
    const width = Math.max(...ids.map((id) => widthOf(known.get(id) as GraphNode)));
    const top = margin + ((tallest - ids.length) * rowHeight) / 2;
    ids.forEach((id, i) => {
      const node = known.get(id) as GraphNode;
      placed.push({ ...node, x, y: top + i * rowHeight, width: widthOf(node) });
    });
    x += width + columnGap;
  }
  return { nodes: placed, edges: kept, width: Math.max(x - columnGap + margin, 2 * margin), height: tallest * rowHeight - (rowHeight - nodeHeight) + 2 * margin };
}

function widthOf(node: GraphNode): number {
  return 28 + Math.max(node.name.length * 7.8, node.kind.length * 6);
}
