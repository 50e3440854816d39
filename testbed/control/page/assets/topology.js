// The picture of nodes and links: sources on the left, what they reach to the
// right of them.

import { element, key, linkName, rate, ruleText } from "./format.js";

const gapX = 270, gapY = 36, lane = 38, padding = 12, loop = 34;

/** layout finds a place for each node and a path for each link. */
export function layout(nodes, links) {
  const ranks = rank(nodes, links);
  const columns = [];
  nodes.forEach((n) => (columns[ranks.get(n.name)] ||= []).push(n.name));
  untangle(columns, links);

  const out = new Map(nodes.map((n) => [n.name, []])), into = new Map(nodes.map((n) => [n.name, []]));
  for (const l of links) {
    out.get(l.from)?.push(l);
    into.get(l.to)?.push(l);
  }
  const boxes = new Map();
  let x = padding + loop, height = 0;
  const heights = columns.map((names) => names.reduce((sum, name) => {
    const ends = Math.max(out.get(name).length, into.get(name).length, 1);
    const node = nodes.find((n) => n.name === name);
    const w = Math.max(128, 22 + 8.2 * name.length, 22 + 6.4 * (node.address || "").length);
    const h = Math.max(58, lane * ends + 10);
    boxes.set(name, { w, h, node });
    return sum + h + gapY;
  }, -gapY));
  height = Math.max(...heights, 0) + 2 * padding;
  columns.forEach((names, i) => {
    const width = Math.max(...names.map((n) => boxes.get(n).w));
    let y = (height - heights[i]) / 2;
    for (const name of names) {
      const b = boxes.get(name);
      b.x = x + (width - b.w) / 2;
      b.y = y;
      y += b.h + gapY;
    }
    x += width + gapX;
  });
  const paths = new Map();
  const middle = (name) => boxes.get(name).y + boxes.get(name).h / 2;
  const at = (list, l, b) => b.y + b.h / 2 + (list.indexOf(l) - (list.length - 1) / 2) * lane;
  for (const list of out.values()) list.sort((a, b) => middle(a.to) - middle(b.to) || links.indexOf(a) - links.indexOf(b));
  for (const list of into.values()) list.sort((a, b) => middle(a.from) - middle(b.from) || links.indexOf(a) - links.indexOf(b));
  let below = 0;
  for (const l of links) {
    const a = boxes.get(l.from), b = boxes.get(l.to);
    if (!a || !b) continue;
    const x1 = a.x + a.w, y1 = at(out.get(l.from), l, a), x2 = b.x - 7, y2 = at(into.get(l.to), l, b);
    if (x2 > x1) {
      const bend = Math.min(90, (x2 - x1) / 2);
      paths.set(key(l), { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, x: (x1 + x2) / 2, y: (y1 + y2) / 2, x2, y2 });
    } else { // back to the left, below everything
      const y = height + lane * below++;
      paths.set(key(l), {
        d: `M${x1} ${y1}c${loop} 0 ${loop} ${y - y1} 0 ${y - y1}H${x2}c${-loop} 0 ${-loop} ${y2 - y} 0 ${y2 - y}`,
        x: (x1 + x2) / 2, y, x2, y2,
      });
    }
  }
  return { boxes, paths, width: x - gapX + padding + loop, height: height + lane * below };
}

/** rank puts each node right of those that link to it; links that close a cycle
 * do not count. */
function rank(nodes, links) {
  const ranks = new Map(), open = new Set(), order = [];
  const next = new Map(nodes.map((n) => [n.name, []]));
  for (const l of links) next.get(l.from)?.push(l.to);
  const back = new Set();
  const visit = (name) => {
    if (ranks.has(name)) return;
    ranks.set(name, 0);
    open.add(name);
    for (const to of next.get(name) || []) {
      if (open.has(to)) back.add(JSON.stringify([name, to]));
      else visit(to);
    }
    open.delete(name);
    order.unshift(name);
  };
  const targets = new Set(links.map((l) => l.to));
  nodes.filter((n) => !targets.has(n.name)).concat(nodes).forEach((n) => visit(n.name));
  for (const name of order) {
    for (const to of next.get(name)) {
      if (!back.has(JSON.stringify([name, to]))) ranks.set(to, Math.max(ranks.get(to), ranks.get(name) + 1));
    }
  }
  return ranks;
}

