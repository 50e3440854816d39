// The table of links, and how much passes them just now.

import { bytes, count, element, key, rate } from "./format.js";

const window_ = 2; // seconds over which a rate is taken
const kept = 121; // samples for the little curves

/** Rates remembers what passed the links of a network. */
export class Rates {
  constructor() {
    this.history = new Map();
  }

  /** add takes a state and returns the bytes per second of each link. */
  add(network) {
    const now = new Map();
    for (const l of network.links) {
      const k = key(l), h = this.history.get(k) || [];
      if (!h.length || network.elapsed - h.at(-1).t > 0.4) h.push({ t: network.elapsed, forward: l.forward.bytes, backward: l.backward.bytes });
      if (h.length > kept) h.shift();
      this.history.set(k, h);
      const first = h.find((s) => s.t >= network.elapsed - window_) || h[0], past = network.elapsed - first.t;
      now.set(k, past > 0 ? { forward: (l.forward.bytes - first.forward) / past, backward: (l.backward.bytes - first.backward) / past } : { forward: 0, backward: 0 });
    }
    return now;
  }

  /** curve is a path of the rates of the last minute in a box of 100 by 20. */
  curve(k, way, most) {
    const h = this.history.get(k) || [];
    const points = h.slice(1).map((s, i) => (s[way] - h[i][way]) / Math.max(s.t - h[i].t, 1e-3));
    if (!most || points.length < 2) return "";
    return points.map((p, i) => `${i ? "L" : "M"}${(100 - ((points.length - 1 - i) * 100) / (kept - 2)).toFixed(1)} ${(19 - (18 * p) / most).toFixed(1)}`).join("");
  }

  most(k) {
    const h = this.history.get(k) || [];
    let most = 0;
    for (let i = 1; i < h.length; i++) {
      const dt = Math.max(h[i].t - h[i - 1].t, 1e-3);
      most = Math.max(most, (h[i].forward - h[i - 1].forward) / dt, (h[i].backward - h[i - 1].backward) / dt);
    }
    return most;
  }
}

/** Links fills the table. */
export class Links {
  constructor(table, select) {
    this.table = table;
    this.select = select;
    this.rows = new Map();
    this.body = element("tbody");
    const head = [["Link"], ["Forward", true], ["Replies", true], ["Last minute"], ["Total", true], ["Open", true], ["Lost", true], ["Refused", true]];
    table.append(element("thead", {}, element("tr", {}, ...head.map(([text, number]) => element("th", { scope: "col", class: number && "number" }, text)))), this.body);
  }

  update(network, rates, now, selected) {
    const keys = network.links.map(key), shape = keys.join();
    if (shape !== this.shape) {
      this.shape = shape;
      this.rows = new Map(network.links.map((l) => [key(l), this.row(l)]));
      this.body.replaceChildren(...[...this.rows.values()].map((r) => r.item));
    }
    for (const l of network.links) {
      const k = key(l), r = this.rows.get(k), speed = now.get(k);
      const lost = (l.forward.dropped || 0) + (l.backward.dropped || 0), most = rates.most(k);
      r.item.className = k === selected ? "selected" : "";
      r.forward.textContent = rate(speed.forward);
      r.backward.textContent = rate(speed.backward);
      r.total.textContent = bytes(l.forward.bytes + l.backward.bytes);
      r.open.textContent = count(l.open);
      r.lost.textContent = count(lost);
      r.lost.className = lost ? "number bad" : "number";
      r.refused.textContent = count(l.refused);
      r.curves[0].setAttribute("d", rates.curve(k, "backward", most));
      r.curves[1].setAttribute("d", rates.curve(k, "forward", most));
    }
  }

  row(l) {
    const number = () => element("td", { class: "number" });
    const r = { forward: number(), backward: number(), total: number(), open: number(), lost: number(), refused: number() };
    r.curves = [element("svg:path", { class: "back" }), element("svg:path")];
    const curve = element("svg:svg", { class: "spark", viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true" }, ...r.curves);
    r.item = element("tr", { onclick: () => this.select(key(l)) },
      element("td", {}, `${l.from} → ${l.to}:${l.port} `, element("span", { class: "proto" }, l.proto)),
      r.forward, r.backward, element("td", {}, curve), r.total, r.open, r.lost, r.refused);
    return r;
  }
}
