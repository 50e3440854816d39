// The language server, and what the editor does for it.

import * as vscode from "vscode";
import { CloseAction, ErrorAction, LanguageClient, type ErrorHandler, type ExecuteCommandSignature } from "vscode-languageclient/node";

import { missing, rigxProgram, serverProgram, setting } from "./program.js";

/** How often a server that ended by itself is started again. */
const restarts = 5;

/** Starts rigx-ls, or says why it cannot. runLens is what a click on a lens does. */
export async function startServer(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  runLens: (verb: string, project: string, target: string) => void,
): Promise<LanguageClient | undefined> {
  const command = serverProgram(context);
  if (!command) {
    void missing("rigx-ls");
    return undefined;
  }
  log.info("starting", command);
  let ended = 0;
  const errorHandler: ErrorHandler = {
    error: () => ({ action: ErrorAction.Continue }),
    closed: () => {
      if (++ended > restarts) {
        void vscode.window.showErrorMessage(`rigx-ls ended ${ended} times and is not started again; see the log.`);
        return { action: CloseAction.DoNotRestart, handled: true };
      }
      return { action: CloseAction.Restart, handled: true };
    },
  };
  const executeCommand = (name: string, args: unknown[], next: ExecuteCommandSignature) => {
    const lens = args[0] as { project?: string; target?: string } | undefined;
    if (name.startsWith("rigx.") && lens?.project) {
      // In the terminal, where output and questions are seen.
      runLens(name.slice("rigx.".length), vscode.Uri.parse(lens.project).fsPath, lens.target ?? "");
      return undefined;
    }
    return next(name, args);
  };
  const client = new LanguageClient("rigx", "rigx", { command, args: [] }, {
    documentSelector: [{ scheme: "file", language: "toml" }, { scheme: "file", pattern: "**/rigx.toml" }],
    initializationOptions: { trusted: vscode.workspace.isTrusted, program: rigxProgram(context), nixpkgs: setting("nixpkgs") },
    outputChannel: log,
    errorHandler,
    middleware: { executeCommand },
  });
  try {
    await client.start();
  } catch (error) {
    void vscode.window.showErrorMessage(`rigx: cannot start ${command}: ${String(error)}`);
    return undefined;
  }
  const version = client.initializeResult?.serverInfo?.version ?? "";
  const wanted = String((context.extension.packageJSON as { version: string }).version);
  if (minor(version) !== minor(wanted)) {
    void vscode.window.showWarningMessage(`rigx: ${command} is version ${version || "unknown"}; this extension is made for ${wanted}. Install the same version of both if something is amiss.`);
  }
  return client;
}

/** The part of a version in which programs that work together agree. */
function minor(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
