// The entry of the extension: starts the parts and wires them.

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

import { GraphView } from "./graph/view.js";
import { listTargets, missing, rigxProgram, verbOf } from "./program.js";
import { findProjects } from "./projects.js";
import { startServer } from "./server.js";
import { nameOf, openTarget, Targets, type Node } from "./targets.js";
import { runInTerminal, TaskProvider } from "./tasks.js";
import { Tests } from "./tests.js";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel("rigx", { log: true });
  const status = vscode.window.createStatusBarItem("rigx", vscode.StatusBarAlignment.Left);
  status.name = "rigx";
  status.command = "workbench.action.terminal.focus";
  const targets = new Targets(context);
  const tests = new Tests(context);
  const graph = new GraphView(context, log);

  const go = async (verb: string, project: string, target: string): Promise<void> => {
    const what = `${verb} ${target}`.trim();
    status.text = `$(sync~spin) rigx ${what}`;
    status.show();
    const code = await runInTerminal(context, project, verb, target);
    status.text = code === 0 ? `$(check) rigx ${what}` : `$(error) rigx ${what}`;
    status.backgroundColor = code === 0 ? undefined : new vscode.ThemeColor("statusBarItem.errorBackground");
    if (verb === "start" || verb === "stop") {
      targets.refresh();
    }
    if (code === undefined) {
      status.hide();
    }
  };
  const start = async (): Promise<void> => {
    client = await startServer(context, log, (verb, project, target) => void go(verb, project, target));
  };
  const refresh = (): void => {
    targets.refresh();
    graph.refresh().catch((error: unknown) => log.error("drawing the dependencies:", String(error)));
    tests.refresh().catch((error: unknown) => log.error("looking for tests:", String(error)));
  };
  let restarted = Promise.resolve();
  const restart = (): Promise<void> => {
    restarted = restarted.then(async () => {
      await client?.stop();
      await start();
      refresh();
    });
    return restarted;
  };
  const command = (name: string, action: (...args: never[]) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`rigx.${name}`, action);

  const watcher = vscode.workspace.createFileSystemWatcher("**/*.toml");
  context.subscriptions.push(
    log, status, tests, graph, watcher,
    watcher.onDidChange(refresh), watcher.onDidCreate(refresh), watcher.onDidDelete(refresh),
    vscode.window.registerTreeDataProvider("rigx.targets", targets),
    vscode.tasks.registerTaskProvider("rigx", new TaskProvider(context)),
    command("buildTarget", (node?: Node) => choose(context, "build", go, node)),
    command("testTarget", (node?: Node) => choose(context, "test", go, node)),
    command("runTarget", (node?: Node) => choose(context, "run", go, node)),
    command("startCapsule", (node?: Node) => choose(context, "start", go, node)),
    command("stopCapsule", (node?: Node) => choose(context, "stop", go, node)),
    command("openTarget", (node: Node) => openTarget(node)),
    command("showGraph", (node?: Node) => graph.show(node?.project)),
    command("refresh", refresh),
    command("showLog", () => log.show()),
    command("restart", restart),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration((e) => e.affectsConfiguration("rigx") && restart()),
  );
  await vscode.commands.executeCommand("setContext", "rigx.active", true);
  await start();
  refresh();
}

/** Whether one does this with a target of a kind. */
function takes(verb: string, kind: string): boolean {
  return verb === "start" || verb === "stop" ? kind === "capsule" : verbOf(kind) === verb;
}

/** Runs a command on a node of the tree, or on a target that the user chooses. */
async function choose(
  context: vscode.ExtensionContext,
  verb: string,
  go: (verb: string, project: string, target: string) => Promise<void>,
  node?: Node,
): Promise<void> {
  if (node?.target) {
    return go(verb, node.project, nameOf(node));
  }
  const program = rigxProgram(context);
  if (!program) {
    return missing("rigx");
  }
  const items: (vscode.QuickPickItem & { project: string; target: string })[] = [];
  for (const project of await findProjects()) {
    if (verb === "build" || verb === "test") {
      items.push({ label: `everything`, description: vscode.workspace.asRelativePath(project), project, target: "" });
    }
    for (const t of await listTargets(program, project)) {
      if (!takes(verb, t.kind)) {
        continue;
      }
      items.push({ label: t.name, description: t.kind, detail: t.description, project, target: t.name });
      for (const v of t.variants ?? []) {
        items.push({ label: `${t.name}@${v}`, description: "variant", project, target: `${t.name}@${v}` });
      }
    }
  }
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: `rigx ${verb}` });
  if (chosen) {
    await go(verb, chosen.project, chosen.target);
  }
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}
