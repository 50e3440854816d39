// Drives the real VS Code (code-server in Chromium) with the packaged extension, the
// real rigx-ls, rigx and Nix, on a copy of the example in a folder with a space and a #.
// Each step leaves a picture.
//
//   CODE_SERVER=DIR node test/e2e.mjs BIN PICTURES
//
// CODE_SERVER has node_modules/code-server and node_modules/playwright-core; BIN has
// rigx and rigx-ls; rigx.vsix lies beside package.json.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import path from "node:path";

const [bin, pictures] = process.argv.slice(2).map((p) => path.resolve(p));
const host = process.env.CODE_SERVER;
const { chromium } = createRequire(path.join(host, "package.json"))("playwright-core");
const codeServer = path.join(host, "node_modules/code-server/out/node/entry.js");
const here = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "..");
const base = mkdtempSync(path.join(tmpdir(), "rigx-e2e-"));
const project = path.join(base, "my project #1");
mkdirSync(pictures, { recursive: true });
cpSync(path.join(here, "../../testdata/example"), project, { recursive: true, filter: (f) => !f.includes("/output") });

const mod = "Control";
// The editor asks a login shell for the environment; this one has that of the test.
const home = path.join(base, "home");
mkdirSync(home);
writeFileSync(path.join(home, ".profile"), `export PATH='${process.env.PATH}'\n`);
const env = { ...process.env, HOME: home, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? path.join(homedir(), ".cache"), RUSTUP_HOME: process.env.RUSTUP_HOME ?? path.join(homedir(), ".rustup") };
const errors = [];

function settings(file, values) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(values, null, 2));
}

/** A fresh VS Code with the extension; the programs are what its machine settings say. */
async function serve(name, machine, user = {}) {
  const dir = path.join(base, name);
  settings(path.join(dir, "User/settings.json"), {
    "workbench.startupEditor": "none", "files.autoSave": "off", "telemetry.telemetryLevel": "off", "update.mode": "none", "extensions.autoUpdate": false,
    "extensions.autoCheckUpdates": false, "workbench.tips.enabled": false, "chat.commandCenter.enabled": false,
    "terminal.integrated.gpuAcceleration": "off", "editor.minimap.enabled": false, "workbench.colorTheme": "Default Dark Modern",
    "security.workspace.trust.enabled": false, "window.newWindowDimensions": "maximized", ...user,
  });
  settings(path.join(dir, "Machine/settings.json"), machine);
  writeFileSync(path.join(dir, "config.yaml"), "bind-addr: 127.0.0.1:0\nauth: none\n");
  const port = await freePort();
  const common = ["--user-data-dir", dir, "--extensions-dir", path.join(dir, "ext"), "--config", path.join(dir, "config.yaml")];
  execFileSync("node", [codeServer, ...common, "--install-extension", path.join(here, "rigx.vsix")], { stdio: "pipe", env });
  const server = spawn("node", [codeServer, "--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--disable-telemetry",
    "--disable-update-check", "--disable-getting-started-override", ...common], { stdio: "pipe", detached: true, env });
  for (let i = 0; i < 300; i++) {
    if (await fetch(`http://127.0.0.1:${port}/healthz`).then((r) => r.ok, () => false)) {
      break;
    }
    await new Promise((r) => setTimeout(r, 100));
  }
  return { url: `http://127.0.0.1:${port}/?folder=`, dir, stop: () => process.kill(-server.pid) };
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** What a person does in one window. */
class Window {
  constructor(page) { this.page = page; this.shots = 0; }

  static async open(url, folder, name) {
    const page = await (await browser.newContext({ viewport: { width: 1400, height: 860 } })).newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(url + encodeURIComponent(folder));
    await page.waitForSelector(".monaco-workbench");
    const window = new Window(page);
    window.name = name;
    return window;
  }

  async picture(what) { await this.page.screenshot({ path: path.join(pictures, `${this.name}-${what}.png`) }); }

  /** Clicks in the middle, as a locator's click scrolls the editor sideways. */
  async click(locator, options) {
    await locator.waitFor();
    const box = await locator.boundingBox();
    await this.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2, options);
  }

  async command(title) {
    await this.page.keyboard.press("F1");
    const input = this.page.locator(".quick-input-widget input");
    await input.waitFor();
    await input.fill(">" + title);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().waitFor();
    await this.page.waitForTimeout(300);
    await this.page.keyboard.press("Enter");
  }

  async file(name) {
    await this.page.keyboard.press(`${mod}+P`);
    const input = this.page.locator(".quick-input-widget input");
    await input.waitFor();
    await input.fill(name);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: path.basename(name) }).first().waitFor();
    await this.page.waitForTimeout(400);
    await this.page.keyboard.press("Enter");
    await this.page.locator(".tab.active", { hasText: path.basename(name) }).waitFor();
    await this.page.waitForTimeout(500);
  }

  async line(number, column = 1) {
    await this.page.keyboard.press(`${mod}+G`);
    await this.page.locator(".quick-input-widget input").waitFor();
    await this.page.keyboard.type(`${number}:${column}`, { delay: 5 });
    await this.page.keyboard.press("Enter");
    await this.page.waitForTimeout(300);
  }

  lens(text) { return this.page.locator(".codelens-decoration a:visible", { hasText: text }); }

  /** Goes to a line and clicks the lens above it. */
  async clickLens(number, text) {
    await this.line(number);
    const box = await this.page.locator(".editor-group-container.active .margin .active-line-number").boundingBox();
    for (const lens of await this.lens(text).all()) {
      const at = await lens.boundingBox();
      if (at && at.y < box.y && box.y - at.y < 30) {
        return this.click(lens);
      }
    }
    throw new Error(`there is no lens ${text} above line ${number}`);
  }
}

