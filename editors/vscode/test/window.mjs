// What the end-to-end tests do in the real VS Code (code-server in Chromium) with the
// packaged extension. CODE_SERVER has node_modules/code-server and
// node_modules/playwright-core; the arguments are a directory with rigx and rigx-ls, and
// one for pictures; rigx.vsix lies beside package.json.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import path from "node:path";

export const [bin, pictures] = process.argv.slice(2).map((p) => path.resolve(p));
const host = process.env.CODE_SERVER;
const { chromium } = createRequire(path.join(host, "package.json"))("playwright-core");
const codeServer = path.join(host, "node_modules/code-server/out/node/entry.js");
export const here = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "..");
export const base = mkdtempSync(path.join(tmpdir(), "rigx-e2e-"));
mkdirSync(pictures, { recursive: true });

/** A copy of the example, where nothing is built yet. */
export function example(name) {
  const project = path.join(base, name);
  cpSync(path.join(here, "../../testdata/example"), project, { recursive: true, filter: (f) => !f.includes("/output") });
  return project;
}

/** The number of the first line of a file with a text. */
export function lineOf(file, text) {
  return readFileSync(file, "utf8").split("\n").findIndex((l) => l.includes(text)) + 1;
}

export const mod = "Control";
// The editor asks a login shell for the environment; this one has that of the test.
const home = path.join(base, "home");
mkdirSync(home);
writeFileSync(path.join(home, ".profile"), `export PATH='${process.env.PATH}'\n`);
// podman as it works on a machine inside a container, too.
const containers = path.join(base, "containers.conf");
writeFileSync(containers, '[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n');
export const env = { ...process.env, HOME: home, RIGX_ENGINE: "podman", CONTAINERS_CONF: containers, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? path.join(homedir(), ".cache"), RUSTUP_HOME: process.env.RUSTUP_HOME ?? path.join(homedir(), ".rustup") };
const errors = [];

export function settings(file, values) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(values, null, 2));
}

/** A fresh VS Code with the extension; the programs are what its machine settings say. */
export async function serve(name, machine, user = {}) {
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
  await until("the editor answers", () => fetch(`http://127.0.0.1:${port}/healthz`).then((r) => r.ok, () => false));
  return { url: `http://127.0.0.1:${port}/`, dir, stop: () => process.kill(-server.pid) };
}

/** Waits until something is so, and answers what it is. */
export async function until(what, is, seconds = 60) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const value = await is();
    if (value) {
      return value;
    }
    await new Promise((r) => setTimeout(r, 200));
  }
  throw new Error(`after ${seconds} s: ${what}`);
}

/** The processes whose command line matches a pattern. */
export function processes(pattern) {
  return spawnSync("pgrep", ["-f", pattern], { encoding: "utf8" }).stdout.split("\n").filter(Boolean);
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
export class Window {
  constructor(page) { this.page = page; this.shots = 0; }

  /** where is what follows the address: ?folder=…, or nothing. */
  static async open(url, where, name) {
    const page = await (await browser.newContext({ viewport: { width: 1400, height: 860 } })).newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(url + where);
    await page.waitForSelector(".monaco-workbench");
    const window = new Window(page);
    window.name = name;
    return window;
  }

  async picture(what) { await this.page.screenshot({ path: path.join(pictures, `${this.name}-${what}.png`) }); }

  /** Clicks in the middle, as a locator's click scrolls the editor sideways. */
  async click(locator, options) {
    await locator.waitFor();
    // What is drawn anew in this moment has no place.
    const box = await until("it has a place", () => locator.boundingBox(), 10);
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

  /** Waits for the end of a task, as the status bar tells it: check or error. */
  async ended(how, what, seconds = 120) {
    await this.page.locator(".statusbar-item", { hasText: `rigx ${what}` }).locator(`.codicon-${how}`).waitFor({ timeout: seconds * 1000 });
  }

  lens(text) { return this.page.locator(".codelens-decoration a:visible", { hasText: text }); }

  /** Goes to a line and clicks the lens above it. */
  async clickLens(number, text) {
    await this.line(number);
    await this.click(await until(`there is a lens ${text} above line ${number}`, async () => {
      const line = await this.page.locator(".editor-group-container.active .margin .active-line-number").boundingBox();
      for (const lens of await this.lens(text).all()) {
        const at = await lens.boundingBox();
        if (line && at && at.y < line.y && line.y - at.y < 30) {
          return lens;
        }
      }
      return undefined;
    }, 10));
  }
}

export async function step(title, window, action) {
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

export const folder = (dir) => `?folder=${encodeURIComponent(dir)}`;

/** The settings that name the programs under test. */
export const programs = { "rigx.server.path": path.join(bin, "rigx-ls"), "rigx.program": path.join(bin, "rigx"), "rigx.nixpkgs": "host" };

/** The end of a run: cleans up and says what failed. */
export async function finish() {
  await browser.close();
  rmSync(base, { recursive: true, force: true });
  if (errors.length > 0) {
    console.log(`${errors.length} failed: ${errors.join("; ")}`);
    process.exit(1);
  }
}
