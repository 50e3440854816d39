// What goes wrong for people who use the extension: no program, another version, a server
// that dies, no Nix, a workspace that is not trusted, none, two, or one that cannot be
// written, and a file that is much too long. Each step leaves a picture.
//
//   CODE_SERVER=DIR node test/trouble.mjs BIN PICTURES
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { base, bin, example, finish, folder, lineOf, processes, programs, serve, settings, step, until, Window } from "./window.mjs";

const project = example("my project #1");
const manifest = path.join(project, "rigx.toml");

/** One step in a fresh VS Code. where is what follows its address, or makes it from that. */
async function trouble(title, { name, machine = programs, user = {}, where = folder(project) }, action) {
  const code = await serve("code-" + name, machine, user);
  const window = await Window.open(code.url, typeof where === "string" ? where : where(code.url), name);
  try {
    await step(title, window, () => action(window));
  } finally {
    await window.page.context().close();
    code.stop();
  }
}

/** A program that stands for another. */
function script(name, text) {
  const file = path.join(base, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, "#!/bin/sh\n" + text + "\n", { mode: 0o755 });
  return file;
}

const toast = (w, text) => w.page.locator(".notification-toast", { hasText: text }).first();

await trouble("a workspace that is not trusted is checked, and runs nothing", {
  name: "untrusted",
  user: { "security.workspace.trust.enabled": true, "security.workspace.trust.startupPrompt": "never", "security.workspace.trust.emptyWindow": false },
}, async (w) => {
  await w.page.waitForSelector(".explorer-folders-view .monaco-list-row");
  await w.file("rigx.toml");
  await w.page.waitForTimeout(4000);
  await w.picture("restricted");
  assert.equal(await w.lens("Build").count(), 0);
  assert.ok(!existsSync(path.join(project, "output")));
});

await trouble("a missing server is said, with what to do; it is started once it is there", {
  name: "missing", machine: { "rigx.server.path": "/nonexistent/rigx-ls" },
}, async (w) => {
  await toast(w, "/nonexistent/rigx-ls, which is not there").waitFor();
  await w.picture("said");
  await w.file("rigx.toml");
  assert.equal(await w.lens("Build").count(), 0);
  settings(path.join(base, "code-missing", "Machine/settings.json"), programs);
  await w.lens("Build").first().waitFor();
});

// Says another version of the same length.
mkdirSync(path.join(base, "other"));
writeFileSync(path.join(base, "other/older.mjs"), `import { spawn } from "node:child_process";
const server = spawn(${JSON.stringify(path.join(bin, "rigx-ls"))}, { stdio: ["inherit", "pipe", "inherit"] });
server.stdout.on("data", (d) => process.stdout.write(d.toString("latin1").replace('"version":"0.10.', '"version":"0.09.'), "latin1"));
server.on("exit", (status) => process.exit(status ?? 1));
`);
await trouble("a server of another version is said", {
  name: "version",
  machine: { ...programs, "rigx.server.path": script("other/rigx-ls", `exec node "${path.join(base, "other/older.mjs")}"`) },
}, async (w) => {
  await toast(w, "is version 0.09.0; this extension is made for 0.10.0").waitFor();
  await w.file("rigx.toml");
  await w.lens("Build").first().waitFor();
  await w.picture("said");
});

const mortal = path.join(base, "mortal", "rigx-ls");
mkdirSync(path.dirname(mortal));
copyFileSync(path.join(bin, "rigx-ls"), mortal);
await trouble("a server that dies is started again five times", { name: "crash", machine: { ...programs, "rigx.server.path": mortal } }, async (w) => {
  await w.file("rigx.toml");
  await w.lens("Build").first().waitFor();
  for (let death = 1, last = ""; death <= 6; death++) {
    const [pid] = await until("a server runs", () => processes(mortal).length > 0 && processes(mortal)[0] !== last && processes(mortal));
    if (death === 6) {
      await w.line(lineOf(manifest, "[targets.greet]"), 3);
      await w.lens("Build").first().waitFor();
      await w.picture("fifth");
    }
    process.kill(Number(pid), "SIGKILL");
    last = pid;
  }
  await toast(w, "ended 6 times and is not started again").waitFor();
  await w.page.waitForTimeout(400);
  await w.picture("given-up");
  assert.deepEqual(processes(mortal), []);
  await w.command("rigx: Restart the language server");
  await until("it is started when it is asked for", () => processes(mortal).length > 0);
});

await trouble("without Nix, Build says what to install", {
  name: "no-nix",
  machine: { ...programs, "rigx.program": script("no-nix/rigx", `PATH=/nonexistent exec "${bin}/rigx" "$@"`) },
}, async (w) => {
  await w.file("rigx.toml");
  await w.lens("Build").first().waitFor();
  await w.clickLens(lineOf(manifest, "[targets.greet]"), "Build");
  await w.ended("error", "build greet");
  await w.page.locator(".xterm-rows", { hasText: "Nix is not installed" }).first().waitFor();
  await w.picture("said");
});

