// The switches for the faults of a link, and the faults there are.

import { element, key, linkName, ruleText, selectorsText } from "./format.js";

// One switch each: what it is called, its fields, and what they are at first.
// Shown values are the rule's times `scale`.
const kinds = [
  { name: "Partition", fields: [{ field: "partition", fixed: true }] },
  { name: "Loss", fields: [{ field: "drop_rate", value: 10, scale: 100, unit: "%", max: 100 }] },
  { name: "Delay", fields: [{ field: "delay_ms", value: 100, unit: "ms" }] },
  { name: "Jitter", fields: [{ field: "jitter_ms", value: 20, unit: "ms" }] },
  { name: "Corruption", fields: [{ field: "corrupt_rate", value: 1, scale: 100, unit: "%", max: 100 }] },
  { name: "Bandwidth", fields: [{ field: "bandwidth", value: 100, scale: 1e-3, unit: "kB/s" }] },
  { name: "Duplicates", proto: "udp", fields: [{ field: "duplicate_rate", value: 5, scale: 100, unit: "%", max: 100 }] },
  { name: "Reordering", proto: "udp", fields: [{ field: "reorder_rate", value: 5, scale: 100, unit: "%", max: 100 }] },
  { name: "Resets", proto: "tcp", fields: [{ field: "reset_rate", value: 1, scale: 100, unit: "%", max: 100 }] },
  { name: "Slow close", proto: "tcp", fields: [{ field: "slow_close_ms", value: 1000, unit: "ms" }] },
  { name: "Slices", proto: "tcp", fields: [{ field: "slice", value: 100, unit: "bytes" }] },
];

/** Faults is the panel. `post` sends a request and resolves to an error text. */
export class Faults {
  constructor(parent, post, select) {
    this.post = post;
    this.direction = "both";
    this.which = element("select", { id: "which", onchange: () => select(this.which.value) });
    this.way = element("div", { class: "segments", role: "group", "aria-label": "Direction" });
    for (const [value, text] of [["both", "both ways"], ["forward", "→ forward"], ["backward", "← replies"]]) {
      this.way.append(element("button", { type: "button", "data-way": value, onclick: () => this.turn(value) }, text));
    }
    this.rules = element("ul", { class: "rules" });
    this.rows = kinds.map((kind) => this.row(kind));
    this.rules.append(...this.rows.map((r) => r.item));
    this.list = element("ul");
    this.all = element("button", { type: "button", class: "plain", onclick: () => this.clear(0) }, "Clear all");
    this.problem = element("p", { class: "problem", role: "status" });
    this.active = element("div", { class: "active" }, element("h3", {}, "In force", this.all), this.list);
    parent.append(
      element("div", { class: "which" }, element("label", { for: "which" }, "Link"), this.which, this.way),
      this.rules, this.problem, this.active);
    this.turn("both");
  }

  turn(direction) {
    this.direction = direction;
    for (const b of this.way.children) b.setAttribute("aria-pressed", String(b.dataset.way === direction));
    if (this.network) this.update(this.network, this.selected);
  }

  row(kind) {
    const inputs = kind.fields.filter((f) => !f.fixed).map((f) => element("input", {
      type: "number", min: 0, max: f.max, step: "any", value: f.value, required: true, "aria-label": `${kind.name} in ${f.unit}`,
      onchange: () => this.changed(kind),
    }));
    const toggle = element("button", { type: "button", class: "switch", role: "switch", "aria-checked": "false", "aria-label": kind.name, onclick: () => this.toggle(kind) });
    const values = element("span", { class: "values" });
    kind.fields.forEach((f, i) => !f.fixed && values.append(inputs[i], element("span", { class: "unit" }, f.unit)));
    return { kind, inputs, toggle, item: element("li", {}, element("span", { class: "name" }, kind.name), values, toggle) };
  }

