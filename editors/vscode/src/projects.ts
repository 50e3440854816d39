// The projects of the workspace: the directories of the outermost rigx.toml.

import * as path from "node:path";
import * as vscode from "vscode";

/** Modules of a project are not projects of their own: they have no [project]. */
export async function findProjects(): Promise<string[]> {
  const found = await vscode.workspace.findFiles("**/rigx.toml", "**/{node_modules,output,.git}/**", 200);
  const projects: string[] = [];
  for (const uri of found) {
    const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
    if (/^\s*\[\s*project\s*\]/m.test(text)) {
      projects.push(path.dirname(uri.fsPath));
    }
  }
  return projects.sort();
}
