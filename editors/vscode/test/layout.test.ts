// What the picture of the dependencies must keep to.

import assert from "node:assert/strict";
import { test } from "node:test";

import { layOut, nodeHeight, type GraphEdge, type GraphNode } from "../src/graph/layout.js";

const nodes = (...names: string[]): GraphNode[] => names.map((name) => ({ id: name, name, kind: "executable" }));
const edges = (...pairs: string[]): GraphEdge[] => pairs.map((p) => ({ from: p.split(">")[0] as string, to: p.split(">")[1] as string }));

test("what a target uses is to its right", () => {
  const { nodes: placed } = layOut(nodes("lib", "app", "test"), edges("app>lib", "test>app"));
  const x = Object.fromEntries(placed.map((n) => [n.id, n.x]));
  assert.ok((x["test"] as number) < (x["app"] as number) && (x["app"] as number) < (x["lib"] as number));
});

test("nothing lies on anything else", () => {
  const many = nodes(...Array.from({ length: 300 }, (_, i) => `target-${i}`));
  const links = edges(...many.slice(1).map((n, i) => `${n.id}>target-${Math.floor(i / 3)}`));
  const { nodes: placed, width, height } = layOut(many, links);
  for (const a of placed) {
    assert.ok(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + nodeHeight <= height, a.id);
    for (const b of placed) {
      const apart = a.id === b.id || a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + nodeHeight <= b.y || b.y + nodeHeight <= a.y;
      assert.ok(apart, `${a.id} lies on ${b.id}`);
    }
  }
});

test("a chain has no crossings", () => {
  const { nodes: placed } = layOut(nodes("a1", "b1", "a2", "b2"), edges("a1>a2", "b1>b2"));
  const y = Object.fromEntries(placed.map((n) => [n.id, n.y]));
  assert.equal(Math.sign((y["a1"] as number) - (y["b1"] as number)), Math.sign((y["a2"] as number) - (y["b2"] as number)));
});

test("cycles, loops and unknown names do no harm", () => {
  const { nodes: placed, edges: kept } = layOut(nodes("a", "b", "c"), edges("a>b", "b>c", "c>a", "a>a", "a>gone", "gone>b"));
  assert.equal(placed.length, 3);
  assert.equal(kept.length, 3);
});

test("nothing at all", () => {
  const { nodes: placed, width, height } = layOut([], []);
  assert.equal(placed.length, 0);
  assert.ok(width > 0 && height > 0);
});

test("a thousand targets take no time that anybody notices", () => {
  const many = nodes(...Array.from({ length: 1000 }, (_, i) => `component-${i}`));
  const links = edges(...many.slice(1).flatMap((n, i) => [`${n.id}>component-${Math.floor(i / 2)}`, `${n.id}>component-${Math.floor(i / 5)}`]));
  assert.equal(layOut(many, links).nodes.length, 1000);
});
