// Gets the state of the testbed from rigx, twice a second, and shows it.

import { clock, element, key } from "./format.js";
import { Faults } from "./faults.js";
import { Links, Rates } from "./links.js";
import { Timeline } from "./timeline.js";
import { Topology } from "./topology.js";

const $ = (id) => document.getElementById(id);

// The token leaves the address bar, and stays for a reload of this tab.
const token = location.hash.slice(1) || sessionStorage.getItem("token") || "";
sessionStorage.setItem("token", token);
history.replaceState(null, "", "/");

const headers = { Authorization: `Bearer ${token}` };

/** post sends a request, and resolves to what went wrong, or nothing. */
async function post(what, body) {
  try {
    const r = await fetch(`/api/${what}`, { method: "POST", headers, body: JSON.stringify(body) });
    return r.ok ? "" : (await r.json()).error;
  } catch {
    return "rigx does not answer.";
  }
}

let shown = 0, selected = "", latest;
const rates = new Map();

const select = (k) => {
  selected = k;
  if (latest) show(latest);
};
const topology = new Topology($("topology"), select);
const faults = new Faults($("faults"), post, select);
const links = new Links($("links"), select);
const timeline = new Timeline($("timeline"), $("events"));
const history_ = new Map(); // the events of each network, for when it is chosen

for (const [seconds, text] of [[60, "1 min"], [600, "10 min"], [0, "all"]]) {
  $("span").append(element("button", {
    type: "button", "aria-pressed": String(seconds === 0), onclick: (e) => {
      timeline.span = seconds;
      for (const b of $("span").children) b.setAttribute("aria-pressed", String(b === e.target));
      timeline.draw();
    },
  }, text));
}

function show(update) {
  latest = update;
  const name = update.target || "script";
  document.title = `${name} – testbed`;
  $("target").textContent = name;
  $("project").textContent = [update.project, `process ${update.pid}`].filter(Boolean).join(" · ");
  const network = update.networks.find((n) => n.number === shown) || update.networks[0];
  $("main").hidden = !network;
  $("empty").hidden = Boolean(network);
  if (!network) {
    $("empty").textContent = "No network is open. It appears here as soon as the script opens one.";
    $("seed").textContent = $("elapsed").textContent = "–";
    return;
  }
  tabs(update.networks, network);
  if (network.number !== shown) {
    shown = network.number;
    timeline.reset();
    timeline.faults.clear();
    timeline.add(history_.get(shown) || []);
  }
  if (!network.links.some((l) => key(l) === selected)) selected = network.links.length ? key(network.links[0]) : "";
  $("seed").textContent = network.seed;
  $("elapsed").textContent = clock(network.elapsed);
  const now = network.rates;
  topology.update(network, now, selected);
  faults.update(network, selected);
  links.update(network, rates.get(network.number), now, selected);
  timeline.update(network);
}

/** receive takes what is new in an update. */
function receive(update) {
  for (const n of update.networks) {
    if (!rates.has(n.number)) rates.set(n.number, new Rates());
    n.rates = rates.get(n.number).add(n);
    const all = history_.get(n.number) || [];
    all.push(...n.events);
    history_.set(n.number, all.slice(-5000));
    if (n.number === shown) timeline.add(n.events);
  }
  show(update);
}

function tabs(networks, chosen) {
  $("networks").hidden = networks.length < 2;
  if (networks.length < 2) return;
  $("networks").className = "segments";
  $("networks").replaceChildren(...networks.map((n) => element("button", {
    type: "button", "aria-pressed": String(n === chosen), onclick: () => {
      shown = -1;
      const only = { ...latest, networks: [n, ...latest.networks.filter((o) => o !== n)] };
      show(only);
    },
  }, `network ${n.number}`)));
}

function status(text, kind) {
  $("live").textContent = text;
  $("live").className = `live ${kind}`;
}

/** follow reads updates until there are no more. */
async function follow() {
  const r = await fetch("/api/stream", { headers });
  if (r.status === 401) {
    status("locked", "off");
    $("empty").textContent = "The token is missing. Open the whole address that rigx printed; `rigx testbed page` prints it again.";
    return false;
  }
  if (!r.ok) throw new Error(await r.text());
  status("live", "on");
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return true;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) receive(JSON.parse(line));
  }
}

try {
  if (await follow()) status("ended", "off");
} catch {
  status("ended", "off");
  if (!latest) $("empty").textContent = "rigx does not answer. The testbed has ended.";
}
