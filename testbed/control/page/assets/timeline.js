// What was injected, and when.

import { element, eventText, ruleText, selectorsText } from "./format.js";

const rowHeight = 26, left = 8, right = 14, top = 26, bottom = 22;
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400];

/** Timeline collects the events of a network and draws them. */
export class Timeline {
  constructor(parent, log) {
    this.parent = parent;
    this.log = log;
    this.span = 0; // seconds; 0 is all
    this.reset();
    new ResizeObserver(() => this.draw()).observe(parent);
  }

  reset() {
    this.faults = new Map();
    this.marks = [];
    this.log.replaceChildren();
  }

  add(events) {
    for (const e of events) {
      if (e.event === "fault.set") this.faults.set(e.fault, { id: e.fault, begin: e.elapsed, rule: e.rule, selectors: e.selectors });
      else if (e.event === "fault.cleared") this.faults.has(e.fault) && (this.faults.get(e.fault).end = e.elapsed);
      else if (e.event !== "node.declared" && e.event !== "network.opened") this.marks.push(e);
      this.log.prepend(element("li", {}, element("time", {}, `${e.elapsed.toFixed(2)} s`), element("span", {}, eventText(e))));
    }
    while (this.log.children.length > 500) this.log.lastChild.remove();
    if (this.marks.length > 5000) this.marks.splice(0, 1000);
  }

  /** update also knows the faults whose events came before the page's memory. */
  update(network) {
    this.now = network.elapsed;
    const on = new Set(network.faults.map((f) => f.id));
    for (const f of network.faults) {
      if (!this.faults.has(f.id)) this.faults.set(f.id, { id: f.id, begin: f.since, rule: f.rule, selectors: f.selectors });
    }
    for (const f of this.faults.values()) {
      if (f.end === undefined && !on.has(f.id)) f.end = this.now;
    }
    this.draw();
  }

  draw() {
    const width = this.parent.clientWidth;
    if (!width || this.now === undefined) return;
    const from = this.span ? Math.max(0, this.now - this.span) : 0;
    const to = Math.max(this.now, from + 10);
    const x = (t) => left + ((t - from) / (to - from)) * (width - left - right);
    const bars = [...this.faults.values()].filter((f) => (f.end ?? to) >= from).sort((a, b) => a.begin - b.begin);
    const rows = [];
    const letter = 6.9, pad = 8;
    for (const f of bars) {
      f.text = `${ruleText(f.rule)} · ${selectorsText(f.selectors)}`;
      f.x1 = x(Math.max(f.begin, from));
      f.x2 = Math.max(x(f.end ?? this.now), f.x1 + 3);
      const wanted = f.text.length * letter + 2 * pad;
      f.inside = wanted <= f.x2 - f.x1 || f.x2 - f.x1 > width - right - f.x2;
      const room = Math.floor((f.inside ? f.x2 - f.x1 - 2 * pad : width - f.x2 - pad) / letter);
      f.label = f.text.length > room ? `${f.text.slice(0, Math.max(room - 1, 0))}…` : f.text;
      if (room < 4) f.label = "";
      let row = rows.findIndex((end) => end <= f.x1);
      if (row < 0) row = rows.push(0) - 1;
      rows[row] = f.inside ? f.x2 + 4 : f.x2 + wanted;
      f.row = row;
    }
    const height = top + Math.max(rows.length, 1) * rowHeight + bottom;
    const svg = element("svg:svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${bars.length} faults on a timeline` });
    const step = steps.find((s) => (to - from) / s <= width / 90) || steps.at(-1);
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      svg.append(
        element("svg:path", { class: "grid", d: `M${x(t)} ${top - 8}V${height - bottom}` }),
        element("svg:text", { class: "tick", x: x(t), y: height - 6, "text-anchor": t === 0 ? "start" : "middle" }, t >= 60 && step >= 60 ? `${t / 60} min` : `${t} s`));
    }
    let last = -10;
    for (const e of this.marks) {
      if (e.elapsed < from || x(e.elapsed) - last < 4) continue;
      last = x(e.elapsed);
      const bad = e.event === "connection.refused" || e.event === "error" || e.event === "events.lost";
      svg.append(element("svg:circle", { class: bad ? "mark bad" : "mark", cx: last, cy: 10, r: 3.5 }, element("svg:title", {}, `${e.elapsed.toFixed(2)} s: ${eventText(e)}`)));
    }
    for (const f of bars) {
      const y = top + f.row * rowHeight;
      svg.append(element("svg:g", { class: ["bar", f.rule.partition && "cut", f.end === undefined && "on"].filter(Boolean).join(" ") },
        element("svg:title", {}, `${f.text}\n${f.begin.toFixed(2)} s to ${f.end === undefined ? "now" : `${f.end.toFixed(2)} s`}`),
        element("svg:rect", { x: f.x1, y: y + 2, width: f.x2 - f.x1, height: rowHeight - 6, rx: 4 }),
        element("svg:text", { x: f.inside ? f.x1 + pad : f.x2 + pad, y: y + 16 }, f.label)));
    }
    if (!bars.length) svg.append(element("svg:text", { class: "row", x: left, y: top + 16 }, "No fault has been injected."));
    this.parent.replaceChildren(svg);
  }
}
