// Starts the language server `arazzo lsp`, runs workflows in a terminal, and shows their graphs.
// @ts-check
'use strict';

const { execFile } = require('node:child_process');
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

/** @type {LanguageClient | undefined} */
let client;

function settings() {
  return vscode.workspace.getConfiguration('arazzo');
}

function command() {
  return settings().get('path', 'arazzo');
}

async function start() {
  // Without a transport nothing is added to the arguments: standard input and output are the only way.
  const server = { command: command(), args: ['lsp'] };
  client = new LanguageClient('arazzo', 'Arazzo', server, {
    documentSelector: [
      { scheme: 'file', language: 'arazzo' },
      { scheme: 'file', language: 'json', pattern: '**/*.arazzo.json' },
    ],
    // The commands of lenses are those below.
    initializationOptions: { hints: settings().get('hints', false), commands: true },
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const help = 'Install arazzo, or set "arazzo.path" to where it is.';
    vscode.window.showErrorMessage(`The command "${command()}" cannot be started: ${error}. ${help}`);
  }
}

async function stop() {
  await client?.stop();
  client = undefined;
}

/**
 * The document of a lens, else that of the active editor, as it is on the disk now. Nothing where it may not be run.
 * @param {string | undefined} uri
 */
async function saved(uri) {
  if (!vscode.workspace.isTrusted) {
    vscode.window.showWarningMessage('Workflows are run in workspaces that are trusted.');
    return undefined;
  }
  const document = uri
    ? await vscode.workspace.openTextDocument(vscode.Uri.parse(uri))
    : vscode.window.activeTextEditor?.document;
  const isArazzo = document && (document.languageId === 'arazzo' || /\.arazzo\.json$/.test(document.uri.fsPath));
  return isArazzo && (await document.save()) ? document : undefined;
}

/**
 * An argument of a lens; menus give others.
 * @param {unknown} argument
 */
function name(argument) {
  return typeof argument === 'string' ? argument : undefined;
}

/**
 * What a command is told about which workflow is meant.
 * @param {vscode.TextDocument} document
 * @param {string | undefined} workflow
 */
function meant(document, workflow) {
  return ['--', document.uri.fsPath, ...(workflow ? [workflow] : [])];
}

/**
 * Runs a workflow in a terminal, where inputs that are missing are asked for.
 * @param {string[]} flags
 * @param {string | undefined} uri
 * @param {string | undefined} workflow
 */
async function run(flags, uri, workflow) {
  const document = await saved(uri);
  if (!document) {
    return;
  }
  // Arguments of a process, not a line of a shell: a name of a file is never a command.
  const terminal = vscode.window.createTerminal({
    name: 'arazzo run',
    cwd: vscode.workspace.getWorkspaceFolder(document.uri)?.uri,
    shellPath: command(),
    shellArgs: ['run', ...flags, ...meant(document, workflow)],
  });
  terminal.show();
}

/**
 * Shows the graph of a workflow beside it: a picture, in a page that runs nothing and loads nothing.
 * @param {string | undefined} uri
 * @param {string | undefined} workflow
 */
async function graph(uri, workflow) {
  const document = await saved(uri);
  if (!document) {
    return;
  }
  const args = ['graph', '--format', 'svg', ...meant(document, workflow)];
  execFile(command(), args, { maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
    if (error) {
      vscode.window.showErrorMessage(`The graph cannot be shown: ${stderr.trim() || error.message}`);
      return;
    }
    const title = workflow ? `Graph: ${workflow}` : 'Graph';
    const panel = vscode.window.createWebviewPanel('arazzo.graph', title, vscode.ViewColumn.Beside, {
      enableScripts: false,
      localResourceRoots: [],
    });
    const policy = "default-src 'none'; style-src 'unsafe-inline'";
    panel.webview.html = `<!DOCTYPE html>
<html><head><meta http-equiv="Content-Security-Policy" content="${policy}"></head><body>${stdout}</body></html>`;
  });
}

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand('arazzo.run', (uri, workflow) => run([], name(uri), name(workflow))),
    vscode.commands.registerCommand('arazzo.mock', (uri, workflow) => run(['--mock'], name(uri), name(workflow))),
    vscode.commands.registerCommand('arazzo.graph', (uri, workflow) => graph(name(uri), name(workflow))),
    vscode.commands.registerCommand('arazzo.restart', async () => {
      await stop();
      await start();
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