/** untangle orders the nodes of each column by where their neighbours are. */
function untangle(columns, links) {
  for (let sweep = 0; sweep < 4; sweep++) {
    const place = new Map();
    columns.forEach((names) => names.forEach((n, i) => place.set(n, i / names.length)));
    for (const names of columns) {
      const weight = new Map(names.map((n) => {
        const near = links.flatMap((l) => (l.from === n ? [place.get(l.to)] : l.to === n ? [place.get(l.from)] : []));
        return [n, near.length ? near.reduce((a, b) => a + b, 0) / near.length : place.get(n)];
      }));
      names.sort((a, b) => weight.get(a) - weight.get(b));
    }
  }
}

/** Topology draws a network into an element. */
export class Topology {
  constructor(parent, select) {
    this.parent = parent;
    this.select = select;
  }

  update(network, rates, selected) {
    const shape = JSON.stringify([network.nodes.map((n) => [n.name, n.address]), network.links.map(key)]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.draw(network);
    }
    for (const l of network.links) {
      const k = key(l), d = this.drawn.get(k);
      if (!d) continue;
      const faults = network.faults.filter((f) => l.faults.includes(f.id));
      const cut = faults.some((f) => f.rule.partition);
      const now = rates.get(k) || { forward: 0, backward: 0 };
      const busy = now.forward + now.backward > 0;
      d.group.setAttribute("class", ["link", l.proto, busy && "busy", faults.length && "faulty", cut && "cut", k === selected && "selected"].filter(Boolean).join(" "));
      d.rate.textContent = busy ? `  → ${rate(now.forward)}${now.backward ? `  ← ${rate(now.backward)}` : ""}` : "  idle";
      const text = faults.map((f) => ruleText(f.rule)).join("; ");
      const letters = d.port.length + d.rate.textContent.length;
      d.plate.setAttribute("width", letters * 6.5 + 12);
      d.plate.setAttribute("x", d.x - (letters * 6.5 + 12) / 2);
      d.rules.textContent = text.length > 46 ? `${faults.length} faults` : text;
      d.title.textContent = `${linkName(l)} ${l.proto}${text ? `: ${text}` : ""}`;
    }
  }

  draw(network) {
    const { boxes, paths, width, height } = layout(network.nodes, network.links);
    this.drawn = new Map();
    const svg = element("svg:svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "Nodes and links" });
    for (const l of network.links) {
      const k = key(l), p = paths.get(k);
      if (!p) continue;
      const plate = element("svg:rect", { class: "plate", y: p.y - 9, height: 18 });
      const title = element("svg:title"), rate = element("svg:tspan"), rules = element("svg:text", { class: "rules", x: p.x, y: p.y + 20, "text-anchor": "middle" });
      const group = element("svg:g", {
        class: "link", tabindex: 0, role: "button", "aria-label": `${linkName(l)} ${l.proto}`,
        onclick: () => this.select(k),
        onkeydown: (e) => {
          if (e.key === "Enter" || e.key === " ") {
            e.preventDefault();
            this.select(k);
          }
        },
      },
      title,
      element("svg:path", { class: "hit", d: p.d }),
      element("svg:path", { class: "wire", d: p.d }),
      element("svg:path", { class: "head", d: `M${p.x2 + 7} ${p.y2}l-9 -4.5v9z` }),
      plate,
      element("svg:text", { x: p.x, y: p.y + 4, "text-anchor": "middle" }, element("svg:tspan", { class: "port" }, `${l.port}`), rate),
      rules);
      this.drawn.set(k, { group, plate, rate, rules, title, x: p.x, port: String(l.port) });
      svg.append(group);
    }
    for (const [name, b] of boxes) {
      const ports = [...(b.node.tcp || []).map((p) => `${p}`), ...(b.node.udp || []).map((p) => `${p}/udp`)].join(", ");
      svg.append(element("svg:g", { class: "node" },
        element("svg:title", {}, ports ? `${name} listens on ${ports}` : name),
        element("svg:rect", { x: b.x, y: b.y, width: b.w, height: b.h, rx: 8 }),
        element("svg:text", { x: b.x + b.w / 2, y: b.y + b.h / 2 - 3, "text-anchor": "middle" }, name),
        element("svg:text", { class: "at", x: b.x + b.w / 2, y: b.y + b.h / 2 + 14, "text-anchor": "middle" }, b.node.address || "")));
    }
    svg.style.minWidth = `${width * 0.7}px`; // letters stay readable; it scrolls
    this.parent.replaceChildren(svg);
  }
}
