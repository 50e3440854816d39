// The dependency graph in a panel beside the editor.

import * as crypto from "node:crypto";
import * as path from "node:path";
import * as vscode from "vscode";

import { listTargets, rigxProgram, run, missing, type Target } from "../program.js";
import { projectOf } from "../projects.js";
import { openTarget } from "../targets.js";
import type { GraphEdge, GraphNode } from "./layout.js";

interface Answer {
  nodes: { id: string; type: string; name: string; kind?: string }[];
  edges: GraphEdge[];
}

/** One panel, which shows the project of the file that is edited. */
export class GraphView implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private project = "";
  private targets: Target[] = [];
  private readonly listeners: vscode.Disposable[] = [];

  constructor(private readonly context: vscode.ExtensionContext, private readonly log: vscode.LogOutputChannel) {}

  dispose(): void {
    this.panel?.dispose();
  }

  /** Opens the panel, or brings it to the front. */
  async show(project?: string): Promise<void> {
    const wanted = project ?? (await projectOf(vscode.window.activeTextEditor?.document.uri));
    if (!wanted) {
      void vscode.window.showInformationMessage("rigx: there is no rigx.toml in this workspace.");
      return;
    }
    this.project = wanted;
    if (this.panel) {
      this.panel.reveal(undefined, true);
      return this.refresh();
    }
    const root = vscode.Uri.joinPath(this.context.extensionUri, "dist");
    const panel = vscode.window.createWebviewPanel("rigx.graph", "rigx: dependencies", { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true }, {
      enableScripts: true, localResourceRoots: [root], retainContextWhenHidden: true,
    });
    panel.iconPath = vscode.Uri.joinPath(this.context.extensionUri, "icon.png");
    panel.webview.html = page(panel.webview, vscode.Uri.joinPath(root, "graph.js"));
    this.panel = panel;
    this.listeners.push(
      panel.webview.onDidReceiveMessage((m: { ready?: boolean; open?: string }) => (m.ready ? this.refresh() : this.open(m.open ?? ""))),
      vscode.window.onDidChangeActiveTextEditor((e) => e && void this.follow(e)),
      vscode.window.onDidChangeTextEditorSelection((e) => this.point(e.textEditor)),
      panel.onDidDispose(() => {
        this.panel = undefined;
        this.listeners.splice(0).forEach((l) => l.dispose());
      }),
    );
  }

  /** Draws the graph anew, as the files have changed. */
  async refresh(): Promise<void> {
    const program = rigxProgram(this.context);
    if (!this.panel) {
      return;
    }
    if (!program) {
      return missing("rigx");
    }
    const answer = await run(program, ["-C", this.project, "graph", "--format", "json"]);
    if (answer.status !== 0) {
      this.log.warn("the graph stays as it was:", answer.err.trim());
      return;
    }
    const { nodes, edges } = JSON.parse(answer.out) as Answer;
    const shown: GraphNode[] = nodes.map((n) => ({ id: n.id, name: n.name, kind: n.kind ?? n.type }));
    this.targets = await listTargets(program, this.project);
    this.panel.title = `rigx: ${path.basename(this.project)}`;
    await this.panel.webview.postMessage({ graph: { nodes: shown, edges } });
    const editor = vscode.window.activeTextEditor ?? vscode.window.visibleTextEditors[0];
    if (editor) {
      this.point(editor);
    }
  }

  /** Shows the project of another file. */
  private async follow(editor: vscode.TextEditor): Promise<void> {
    const project = await projectOf(editor.document.uri);
    if (project && project !== this.project) {
      this.project = project;
      await this.refresh();
    }
    this.point(editor);
  }

  /** Marks the target in whose table the cursor is. */
  private point(editor: vscode.TextEditor): void {
    const file = path.relative(this.project, editor.document.uri.fsPath);
    const line = editor.selection.active.line + 1;
    const above = this.targets.filter((t) => path.normalize(t.file) === file && t.line <= line);
    const current = above.sort((a, b) => b.line - a.line)[0];
    void this.panel?.webview.postMessage({ current: current?.name ?? "" });
  }

  private open(name: string): void {
    const target = this.targets.find((t) => t.name === name);
    if (target) {
      void openTarget({ project: this.project, target }, vscode.ViewColumn.One);
    }
  }
}

