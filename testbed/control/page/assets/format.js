// How numbers, links, rules and events are written.

const units = ["B", "kB", "MB", "GB"];

/** bytes writes an amount with three digits: 12.3 kB. */
export function bytes(n) {
  let unit = 0;
  while (n >= 999.5 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  const digits = unit === 0 || n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2;
  return `${n.toFixed(digits)} ${units[unit]}`;
}

export const rate = (n) => `${bytes(n)}/s`;

export const count = (n) => n.toLocaleString("en");

/** clock writes seconds as 1:05 or 1:02:05. */
export function clock(seconds) {
  const s = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${two(s % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}

/** key tells links apart. */
export const key = (l) => JSON.stringify([l.from, l.to, l.port, l.proto]);

export const linkName = (l) => `${l.from} → ${l.to}:${l.port}`;

const percent = (x) => `${+(x * 100).toPrecision(3)} %`;

const ms = (x) => (x >= 1000 ? `${+(x / 1000).toPrecision(3)} s` : `${+x.toPrecision(3)} ms`);

/** ruleText says what a rule does, in a few words. */
export function ruleText(r) {
  const parts = [];
  if (r.partition) parts.push("partition");
  if (r.drop_rate) parts.push(`loss ${percent(r.drop_rate)}`);
  if (r.burst) parts.push(`bursts of loss, ${percent(r.burst.enter)} in, ${percent(r.burst.leave)} out`);
  if (r.delay_ms || r.jitter_ms) parts.push(`delay ${ms(r.delay_ms || 0)}${r.jitter_ms ? ` ± ${ms(r.jitter_ms)}` : ""}`);
  if (r.corrupt_rate) parts.push(`corruption ${percent(r.corrupt_rate)}`);
  if (r.duplicate_rate) parts.push(`duplicates ${percent(r.duplicate_rate)}`);
  if (r.reorder_rate) parts.push(`reordering ${percent(r.reorder_rate)}`);
  if (r.bandwidth) parts.push(`at most ${rate(r.bandwidth)}`);
  if (r.reset_rate) parts.push(`resets ${percent(r.reset_rate)}`);
  if (r.slow_close_ms) parts.push(`close after ${ms(r.slow_close_ms)}`);
  if (r.slice) parts.push(`slices of ${bytes(r.slice)}${r.slice_delay_ms ? ` every ${ms(r.slice_delay_ms)}` : ""}`);
  if (r.limit_bytes) parts.push(`ends after ${bytes(r.limit_bytes)}`);
  if (r.limit_ms) parts.push(`ends after ${ms(r.limit_ms)}`);
  const way = { forward: ", forward only", backward: ", replies only" }[r.direction] || "";
  return (parts.join(", ") || "no effect") + way;
}

/** selectorText says which links a selector matches. */
export function selectorText(s) {
  const port = s.port ? `:${s.port}` : "";
  const proto = s.proto ? ` ${s.proto}` : "";
  return `${s.from || "all"} → ${s.to || "all"}${port}${proto}`;
}

/** selectorsText is short for the pairs of a partition, too. */
export function selectorsText(selectors) {
  const all = selectors || [];
  const pairs = all.filter((s) => !all.some((o) => o.from === s.to && o.to === s.from && o.from < s.from));
  const texts = pairs.map((s) =>
    all.some((o) => o !== s && o.from === s.to && o.to === s.from) ? `${s.from} ↔ ${s.to}` : selectorText(s));
  return texts.length > 3 ? `${texts.slice(0, 2).join(", ")} and ${texts.length - 2} more` : texts.join(", ");
}

/** eventText tells what happened. */
export function eventText(e) {
  switch (e.event) {
    case "fault.set": return `fault ${e.fault}: ${ruleText(e.rule || {})}, ${selectorsText(e.selectors)}`;
    case "fault.cleared": return `fault ${e.fault} ends`;
    case "node.declared": return `${e.node} is declared at ${e.address}`;
    case "node.attached": return `${e.node} runs`;
    case "node.detached": return `${e.node} has been stopped`;
    case "connection.refused": return `${linkName(e.link)} is refused: ${e.error || ""}`;
    case "network.opened": return "the network is opened";
    case "network.closed": return "the network is closed";
    case "record.started": return "a recording begins";
    case "record.stopped": return "a recording ends";
    case "events.lost": return `${e.lost} events were lost`;
    default: return [e.event, e.node, e.link && linkName(e.link), e.error].filter(Boolean).join(" ");
  }
}

/** element makes an HTML or SVG element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const [tag, svg] = name.startsWith("svg:") ? [name.slice(4), true] : [name, false];
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) {
    if (v === undefined || v === false) continue;
    if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else e.setAttribute(k, v === true ? "" : v);
  }
  e.append(...children.filter((c) => c !== undefined && c !== null));
  return e;
}
