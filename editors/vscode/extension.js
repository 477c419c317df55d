// Starts the language server `arazzo lsp`, and runs workflows in a terminal.
// @ts-check
'use strict';

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
    initializationOptions: { hints: settings().get('hints', false) },
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
 * Runs the document of the active editor in a terminal, where inputs that are missing are asked for.
 * @param {string[]} flags
 */
async function run(flags) {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== 'arazzo' || !(await document.save())) {
    return;
  }
  // Arguments of a process, not a line of a shell: a name of a file is never a command.
  const terminal = vscode.window.createTerminal({
    name: 'arazzo run',
    cwd: vscode.workspace.getWorkspaceFolder(document.uri)?.uri,
    shellPath: command(),
    shellArgs: ['run', ...flags, '--', document.uri.fsPath],
  });
  terminal.show();
}

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand('arazzo.run', () => run([])),
    vscode.commands.registerCommand('arazzo.mock', () => run(['--mock'])),
    vscode.commands.registerCommand('arazzo.restart', async () => {
      await stop();
      await start();
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
