// Edits, builds, tests and draws the example in the real VS Code, in a folder with a
// space and a #, with the real rigx-ls, rigx and Nix. Each step leaves a picture.
//
//   CODE_SERVER=DIR node test/e2e.mjs BIN PICTURES
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { base, example, finish, folder, lineOf as lineIn, mod, processes, programs, serve, step, until, Window } from "./window.mjs";

const project = example("my project #1");
const lineOf = (text, file = "rigx.toml") => lineIn(path.join(project, file), text);

const code = await serve("trusted", programs);
const w = await Window.open(code.url, folder(project), "dark");
const { page } = w;
try {
  await step("a project is opened: lenses above targets", w, async () => {
    await page.waitForSelector(".explorer-folders-view .monaco-list-row");
    await w.file("rigx.toml");
    await w.lens("Build").first().waitFor();
    await page.waitForTimeout(800);
    await w.picture("lenses");
  });

  await step("a mistake is underlined, says what to do, and goes away", w, async () => {
    await w.line(lineOf('deps.internal'), 1);
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.type("x");
    const squiggle = page.locator(".squiggly-error");
    await squiggle.first().waitFor();
    await page.waitForTimeout(500);
    const box = await squiggle.first().boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2 - 8);
    await page.locator(".monaco-hover:visible", { hasText: "did you mean" }).waitFor();
    await page.waitForTimeout(400);
    await w.picture("squiggle");
    await page.mouse.move(900, 500);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Backspace");
    await squiggle.first().waitFor({ state: "detached" });
  });

  await step("fields are completed with their documentation", w, async () => {
    await w.line(lineOf("[targets.greet]") + 1);
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.type("def", { delay: 60 });
    const widget = page.locator(".suggest-widget.visible");
    if (!(await widget.isVisible())) {
      await page.keyboard.press("Control+Space");
    }
    await widget.locator(".monaco-list-row", { hasText: "defines" }).first().waitFor();
    if (!(await page.locator(".suggest-details").isVisible())) {
      await page.keyboard.press("Control+Space");
    }
    await page.locator(".suggest-details").waitFor();
    await page.waitForTimeout(500);
    await w.picture("completion");
    await page.keyboard.press("Escape");
    await w.command("File: Revert File");
    await page.waitForTimeout(500);
  });

  await step("hover shows the manual", w, async () => {
    await w.line(lineOf("public_headers"), 3);
    await w.command("Show or Focus Hover");
    await page.locator(".monaco-hover:visible", { hasText: "public" }).first().waitFor();
    await w.picture("hover");
    await page.keyboard.press("Escape");
  });

  await step("a target is renamed in two files", w, async () => {
    const [file, module] = ["rigx.toml", "service/rigx.toml"].map((name) => path.join(project, name));
    const before = [file, module].map((name) => readFileSync(name, "utf8"));
    writeFileSync(file, before[0] + '\n[targets.counted]\nkind           = "custom"\ndeps.internal  = ["service.number"]\ninstall_script = "echo one | number > $out"\n');
    await w.file("service/rigx.toml");
    await w.line(lineOf("[targets.number]", "service/rigx.toml"), 12);
    await page.keyboard.press("F2");
    const input = page.locator(".rename-box input, input.rename-input").first();
    await input.waitFor();
    await input.fill("numbers");
    await page.keyboard.press("Enter");
    await page.waitForTimeout(1500);
    await w.picture("rename");
    await w.command("File: Save All");
    await until("both files say numbers", () => [
      readFileSync(module, "utf8").includes("[targets.numbers]"), readFileSync(module, "utf8").includes('deps.internal = ["numbers"]'),
      readFileSync(file, "utf8").includes('deps.internal  = ["service.numbers"]'),
    ].every(Boolean), 10);
    [file, module].forEach((name, i) => writeFileSync(name, before[i]));
    await w.command("File: Revert File"); // do not wait for the editor to notice
    await w.file("rigx.toml");
    await w.command("File: Revert File");
    await page.waitForTimeout(1000);
  });

  await step("the file is formatted", w, async () => {
    const before = readFileSync(path.join(project, "rigx.toml"), "utf8");
    await w.line(lineOf('kind           = "static_library"'));
    await page.keyboard.press("Home");
    await page.keyboard.type("      ");
    await w.command("Format Document");
    await page.waitForTimeout(1200);
    await page.keyboard.press(`${mod}+S`);
    await page.waitForTimeout(800);
    assert.equal(readFileSync(path.join(project, "rigx.toml"), "utf8"), before);
  });

  await step("Build is clicked: the output is there", w, async () => {
    await w.clickLens(lineOf("[targets.greet]"), "Build");
    await page.locator(".terminal-wrapper, .xterm").first().waitFor();
    await page.locator("#rigx, .statusbar-item", { hasText: "rigx build" }).first().waitFor();
    await w.ended("check", "build greet", 300);
    assert.ok(existsSync(path.join(project, "output/greet")));
    await page.waitForTimeout(1500);
    await w.picture("built");
  });

  await step("a running build is cancelled", w, async () => {
    const file = path.join(project, "rigx.toml");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, before + '\n[targets.slow]\nkind           = "custom"\ninstall_script = "sleep 300; touch $out"\n');
    await page.waitForTimeout(1500);
    await w.clickLens(lineOf("[targets.slow]"), "Build");
    await page.locator(".xterm-rows", { hasText: "slow-0.1.0" }).first().waitFor({ timeout: 90_000 });
    await w.command("Tasks: Terminate Task");
    await page.locator(".quick-input-list .monaco-list-row", { hasText: "build slow" }).first().waitFor();
    await page.waitForTimeout(300);
    await page.keyboard.press("Enter");
    await page.locator(".statusbar-item", { hasText: "rigx build slow" }).waitFor({ state: "hidden" });
    writeFileSync(file, before);
    await until("the build has ended", () => processes("sleep 30[0]").length === 0, 20);
  });

  await step("a test is red, then green, in the Test Explorer", w, async () => {
    const source = path.join(project, "src/greet.cpp");
    const before = readFileSync(source, "utf8");
    writeFileSync(source, before.replace("HELLO", "HULLO").replace("Hello", "Hullo").replace("hello", "hullo"));
    await w.command("Testing: Focus on Test Explorer View");
    await w.click(page.locator(".test-explorer .monaco-list-row", { hasText: "my project" }).first());
    await page.keyboard.press("ArrowRight");
    await page.locator(".test-explorer .monaco-list-row", { hasText: "greets" }).waitFor();
    await w.command("Test: Run All Tests");
    await page.locator(".test-explorer .codicon-testing-failed-icon").first().waitFor({ timeout: 300_000 });
    await page.locator(".test-explorer .codicon-testing-queued-icon, .test-explorer .codicon-loading").first().waitFor({ state: "detached", timeout: 300_000 });
    await page.mouse.move(900, 400);
    await page.waitForTimeout(1200);
    await w.picture("tests-red");
    writeFileSync(source, before);
    await page.waitForTimeout(500);
    await w.command("Test: Run All Tests");
    await page.waitForTimeout(1500);
    await page.locator(".test-explorer .codicon-testing-failed-icon").first().waitFor({ state: "detached", timeout: 300_000 });
    await page.locator(".test-explorer .codicon-testing-passed-icon").first().waitFor({ timeout: 300_000 });
    await page.waitForTimeout(800);
    await w.picture("tests-green");
  });

  await step("a running test is cancelled in the Test Explorer", w, async () => {
    const file = path.join(project, "rigx.toml");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, before + '\n[targets.patience]\nkind   = "test"\nscript = "sleep 301"\n');
    await w.click(page.locator(".test-explorer .monaco-list-row", { hasText: "patience" }).first());
    await page.keyboard.press("Enter"); // shows its line
    await w.command("Test: Run Test at Cursor");
    await until("the test runs", () => processes("sleep 30[1]").length > 0);
    await w.picture("tests-running");
    await w.click(page.locator(".codicon-testing-cancel-icon:visible").first());
    await until("the test has ended", () => processes("sleep 30[1]").length === 0, 20);
    await page.locator(".test-explorer .codicon-loading").first().waitFor({ state: "detached" });
    writeFileSync(file, before);
    await w.command("File: Revert File");
  });

  await step("the graph: a click opens a target", w, async () => {
    await page.keyboard.press(`${mod}+J`); // hides the panel
    await w.file("rigx.toml");
    await w.line(lineOf("[targets.hello]"));
    await w.command("rigx: Show the dependency graph");
    const inner = page.frameLocator("iframe.webview.ready").frameLocator("iframe");
    await inner.locator(".node", { hasText: "hello" }).first().waitFor();
    await page.waitForTimeout(800);
    assert.ok(await inner.locator(".node.current").count(), "the target under the cursor is not marked");
    await w.picture("graph");
    await inner.locator('.node[aria-label="counter, shared_library"]').click();
    await page.waitForTimeout(1000);
    assert.equal(await inner.locator(".node.current").first().getAttribute("aria-label"), "counter, shared_library");
  });

  await step("the tree of targets has buttons", w, async () => {
    await w.command("Explorer: Focus on rigx View");
    await page.locator(".pane-body .monaco-list-row", { hasText: "static library" }).first().hover();
    await page.waitForTimeout(500);
    await w.picture("tree");
  });

  await step("the extension is up at once", w, async () => {
    await w.command("Developer: Show Running Extensions");
    const row = page.locator(".runtime-extensions-editor .monaco-list-row", { hasText: "rigx" });
    await row.first().waitFor();
    console.log("      " + (await row.first().innerText()).split("\n").filter((l) => l.includes("ms")).join(" "));
    await page.keyboard.press(`${mod}+F4`);
  });

  await step("in the light theme", w, async () => {
    await w.command("Preferences: Toggle between Light/Dark Themes");
    await page.waitForTimeout(2000);
    await w.picture("graph-light");
  });
} finally {
  await page.context().close();
  code.stop();
}

