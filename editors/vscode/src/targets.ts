// The tree of targets in the explorer.

import * as path from "node:path";
import * as vscode from "vscode";

import { listTargets, rigxProgram, runningCapsules, verbOf, type Target } from "./program.js";
import { findProjects } from "./projects.js";

/** A line of the tree: a project, a target, or a variant of one. */
export interface Node {
  project: string;
  target?: Target;
  variant?: string;
  /** Of a capsule. */
  running?: boolean;
}

const icons: Record<string, string> = {
  executable: "symbol-method", static_library: "library", shared_library: "library", test: "beaker",
  script: "terminal", testbed: "circuit-board", capsule: "package", run: "gear", custom: "tools",
  generated_source: "file-code", python_script: "snake",
};

/** The name on the command line. */
export function nameOf(node: Node): string {
  return node.target ? node.target.name + (node.variant ? "@" + node.variant : "") : "";
}

export class Targets implements vscode.TreeDataProvider<Node> {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly context: vscode.ExtensionContext) {}

  refresh(): void {
    this.changed.fire(undefined);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) {
      const projects = (await findProjects()).map((project) => ({ project }));
      return projects.length === 1 ? this.getChildren(projects[0]) : projects;
    }
    if (node.target) {
      return node.variant ? [] : (node.target.variants ?? []).map((variant) => ({ ...node, variant }));
    }
    const program = rigxProgram(this.context);
    if (!program) {
      return [];
    }
    const targets = await listTargets(program, node.project);
    const capsules = vscode.workspace.isTrusted && targets.some((t) => t.kind === "capsule");
    const running = capsules ? await runningCapsules(program, node.project) : new Set<string>();
    return targets.map((target) => ({ project: node.project, target, running: running.has(target.name) }));
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (!node.target) {
      return new vscode.TreeItem(path.basename(node.project), vscode.TreeItemCollapsibleState.Expanded);
    }
    const { target, variant } = node;
    const item = new vscode.TreeItem(variant ?? target.name);
    item.id = `${node.project}#${nameOf(node)}`;
    item.iconPath = new vscode.ThemeIcon(variant ? "symbol-enum-member" : (icons[target.kind] ?? "symbol-misc"));
    item.contextValue = target.kind === "capsule" ? (node.running ? "running" : "capsule") : verbOf(target.kind);
    if (!variant) {
      item.description = target.kind.replaceAll("_", " ") + (node.running ? ", running" : "");
      item.tooltip = target.description;
      if (target.variants?.length) {
        item.collapsibleState = vscode.TreeItemCollapsibleState.Collapsed;
      }
    }
    item.command = { command: "rigx.openTarget", title: "Open", arguments: [node] };
    return item;
  }
}

/** Shows where a target is written. */
export async function openTarget(node: Node, viewColumn?: vscode.ViewColumn): Promise<void> {
  if (node.target) {
    const uri = vscode.Uri.file(path.join(node.project, node.target.file));
    const line = node.target.line - 1;
    await vscode.window.showTextDocument(uri, { selection: new vscode.Range(line, 0, line, 0), viewColumn });
  }
}
