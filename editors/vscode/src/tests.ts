// The Test Explorer: the tests of all projects, run by `rigx test --json`.

import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

import { baseArguments, listTargets, missing, rigxProgram, run } from "./program.js";
import { findProjects } from "./projects.js";

interface Row {
  name: string;
  passed: boolean;
  seconds: number;
  status: number;
  output?: string;
  error?: string;
}

export class Tests implements vscode.Disposable {
  private readonly controller = vscode.tests.createTestController("rigx", "rigx");
  /** The project of each test. */
  private readonly projects = new WeakMap<vscode.TestItem, string>();

  constructor(private readonly context: vscode.ExtensionContext) {
    this.controller.refreshHandler = () => this.refresh();
    this.controller.createRunProfile("Run", vscode.TestRunProfileKind.Run, (request, token) => this.run(request, token), true);
  }

  dispose(): void {
    this.controller.dispose();
  }

  /** Finds the tests. It reads rigx.toml and runs nothing of the project. */
  async refresh(): Promise<void> {
    const program = rigxProgram(this.context);
    if (!program || !vscode.workspace.isTrusted) {
      this.controller.items.replace([]);
      return;
    }
    const items: vscode.TestItem[] = [];
    for (const project of await findProjects()) {
      const tests = (await listTargets(program, project)).filter((t) => t.kind === "test");
      if (tests.length === 0) {
        continue;
      }
      const parent = this.controller.createTestItem(project, path.basename(project), vscode.Uri.file(path.join(project, "rigx.toml")));
      for (const t of tests) {
        const item = this.controller.createTestItem(`${project}#${t.name}`, t.name, vscode.Uri.file(path.join(project, t.file)));
        item.range = new vscode.Range(t.line - 1, 0, t.line - 1, 0);
        item.description = t.description;
        this.projects.set(item, project);
        parent.children.add(item);
      }
      items.push(parent);
    }
    this.controller.items.replace(items);
  }

  private async run(request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> {
    const program = rigxProgram(this.context);
    if (!program) {
      void missing("rigx");
      return;
    }
    await vscode.workspace.saveAll(false);
    const run = this.controller.createTestRun(request);
    for (const [project, items] of this.selected(request)) {
      if (token.isCancellationRequested) {
        items.forEach((item) => run.skipped(item));
        continue;
      }
      items.forEach((item) => run.started(item));
      await this.runProject(program, project, items, run, token);
    }
    run.end();
  }

  /** The tests of a request, by project. */
  private selected(request: vscode.TestRunRequest): Map<string, vscode.TestItem[]> {
    const byProject = new Map<string, vscode.TestItem[]>();
    const excluded = new Set(request.exclude);
    const add = (item: vscode.TestItem): void => {
      if (excluded.has(item)) {
        return;
      }
      if (item.children.size > 0) {
        item.children.forEach(add);
        return;
      }
      const project = this.projects.get(item);
      if (project) {
        byProject.set(project, [...(byProject.get(project) ?? []), item]);
      }
    };
    if (request.include) {
      request.include.forEach(add);
    } else {
      this.controller.items.forEach(add);
    }
    return byProject;
  }

  private async runProject(program: string, project: string, items: vscode.TestItem[], testRun: vscode.TestRun, token: vscode.CancellationToken): Promise<void> {
    const names = items.map((item) => item.label);
    const answer = await run(program, [...baseArguments(project), "test", "--json", ...names], token);
    let rows: Row[];
    try {
      rows = JSON.parse(answer.out) as Row[];
    } catch {
      // Nothing was run: the project is broken, or Nix is missing.
      const message = new vscode.TestMessage(answer.err || "rigx test was interrupted");
      items.forEach((item) => (token.isCancellationRequested ? testRun.skipped(item) : testRun.errored(item, message)));
      return;
    }
    for (const item of items) {
      const row = rows.find((r) => r.name === item.label);
      const output = (row?.output ?? "").replace(/\r?\n/g, "\r\n");
      if (output) {
        testRun.appendOutput(output, undefined, item);
      }
      if (!row) {
        testRun.skipped(item);
      } else if (row.passed) {
        testRun.passed(item, row.seconds * 1000);
      } else {
        const message = new vscode.TestMessage([row.error ?? `exit status ${row.status}`, row.output ?? ""].join("\n").trim());
        message.location = complaint(project, row.output ?? "") ?? (item.uri && item.range && new vscode.Location(item.uri, item.range));
        testRun.failed(item, message, row.seconds * 1000);
      }
    }
  }
}

/** The first line of a file of the project that the output complains about. */
function complaint(project: string, output: string): vscode.Location | undefined {
  for (const [, name, line, column] of output.matchAll(/^\s*([^\s:][^:\n]*):(\d+):(?:(\d+):)?\s/gm)) {
    const file = path.resolve(project, name ?? "");
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
      return new vscode.Location(vscode.Uri.file(file), new vscode.Position(Math.max(0, Number(line) - 1), Math.max(0, Number(column ?? 1) - 1)));
    }
  }
  return undefined;
}