const capsules = path.join(base, "capsules");
mkdirSync(capsules);
writeFileSync(path.join(capsules, "rigx.toml"), `[project]
name = "capsules"

[targets.server]
kind         = "capsule"
deps.nixpkgs = ["coreutils"]
entrypoint   = "echo serving; exec sleep 302"
ports        = [5000]
`);
const engine = await serve("engine", programs);
const c = await Window.open(engine.url, folder(capsules), "capsule");
await step("a capsule is started and stopped by its lenses", c, async () => {
  const line = lineIn(path.join(capsules, "rigx.toml"), "[targets.server]");
  await c.file("rigx.toml");
  await c.lens("Start").first().waitFor();
  await c.clickLens(line, "Start");
  await c.lens("Stop").first().waitFor({ timeout: 120_000 });
  await until("it runs", () => processes("sleep 30[2]").length > 0);
  await c.command("Explorer: Focus on rigx View");
  await c.page.locator(".pane-body .monaco-list-row", { hasText: "running" }).first().waitFor();
  await c.picture("running");
  await c.page.locator(".view-line").first().click();
  await c.clickLens(line, "Stop");
  await until("it has ended", () => processes("sleep 30[2]").length === 0, 30);
  await c.lens("Start").first().waitFor();
  await c.picture("stopped");
});
await c.page.context().close();
engine.stop();

await finish();