async function step(title, window, action) {
  const begin = Date.now();
  try {
    await action();
    console.log(`ok    ${title} (${Date.now() - begin} ms)`);
  } catch (error) {
    errors.push(title);
    console.log(`FAIL  ${title}: ${error.message.split("\n").slice(0, 6).join(" | ")}`);
    await window?.picture(`failed-${errors.length}`).catch(() => undefined);
    await window?.page.keyboard.press("Escape").catch(() => undefined);
  }
}

const programs = { "rigx.server.path": path.join(bin, "rigx-ls"), "rigx.program": path.join(bin, "rigx"), "rigx.nixpkgs": "host" };
const lineOf = (text, file = "rigx.toml") => readFileSync(path.join(project, file), "utf8").split("\n").findIndex((l) => l.includes(text)) + 1;

const code = await serve("trusted", programs);
const w = await Window.open(code.url, project, "dark");
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
    await w.line(lineOf("[targets.greet]"), 12);
    await page.keyboard.press("F2");
    const input = page.locator(".rename-box input, input.rename-input");
    await input.first().waitFor();
    await input.first().fill("greeter");
    await page.keyboard.press("Enter");
    await page.waitForTimeout(1500);
    await w.command("File: Save All");
    await page.waitForTimeout(800);
    assert.match(readFileSync(path.join(project, "rigx.toml"), "utf8"), /\[targets\.greeter\]/);
    const everywhere = execFileSync("grep", ["-rlw", "greeter", project, "--include=*.toml"], { encoding: "utf8" }).trim().split("\n");
    assert.ok(everywhere.length >= 1, everywhere.join());
    await w.picture("rename");
    await w.command("File: Save All");
    execFileSync("sed", ["-i", "s/\\bgreeter\\b/greet/g", ...everywhere]);
    await w.command("File: Revert File"); // do not wait for the editor to notice
    await page.waitForTimeout(1500);
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
    await page.locator(".statusbar-item .codicon-check").first().waitFor({ timeout: 300_000 });
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
    await page.locator(".statusbar-item .codicon-error").first().waitFor({ timeout: 30_000 }).catch(() => undefined);
    await page.waitForTimeout(1500);
    writeFileSync(file, before);
    await page.waitForTimeout(6000); // what is asked to end may take a while
    const left = execFileSync("sh", ["-c", "pgrep -fc 'sleep 30[0]' || true"], { encoding: "utf8" }).trim();
    assert.equal(left, "0", "the build goes on");
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

const careful = await serve("untrusted", programs, { "security.workspace.trust.enabled": true, "security.workspace.trust.startupPrompt": "never", "security.workspace.trust.emptyWindow": false });
const u = await Window.open(careful.url, project, "untrusted");
await step("a workspace that is not trusted is checked, and runs nothing", u, async () => {
  rmSync(path.join(project, "output"), { recursive: true, force: true });
  await u.page.waitForSelector(".explorer-folders-view .monaco-list-row");
  await u.file("rigx.toml");
  await u.page.waitForTimeout(4000);
  await u.picture("restricted");
  assert.equal(await u.lens("Build").count(), 0);
  assert.ok(!existsSync(path.join(project, "output")));
});
await u.page.context().close();
careful.stop();

const bare = await serve("bare", { "rigx.server.path": "/nonexistent/rigx-ls" });
const b = await Window.open(bare.url, project, "bare");
await step("a missing server is said, with what to do", b, async () => {
  await b.page.locator(".notification-toast", { hasText: "/nonexistent/rigx-ls, which is not there" }).first().waitFor();
  await b.picture("missing");
});
await b.page.context().close();
bare.stop();

await browser.close();
rmSync(base, { recursive: true, force: true });
if (errors.length > 0) {
  console.log(`${errors.length} failed: ${errors.join("; ")}`);
  process.exit(1);
}