  /** injected is the fault that a switch stands for: of this link, this way, and
   * with nothing but its fields. */
  injected(kind) {
    const l = this.link();
    return l && this.network.faults.find((f) => {
      const s = f.selectors;
      if (s.length !== 1 || s[0].from !== l.from || s[0].to !== l.to || s[0].port !== l.port || s[0].proto !== l.proto) return false;
      const { direction = "both", ...rest } = f.rule;
      const fields = Object.keys(rest);
      return direction === this.direction && fields.length === kind.fields.length && kind.fields.every((x) => fields.includes(x.field));
    });
  }

  link() {
    return this.network && this.network.links.find((l) => key(l) === this.selected);
  }

  rule(row) {
    const rule = this.direction === "both" ? {} : { direction: this.direction };
    row.kind.fields.forEach((f, i) => {
      rule[f.field] = f.fixed || Number(row.inputs[i].value) / (f.scale || 1);
      if (f.field === "bandwidth" || f.field === "slice") rule[f.field] = Math.round(rule[f.field]);
    });
    return rule;
  }

  async toggle(kind) {
    const row = this.rows.find((r) => r.kind === kind), found = this.injected(kind);
    if (row.asked) return; // the second half of a double click
    row.asked = true;
    if (found) await this.clear(found.id);
    else if (this.valid(row)) await this.inject(row);
    row.asked = false;
  }

  /** changed sets a fault anew that is in force with another value. */
  async changed(kind) {
    const row = this.rows.find((r) => r.kind === kind), found = this.injected(kind);
    if (this.valid(row) && found && (await this.inject(row))) await this.clear(found.id);
  }

  /** valid says what is wrong with a value. */
  valid(row) {
    const wrong = row.inputs.findIndex((i) => !i.checkValidity());
    const { max, unit } = row.kind.fields[wrong] || {};
    return this.say(wrong < 0 ? "" : `${row.kind.name}: a number ${max ? `from 0 to ${max}` : "from 0 on"}, in ${unit}`);
  }

  async inject(row) {
    const { from, to, port, proto } = this.link();
    return this.ask("fault", { network: this.network.number, selector: { from, to, port, proto }, rule: this.rule(row) });
  }

  async clear(fault) {
    return this.ask("clear", { network: this.network.number, fault });
  }

  /** ask sends a request. What it has to say does not hide what came later. */
  async ask(what, body) {
    this.say("");
    const problem = await this.post(what, body);
    return problem ? this.say(problem) : true;
  }

  say(problem) {
    this.problem.textContent = problem;
    return !problem;
  }

  update(network, selected) {
    this.network = network;
    this.selected = selected;
    const options = network.links.map((l) => [key(l), `${linkName(l)} ${l.proto}`]);
    const shape = JSON.stringify(options);
    if (shape !== this.shape) {
      this.shape = shape;
      this.which.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
    }
    if (this.which.value !== selected && document.activeElement !== this.which) this.which.value = selected;
    const l = this.link();
    for (const row of this.rows) {
      row.item.hidden = !l || (row.kind.proto && row.kind.proto !== l.proto);
      const found = this.injected(row.kind);
      row.toggle.setAttribute("aria-checked", String(Boolean(found)));
      if (!found) continue;
      row.kind.fields.forEach((f, i) => {
        if (!f.fixed && document.activeElement !== row.inputs[i]) row.inputs[i].value = +(found.rule[f.field] * (f.scale || 1)).toPrecision(6);
      });
    }
    const listed = JSON.stringify(network.faults);
    if (listed === this.listed) return;
    this.listed = listed;
    this.all.hidden = network.faults.length === 0;
    this.list.replaceChildren(...(network.faults.length ? network.faults.map((f) => element("li", {},
      element("div", {}, element("b", {}, ruleText(f.rule)), element("span", {}, selectorsText(f.selectors))),
      element("button", { type: "button", class: "plain", "aria-label": `Clear fault ${f.id}`, onclick: () => this.clear(f.id) }, "Clear")))
      : [element("li", { class: "none" }, "All links are well.")]));
  }
}
