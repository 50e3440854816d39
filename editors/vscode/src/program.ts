// Finds rigx-ls and rigx, and runs the latter for what it answers as JSON.

import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

const suffix = process.platform === "win32" ? ".exe" : "";

/** The rigx-ls to start: set, beside the extension, in the workspace, on PATH. */
export function serverProgram(context: vscode.ExtensionContext): string | undefined {
  return find("rigx-ls", file("server.path"), context);
}

/** The rigx that builds: set, beside rigx-ls, on PATH. */
export function rigxProgram(context: vscode.ExtensionContext): string | undefined {
  const set = file("program");
  if (!set) {
    const server = serverProgram(context);
    const beside = server && path.join(path.dirname(server), "rigx" + suffix);
    if (beside && isFile(beside)) {
      return beside;
    }
  }
  return find("rigx", set, context);
}

function find(name: string, set: string, context: vscode.ExtensionContext): string | undefined {
  if (set) {
    return isFile(set) ? set : undefined;
  }
  const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : [];
  const directories = [
    path.join(context.extensionPath, "bin"),
    ...folders.map((f) => path.join(f.uri.fsPath, "bin")),
    ...(process.env.PATH ?? "").split(path.delimiter),
  ];
  return directories.map((d) => path.join(d, name + suffix)).find((p) => path.isAbsolute(p) && isFile(p));
}

function isFile(name: string): boolean {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** A setting that names a file; it may begin with ~ or hold ${workspaceFolder}. */
function file(name: string): string {
  return setting(name)
    .replace(/^~(?=[/\\])/, os.homedir())
    .replaceAll("${workspaceFolder}", vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "");
}

export function setting(name: string): string {
  return vscode.workspace.getConfiguration("rigx").get<string>(name) ?? "";
}

/** Says that a program is missing, and what to do. */
export async function missing(name: "rigx" | "rigx-ls"): Promise<void> {
  const key = name === "rigx" ? "program" : "server.path";
  const reason = setting(key)
    ? `the setting rigx.${key} names ${file(key)}, which is not there`
    : `there is no ${name} in the extension, in the workspace's bin, or on PATH`;
  const open = "Open settings";
  const install = "How to install";
  const chosen = await vscode.window.showErrorMessage(
    `rigx: ${reason}.`, install, open,
  );
  if (chosen === open) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "rigx.");
  } else if (chosen === install) {
    await vscode.env.openExternal(vscode.Uri.parse("https://github.com/rigx-build/rigx#two-commands"));
  }
}

/** The arguments of every call of rigx in a project. */
export function baseArguments(project: string): string[] {
  const nixpkgs = setting("nixpkgs");
  return ["-C", project, ...(nixpkgs ? ["--nixpkgs", nixpkgs] : [])];
}

export interface Answer {
  status: number;
  out: string;
  err: string;
}

/** Runs rigx. It is interrupted, with all it started, when the token is cancelled. */
export function run(program: string, args: string[], cancel?: vscode.CancellationToken): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { maxBuffer: 64 << 20 }, (error, out, err) => {
      if (error && typeof error.code !== "number" && !child.killed) {
        reject(error);
      } else {
        resolve({ status: error ? Number(error.code ?? 1) : 0, out, err });
      }
    });
    cancel?.onCancellationRequested(() => child.kill("SIGINT"));
  });
}

export interface Target {
  name: string;
  kind: string;
  description?: string;
  variants?: string[];
  file: string;
  line: number;
}

const lastTargets = new Map<string, Target[]>();

/**
 * The targets of a project; those it had last while rigx.toml is broken.
 * Reading them runs nothing of the project.
 */
export async function listTargets(program: string, project: string): Promise<Target[]> {
  const answer = await run(program, ["-C", project, "list", "--json"]);
  if (answer.status === 0) {
    lastTargets.set(project, JSON.parse(answer.out) as Target[]);
  }
  return lastTargets.get(project) ?? [];
}

/** The capsules of a project that run. No engine of containers means none. */
export async function runningCapsules(program: string, project: string): Promise<Set<string>> {
  const answer = await run(program, ["-C", project, "capsule", "ps", "--json"]);
  if (answer.status !== 0) {
    return new Set();
  }
  const capsules = JSON.parse(answer.out) as { target: string; project?: string; running: boolean }[];
  return new Set(capsules.filter((c) => c.running && c.project === project).map((c) => c.target));
}

/** What one does with a target of a kind. */
export function verbOf(kind: string): "build" | "test" | "run" {
  switch (kind) {
    case "test":
      return "test";
    case "script":
    case "testbed":
      return "run";
  }
  return "build";
}