/** Nothing is loaded but our own script, and that by a nonce. */
function page(webview: vscode.Webview, script: vscode.Uri): string {
  const nonce = crypto.randomBytes(16).toString("base64");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}';">
<title>Dependencies</title>
<style nonce="${nonce}">
  html, body { height: 100%; margin: 0; padding: 0; overflow: hidden; }
  body { display: flex; flex-direction: column; font-family: var(--vscode-font-family); color: var(--vscode-foreground); background: var(--vscode-editor-background); }
  nav { display: flex; gap: 6px; padding: 8px 12px; align-items: center; border-bottom: 1px solid var(--vscode-panel-border, transparent); }
  input { flex: 1; max-width: 280px; padding: 4px 8px; font: inherit; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, transparent); border-radius: 3px; }
  input::placeholder { color: var(--vscode-input-placeholderForeground); }
  button { font: inherit; min-width: 28px; padding: 4px 9px; color: var(--vscode-button-secondaryForeground); background: var(--vscode-button-secondaryBackground); border: 0; border-radius: 3px; cursor: pointer; }
  button:hover { background: var(--vscode-button-secondaryHoverBackground); }
  main { flex: 1; position: relative; min-height: 0; }
  svg { width: 100%; height: 100%; display: block; cursor: grab; touch-action: none; }
  svg:active { cursor: grabbing; }
  #empty { position: absolute; inset: 0; display: grid; place-items: center; color: var(--vscode-descriptionForeground); pointer-events: none; }
  #empty[hidden] { display: none; }
  .edge { fill: none; stroke: var(--vscode-editorIndentGuide-activeBackground1, var(--vscode-foreground)); stroke-width: 1.3; opacity: .75; }
  .edge.near { stroke: var(--vscode-focusBorder); stroke-width: 2; opacity: 1; }
  .focused .edge:not(.near) { opacity: .35; }
  .node { cursor: pointer; outline: none; }
  .node rect { fill: var(--vscode-editorWidget-background); stroke: var(--vscode-charts-blue); stroke-width: 1.4; }
  .node.static_library rect, .node.shared_library rect { stroke: var(--vscode-charts-purple); }
  .node.test rect { stroke: var(--vscode-charts-green); }
  .node.script rect, .node.run rect { stroke: var(--vscode-charts-yellow); }
  .node.capsule rect, .node.testbed rect { stroke: var(--vscode-charts-orange); }
  .node.nixpkgs rect, .node.git rect, .node.external rect, .node.local rect { stroke: var(--vscode-descriptionForeground); stroke-dasharray: 4 3; }
  .focused .node:not(.near) { opacity: .6; }
  .node.current rect { fill: var(--vscode-list-activeSelectionBackground); }
  .node.current text { fill: var(--vscode-list-activeSelectionForeground); }
  .node:focus-visible rect { stroke: var(--vscode-focusBorder); stroke-width: 2.5; }
  .name { font-size: 13px; fill: var(--vscode-foreground); }
  .kind { font-size: 10px; fill: var(--vscode-descriptionForeground); }
  marker path { fill: var(--vscode-editorIndentGuide-activeBackground1, var(--vscode-foreground)); }
</style>
</head>
<body>
<nav>
  <input id="filter" type="search" placeholder="Filter" aria-label="Filter targets" spellcheck="false">
  <button id="out" title="Smaller (-)" aria-label="Smaller">−</button>
  <button id="in" title="Larger (+)" aria-label="Larger">+</button>
  <button id="fit" title="All of it (0)">Fit</button>
</nav>
<main>
  <svg role="application" aria-label="Dependencies of the targets">
    <defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>
    <g id="world"></g>
  </svg>
  <p id="empty" hidden></p>
</main>
<script nonce="${nonce}" src="${webview.asWebviewUri(script).toString()}"></script>
</body>
</html>`;
}
