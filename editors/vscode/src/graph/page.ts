// Runs in the webview: draws the graph as SVG, moves and zooms it, and tells the
// extension which target was chosen.

import { layOut, nodeHeight, type GraphEdge, type GraphNode, type Layout, type Placed } from "./layout.js";

declare function acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };

const vscode = acquireVsCodeApi();
const svg = document.querySelector("svg") as SVGSVGElement;
const world = document.querySelector("#world") as SVGGElement;
const filter = document.querySelector("#filter") as HTMLInputElement;
const empty = document.querySelector("#empty") as HTMLElement;
const names = "http://www.w3.org/2000/svg";

let layout: Layout = { nodes: [], edges: [], width: 0, height: 0 };
let graph: { nodes: GraphNode[]; edges: GraphEdge[] } = { nodes: [], edges: [] };
let view = { x: 0, y: 0, scale: 1 };
let current = "";
let fitted = false;
const elements = new Map<string, SVGGElement>();
let lines: { edge: GraphEdge; element: SVGPathElement }[] = [];

function make<K extends keyof SVGElementTagNameMap>(name: K, attributes: Record<string, string | number>, parent: Element): SVGElementTagNameMap[K] {
  const element = document.createElementNS(names, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, String(value));
  }
  parent.append(element);
  return element;
}

function show(): void {
  world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
}

/** Shows all of it, not larger than life. */
function fit(): void {
  const box = svg.getBoundingClientRect();
  if (box.width === 0 || layout.nodes.length === 0) {
    return;
  }
  const scale = Math.min(1, box.width / layout.width, box.height / layout.height);
  view = { scale, x: (box.width - layout.width * scale) / 2, y: (box.height - layout.height * scale) / 2 };
  fitted = true;
  show();
}

function zoom(factor: number, x: number, y: number): void {
  const scale = Math.min(4, Math.max(0.05, view.scale * factor));
  view = { scale, x: x - ((x - view.x) * scale) / view.scale, y: y - ((y - view.y) * scale) / view.scale };
  show();
}

function zoomCentre(factor: number): void {
  const box = svg.getBoundingClientRect();
  zoom(factor, box.width / 2, box.height / 2);
}

function draw(): void {
  const wanted = filter.value.trim().toLowerCase();
  const matches = new Set(graph.nodes.filter((n) => n.name.toLowerCase().includes(wanted)).map((n) => n.id));
  if (wanted) { // with what they use, and what uses them
    for (const e of graph.edges) {
      const near = graph.nodes.find((n) => n.id === e.to);
      if (near?.name.toLowerCase().includes(wanted)) {
        matches.add(e.from);
      }
    }
    for (const e of graph.edges) {
      const near = graph.nodes.find((n) => n.id === e.from);
      if (near?.name.toLowerCase().includes(wanted)) {
        matches.add(e.to);
      }
    }
  }
  layout = layOut(graph.nodes.filter((n) => matches.has(n.id)), graph.edges);
  world.replaceChildren();
  elements.clear();
  lines = [];
  const at = new Map(layout.nodes.map((n) => [n.id, n]));
  for (const edge of layout.edges) {
    const from = at.get(edge.from) as Placed;
    const to = at.get(edge.to) as Placed;
    const x1 = from.x + from.width;
    const y1 = from.y + nodeHeight / 2;
    const x2 = to.x;
    const y2 = to.y + nodeHeight / 2;
    const bend = Math.max(36, Math.abs(x2 - x1) / 2);
    lines.push({ edge, element: make("path", { class: "edge", d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 5} ${y2}`, "marker-end": "url(#arrow)" }, world) });
  }
  for (const n of layout.nodes) {
    const group = make("g", { class: `node ${n.kind}`, transform: `translate(${n.x} ${n.y})`, tabindex: 0, role: "button", "aria-label": `${n.name}, ${n.kind}` }, world);
    make("rect", { width: n.width, height: nodeHeight, rx: 5 }, group);
    make("text", { x: 12, y: 15, class: "name" }, group).textContent = n.name;
    make("text", { x: 12, y: 28, class: "kind" }, group).textContent = n.kind.replaceAll("_", " ");
    make("title", {}, group).textContent = `${n.name} (${n.kind})`;
    group.addEventListener("click", () => choose(n.id));
    group.addEventListener("keydown", (e) => (e.key === "Enter" || e.key === " ") && choose(n.id));
    for (const [event, on] of [["mouseenter", true], ["mouseleave", false], ["focus", true], ["blur", false]] as const) {
      group.addEventListener(event, () => light(on ? n.id : current));
    }
    elements.set(n.id, group);
  }
  empty.hidden = layout.nodes.length > 0;
  empty.textContent = graph.nodes.length > 0 ? "Nothing is called like that." : "This project has no targets yet.";
  light(current);
}

function choose(id: string): void {
  vscode.postMessage({ open: id });
}

/** Brings out a node with what it uses and what uses it. */
function light(id: string): void {
  const near = new Set<string>();
  for (const { edge, element } of lines) {
    const on = edge.from === id || edge.to === id;
    element.classList.toggle("near", on);
    if (on) {
      near.add(edge.from).add(edge.to);
    }
  }
  const some = elements.has(id);
  world.classList.toggle("focused", some);
  for (const [name, element] of elements) {
    element.classList.toggle("near", near.has(name) || name === id);
    element.classList.toggle("current", name === current);
  }
}

let drag: { x: number; y: number } | undefined;
svg.addEventListener("pointerdown", (e) => {
  if (!(e.target as Element).closest(".node")) {
    drag = { x: e.clientX - view.x, y: e.clientY - view.y };
    svg.setPointerCapture(e.pointerId);
  }
});
svg.addEventListener("pointermove", (e) => {
  if (drag) {
    view.x = e.clientX - drag.x;
    view.y = e.clientY - drag.y;
    show();
  }
});
svg.addEventListener("pointerup", () => (drag = undefined));
svg.addEventListener("wheel", (e) => {
  e.preventDefault();
  const box = svg.getBoundingClientRect();
  zoom(Math.exp(-e.deltaY * (e.deltaMode === 1 ? 0.05 : 0.0015)), e.clientX - box.x, e.clientY - box.y);
}, { passive: false });
window.addEventListener("resize", () => { if (!fitted) { fit(); } });
window.addEventListener("keydown", (e) => {
  if (e.target === filter) {
    return;
  }
  const step = 60;
  switch (e.key) {
    case "+": case "=": return zoomCentre(1.25);
    case "-": return zoomCentre(0.8);
    case "0": return fit();
    case "ArrowLeft": view.x += step; return show();
    case "ArrowRight": view.x -= step; return show();
    case "ArrowUp": view.y += step; return show();
    case "ArrowDown": view.y -= step; return show();
    case "/": e.preventDefault(); return filter.focus();
  }
});
filter.addEventListener("input", () => { draw(); fit(); });
document.querySelector("#in")?.addEventListener("click", () => zoomCentre(1.25));
document.querySelector("#out")?.addEventListener("click", () => zoomCentre(0.8));
document.querySelector("#fit")?.addEventListener("click", fit);

window.addEventListener("message", (e: MessageEvent<{ graph?: typeof graph; current?: string }>) => {
  if (e.data.graph) {
    graph = e.data.graph;
    draw();
    if (!fitted) {
      fit();
    }
  }
  if (e.data.current !== undefined) {
    current = e.data.current;
    light(current);
  }
});
vscode.postMessage({ ready: true });