await trouble("a file without a workspace is checked and built", {
  name: "no-folder",
  where: (url) => `?ew=true&payload=${encodeURIComponent(JSON.stringify([["openFile", `vscode-remote://${new URL(url).host}${encodeURI(manifest).replace("#", "%23")}`]]))}`,
}, async (w) => {
  await w.lens("Build").first().waitFor();
  await w.clickLens(lineOf(manifest, "[targets.greet]"), "Build");
  await w.ended("check", "build greet");
  await w.lens("Build ✓").first().waitFor();
  assert.ok(existsSync(path.join(project, "output/greet")));
  await w.picture("built");
});

const second = path.join(base, "second");
mkdirSync(second);
writeFileSync(path.join(second, "rigx.toml"), '[project]\nname = "second"\n\n[targets.other]\nkind   = "test"\nscript = "true"\n');
const both = path.join(base, "both.code-workspace");
writeFileSync(both, JSON.stringify({ folders: [{ path: project }, { path: second }], settings: {} }));
await trouble("two folders have their own targets and tests", { name: "two-folders", where: `?workspace=${encodeURIComponent(both)}` }, async (w) => {
  await w.file("second/rigx.toml");
  await w.lens("Test").first().waitFor();
  await w.command("Testing: Focus on Test Explorer View");
  for (const name of ["my project #1", "second"]) {
    await w.page.locator(".test-explorer .monaco-list-row", { hasText: name }).first().waitFor();
  }
  await w.click(w.page.locator(".test-explorer .monaco-list-row", { hasText: "second" }).first());
  await w.page.keyboard.press("ArrowRight");
  await w.page.locator(".test-explorer .monaco-list-row", { hasText: "other" }).first().waitFor();
  await w.page.locator(".view-line").first().click();
  await w.clickLens(lineOf(path.join(second, "rigx.toml"), "[targets.other]"), "Test");
  await w.ended("check", "test other");
  await w.command("Explorer: Focus on rigx View");
  const tree = w.page.locator(".pane", { has: w.page.locator('.pane-header[aria-label*="rigx" i]') });
  await w.click(tree.locator(".monaco-list-row", { hasText: "my project #1" }).first()); // folds it
  await tree.locator(".monaco-list-row", { hasText: "second" }).first().waitFor();
  await w.picture("both");
});

const frozen = example("frozen");
rmSync(path.join(frozen, "flake.nix"), { force: true });
execFileSync("mount", ["--bind", frozen, frozen]);
try {
  execFileSync("mount", ["-o", "remount,ro,bind", frozen]);
  await trouble("a folder that cannot be written is checked; Build says why not", { name: "read-only", where: folder(frozen) }, async (w) => {
    await w.file("rigx.toml");
    await w.lens("Build").first().waitFor();
    await w.clickLens(lineOf(path.join(frozen, "rigx.toml"), "[targets.greet]"), "Build");
    await w.ended("error", "build greet");
    await w.page.locator(".xterm-rows", { hasText: "read-only file system" }).first().waitFor();
    await w.picture("said");
  });
} finally {
  execFileSync("umount", ["--lazy", frozen]); // the editor ends in a moment
}

const many = path.join(base, "many");
mkdirSync(many);
let text = '[project]\nname = "many"\n';
for (let i = 0; i < 1000; i++) {
  writeFileSync(path.join(many, `f${i}.c`), "int main(void) { return 0; }\n");
  text += `\n[targets.t${i}]\nkind = "executable"\nsources = ["f${i}.c"]\n${i > 0 ? `deps.internal = ["t${i - 1}"]\n` : ""}`;
}
writeFileSync(path.join(many, "rigx.toml"), text);
writeFileSync(path.join(many, "plain.text"), text);
await trouble("typing does not wait in a file of 1,000 targets", { name: "many", where: folder(many) }, async (w) => {
  const type = async (name) => {
    await w.file(name);
    await w.page.waitForTimeout(2500);
    await w.line(2500);
    await w.page.keyboard.press("End");
    const took = [];
    for (const c of "\n# The quick brown fox jumps over the lazy dog, and typing goes on.".repeat(2)) {
      const begin = performance.now();
      if (c === "\n") {
        await w.page.keyboard.press("Enter");
      } else {
        await w.page.keyboard.type(c);
      }
      await w.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
      took.push(performance.now() - begin);
    }
    took.sort((a, b) => a - b);
    return `${took[took.length >> 1].toFixed(1)} ms, at most ${took.at(-1).toFixed(0)} ms`;
  };
  console.log(`      a key until its frame: ${await type("plain.text")} in plain text; ${await type("rigx.toml")} in rigx.toml`);
  await w.lens("Build").first().waitFor();
  await w.picture("typed");
});

await finish();
