// rigx in the terminal: tasks for build, test and run, with a problem matcher.

import * as path from "node:path";
import * as vscode from "vscode";

import { baseArguments, listTargets, missing, rigxProgram, verbOf } from "./program.js";
import { findProjects } from "./projects.js";

interface Definition extends vscode.TaskDefinition {
  command: string;
  target?: string;
  project?: string;
}

/**
 * A task that runs rigx in a project. It has no problem matcher: rigx-ls places
 * what compilers complain about, and takes it out again. A task of tasks.json can
 * have $rigx.
 */
export function makeTask(program: string, project: string, command: string, target: string): vscode.Task {
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(project));
  const definition: Definition = { type: "rigx", command, target, project: folder ? path.relative(folder.uri.fsPath, project) : project };
  const words = command === "start" || command === "stop" ? ["capsule", command] : [command];
  const execution = new vscode.ProcessExecution(program, [...baseArguments(project), ...words, ...(target ? [target] : [])], { cwd: project });
  const task = new vscode.Task(definition, folder ?? vscode.TaskScope.Workspace, target ? `${command} ${target}` : command, "rigx", execution, []);
  task.group = command === "build" ? vscode.TaskGroup.Build : command === "test" ? vscode.TaskGroup.Test : undefined;
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true, showReuseMessage: false };
  return task;
}

/** Runs rigx in the terminal and answers its exit status. */
export async function runInTerminal(context: vscode.ExtensionContext, project: string, command: string, target: string): Promise<number | undefined> {
  if (!vscode.workspace.isTrusted) {
    await vscode.window.showWarningMessage("rigx: the workspace is not trusted, so nothing in it is run.");
    return undefined;
  }
  const program = rigxProgram(context);
  if (!program) {
    await missing("rigx");
    return undefined;
  }
  await vscode.workspace.saveAll(false);
  const execution = await vscode.tasks.executeTask(makeTask(program, project, command, target));
  return new Promise((resolve) => {
    const listener = vscode.tasks.onDidEndTaskProcess((e) => {
      if (e.execution === execution) {
        listener.dispose();
        resolve(e.exitCode);
      }
    });
  });
}

/** Offers a task for every target in "Run Task…", and fills in those of tasks.json. */
export class TaskProvider implements vscode.TaskProvider {
  constructor(private readonly context: vscode.ExtensionContext) {}

  async provideTasks(): Promise<vscode.Task[]> {
    const program = rigxProgram(this.context);
    if (!program || !vscode.workspace.isTrusted) {
      return [];
    }
    const tasks: vscode.Task[] = [];
    for (const project of await findProjects()) {
      tasks.push(makeTask(program, project, "build", ""), makeTask(program, project, "test", ""));
      for (const t of await listTargets(program, project)) {
        tasks.push(makeTask(program, project, verbOf(t.kind), t.name));
      }
    }
    return tasks;
  }

  resolveTask(task: vscode.Task): vscode.Task | undefined {
    const program = rigxProgram(this.context);
    const definition = task.definition as Definition;
    const folder = task.scope as vscode.WorkspaceFolder | undefined;
    if (!program || !folder?.uri) {
      return undefined;
    }
    const resolved = makeTask(program, path.join(folder.uri.fsPath, definition.project ?? ""), definition.command, definition.target ?? "");
    resolved.definition = definition; // must stay what tasks.json says
    return resolved;
  }
}
