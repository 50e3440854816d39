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

/** The project that a file belongs to: the nearest above it, or the only one there is. */
export async function projectOf(uri?: vscode.Uri): Promise<string | undefined> {
  const projects = await findProjects();
  const above = projects.filter((p) => uri && !path.relative(p, uri.fsPath).startsWith(".."));
  return above.sort((a, b) => b.length - a.length)[0] ?? projects[0];
}
