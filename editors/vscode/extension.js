// Starts the language server `arazzo lsp`, runs workflows in a terminal, and shows their graphs.
// @ts-check
'use strict';

const { execFile } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

/** @type {LanguageClient | undefined} */
let client;

/**
 * Where the last run of each workflow is kept, without its secrets.
 * @type {string | undefined}
 */
let kept;

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
 * The file that the last run of a workflow is kept in.
 * @param {vscode.TextDocument} document
 * @param {string | undefined} workflow
 */
function recording(document, workflow) {
  const name = createHash('sha256').update(`${document.uri}#${workflow ?? ''}`).digest('hex');
  return vscode.Uri.joinPath(vscode.Uri.file(kept ?? ''), `${name}.ndjson`).fsPath;
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
  fs.mkdirSync(kept ?? '', { recursive: true, mode: 0o700 });
  terminal(document, ['run', ...flags, '--record', recording(document, workflow), ...meant(document, workflow)]);
}

/**
 * Runs the last run of a workflow again, without a server, with the document as it is now.
 * @param {string | undefined} uri
 * @param {string | undefined} workflow
 */
async function replay(uri, workflow) {
  const document = await saved(uri);
  if (!document) {
    return;
  }
  const file = recording(document, workflow);
  if (!fs.existsSync(file)) {
    vscode.window.showWarningMessage(`${workflow ? `The workflow "${workflow}"` : 'The document'} was not run from here yet.`);
    return;
  }
  terminal(document, ['replay', '--', file, document.uri.fsPath]);
}

/**
 * @param {vscode.TextDocument} document
 * @param {string[]} args
 */
function terminal(document, args) {
  // Arguments of a process, not a line of a shell: a name of a file is never a command.
  const shown = vscode.window.createTerminal({
    name: `arazzo ${args[0]}`,
    cwd: vscode.workspace.getWorkspaceFolder(document.uri)?.uri,
    shellPath: command(),
    shellArgs: args,
  });
  shown.show();
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
  kept = context.globalStorageUri.fsPath;
  context.subscriptions.push(
    vscode.commands.registerCommand('arazzo.run', (uri, workflow) => run([], name(uri), name(workflow))),
    vscode.commands.registerCommand('arazzo.mock', (uri, workflow) => run(['--mock'], name(uri), name(workflow))),
    vscode.commands.registerCommand('arazzo.replay', (uri, workflow) => replay(name(uri), name(workflow))),
    vscode.commands.registerCommand('arazzo.graph', (uri, workflow) => graph(name(uri), name(workflow))),
    vscode.commands.registerCommand('arazzo.restart', async () => {
      await stop();
      await start();
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
