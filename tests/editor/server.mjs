// A yaml-language-server over stdio, as an editor has it: one process for all documents.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** How long a server may be silent before that is an error, in milliseconds. */
const PATIENCE = 30_000;

/** What an editor can do that shows all that the server says. */
const CAPABILITIES = {
  workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
  textDocument: {
    completion: { completionItem: { snippetSupport: true, documentationFormat: ['markdown', 'plaintext'] } },
    hover: { contentFormat: ['markdown', 'plaintext'] },
  },
};

export class Server {
  /** Starts the server whose packages `npm` installed into `work`; `schema` holds for files without a modeline. */
  static async start(work, schema) {
    const require = createRequire(path.resolve(work, 'package.json'));
    const rpc = require('vscode-jsonrpc/node');
    const program = path.resolve(work, 'node_modules/yaml-language-server/bin/yaml-language-server');
    const process_ = spawn(process.execPath, [program, '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] });
    const connection = rpc.createMessageConnection(
      new rpc.StreamMessageReader(process_.stdout),
      new rpc.StreamMessageWriter(process_.stdin),
    );
    const server = new Server(process_, connection, settings(schema));
    await server.begin();
    return server;
  }

  constructor(process_, connection, settings) {
    Object.assign(this, { process: process_, connection, settings, waiting: new Map() });
    connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics }) => this.waiting.get(uri)?.(diagnostics));
    connection.onRequest('workspace/configuration', ({ items }) => items.map(({ section }) => settings[section] ?? null));
    connection.onRequest('client/registerCapability', () => null);
    connection.listen();
  }

  async begin() {
    const rootUri = pathToFileURL(process.cwd()).href;
    const workspaceFolders = [{ uri: rootUri, name: 'kiln' }];
    await this.connection.sendRequest('initialize', { processId: process.pid, rootUri, workspaceFolders, capabilities: CAPABILITIES });
    await this.connection.sendNotification('initialized', {});
    await this.connection.sendNotification('workspace/didChangeConfiguration', { settings: this.settings });
  }

  /** Opens a document; gives what the server says is wrong with it. */
  async open(uri, text) {
    const told = new Promise((done, failed) => {
      const late = setTimeout(() => failed(new Error(`nothing is said about ${uri}`)), PATIENCE);
      this.waiting.set(uri, (diagnostics) => {
        clearTimeout(late);
        done(diagnostics);
      });
    });
    await this.connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version: 1, text } });
    return told;
  }

  /** What is offered at a place of an open document. */
  async completions(uri, position) {
    const offered = await this.connection.sendRequest('textDocument/completion', { textDocument: { uri }, position });
    return (offered?.items ?? offered ?? []).map(({ label, insertText, documentation }) => (
      { label, insertText, documentation: documentation?.value ?? documentation ?? '' }));
  }

  /** What is shown at a place of an open document. */
  async hover(uri, position) {
    const shown = await this.connection.sendRequest('textDocument/hover', { textDocument: { uri }, position });
    return shown?.contents?.value ?? shown?.contents ?? '';
  }

  stop() {
    this.process.kill();
  }
}

/** By section, what the server asks its editor. */
function settings(schema) {
  const yaml = {
    completion: true, hover: true, validate: true, schemaStore: { enable: false },
    schemas: { [pathToFileURL(schema).href]: '*.yaml' },
  };
  return { yaml, '[yaml]': { 'editor.tabSize': 2 }, editor: { tabSize: 2 }, http: { proxy: '', proxyStrictSSL: false } };
}
