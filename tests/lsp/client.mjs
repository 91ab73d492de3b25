// The language server with the client library of VS Code: its types, its handshake, its ends of messages.
//
//   npm install --prefix WORK vscode-languageserver-protocol          (any folder)
//   node tests/lsp/client.mjs WORK target/release/kiln                (from the repository's root)
//
// Prints how long completion and diagnostics take, in milliseconds: the median of several.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [work, kiln] = process.argv.slice(2);
const require = createRequire(path.resolve(work, 'package.json'));
const lsp = require('vscode-languageserver-protocol/node');

/** How often what is measured is done. */
const TIMES = 21;

const server = spawn(kiln, ['lsp'], { stdio: ['pipe', 'pipe', 'inherit'] });
const ended = new Promise((done) => { server.on('exit', done); });
const connection = lsp.createProtocolConnection(
  new lsp.StreamMessageReader(server.stdout),
  new lsp.StreamMessageWriter(server.stdin),
);
const told = new Map();
let next = () => {};
connection.onNotification(lsp.PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
  told.set(uri, diagnostics);
  next();
});
connection.listen();

/** What is said next of a file. */
async function diagnostics(uri) {
  while (!told.has(uri)) await new Promise((done) => { next = done; });
  const said = told.get(uri);
  told.delete(uri);
  return said;
}

const uriOf = (file) => pathToFileURL(path.resolve(file)).href;
const open = (uri, text) => connection.sendNotification(lsp.DidOpenTextDocumentNotification.type,
  { textDocument: { uri, languageId: 'yaml', version: 1, text } });

/** The place of `‸`, and the text without it. */
function cursor(marked) {
  const before = marked.slice(0, marked.indexOf('‸')).split('\n');
  return { text: marked.replace('‸', ''), position: { line: before.length - 1, character: before.at(-1).length } };
}

async function median(work) {
  const all = [];
  for (let i = 0; i < TIMES; i += 1) {
    const start = performance.now();
    await work(i);
    all.push(performance.now() - start);
  }
  return all.sort((a, b) => a - b)[TIMES >> 1].toFixed(1);
}

const { capabilities, serverInfo } = await connection.sendRequest(lsp.InitializeRequest.type, {
  processId: process.pid, rootUri: uriOf('.'), workspaceFolders: null,
  capabilities: { textDocument: { completion: { completionItem: { snippetSupport: true } } } },
});
assert.equal(serverInfo.name, 'kiln');
assert.ok(capabilities.completionProvider && capabilities.renameProvider.prepareProvider);
await connection.sendNotification(lsp.InitializedNotification.type, {});

// Every shipped pipeline is said to be what `kiln check` says; the quickstart's data is in the repository.
for (const name of fs.readdirSync('pipelines').filter((name) => name.endsWith('.yaml'))) {
  const uri = uriOf(`pipelines/${name}`);
  await open(uri, fs.readFileSync(`pipelines/${name}`, 'utf8'));
  const wrong = (await diagnostics(uri)).filter(({ code }) => code !== 'E0204');
  assert.deepEqual(wrong, [], name);
}

const uri = uriOf('pipelines/quickstart.yaml');
const quickstart = fs.readFileSync('pipelines/quickstart.yaml', 'utf8');
const at = (marked) => ({ textDocument: { uri }, position: cursor(marked).position });
const fit = at(quickstart.replace('model: fit', 'model: f‸it'));
const definition = await connection.sendRequest(lsp.DefinitionRequest.type, fit);
assert.equal(quickstart.split('\n')[definition.range.start.line].trim(), 'fit:');
const references = await connection.sendRequest(lsp.ReferencesRequest.type, { ...fit, context: { includeDeclaration: true } });
assert.ok(references.length >= 3, JSON.stringify(references));
const renamed = await connection.sendRequest(lsp.RenameRequest.type, { ...fit, newName: 'trained' });
assert.equal(renamed.changes[uri].length, references.length);
await assert.rejects(connection.sendRequest(lsp.RenameRequest.type, { ...fit, newName: 'a b' }), /can't be the name of a node/);
const hover = await connection.sendRequest(lsp.HoverRequest.type, fit);
assert.match(hover.contents.value, /\*\*fit\*\* \(`train`\)/);
const lenses = await connection.sendRequest(lsp.CodeLensRequest.type, { textDocument: { uri } });
assert.ok(lenses.length >= 7 && lenses.every(({ command }) => /^(cached|would run)/.test(command.title)));

// Sixty nodes: what an editor asks at every key that is pressed.
const many = uriOf('pipelines/sixty.yaml');
const nodes = Array.from({ length: 19 }, (_, i) => `  net${i}: { type: model, arch: yolo11n-cls, dataset: digits }
  fit${i}:\n    type: train\n    model: net${i}\n    dataset: digits\n    transforms: prep\n    epochs: ${i + 1}
  score${i}: { type: val, model: fit${i}, dataset: digits }\n`);
const sixty = `version: 1\nname: sixty\nnodes:\n  digits: { type: dataset, root: ../examples/data/mnist160 }
  prep: { type: transforms, size: 64 }\n${nodes.join('')}  last:\n    type: val\n    model: ‸\n`;
const here = cursor(sixty);
await open(many, here.text);
assert.equal((await diagnostics(many)).length, 1, 'the last model is missing');
const asked = { textDocument: { uri: many }, position: here.position };
const offered = await connection.sendRequest(lsp.CompletionRequest.type, asked);
assert.equal(offered.filter(({ label }) => label.startsWith('fit')).length, 19);
const completion = await median(() => connection.sendRequest(lsp.CompletionRequest.type, asked));
const change = async (text, version) => {
  await connection.sendNotification(lsp.DidChangeTextDocumentNotification.type,
    { textDocument: { uri: many, version }, contentChanges: [{ text }] });
  return diagnostics(many);
};
const checked = await median((i) => change(here.text.replace('epochs: 3', `epochs: ${i % 2 ? 3 : 'x'}`), i + 2));
console.log(`60 nodes: completion ${completion} ms, diagnostics ${checked} ms`);
const text = quickstart.replace(/arch: .*/, 'arch: ‸');
const arch = at(text);
await connection.sendNotification(lsp.DidChangeTextDocumentNotification.type,
  { textDocument: { uri, version: 2 }, contentChanges: [{ text: cursor(text).text }] });
console.log(`quickstart: completion ${await median(() => connection.sendRequest(lsp.CompletionRequest.type, arch))} ms`);

await connection.sendRequest(lsp.ShutdownRequest.type);
await connection.sendNotification(lsp.ExitNotification.type);
assert.equal(await ended, 0);
