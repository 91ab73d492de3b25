// What an editor with yaml-language-server offers, shows and marks in pipeline files.
//
//   npm install --prefix WORK yaml-language-server vscode-jsonrpc yaml       (any folder, any version of the server)
//   node tests/editor/run.mjs WORK target/release/kiln                       (from the repository's root)
//
// The cases are data: `cases.yaml` for documents with a cursor, `mistakes.yaml` for the files of tests/fixtures/invalid beside
// what `kiln check` says of them. Where there is nothing better to expect, they say why; if it comes, that is an error, too.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Server } from './server.mjs';

const SCHEMA = 'schemas/pipeline.schema.json';
const FIXTURES = 'tests/fixtures/invalid';
/** Words of schemas, which nobody who writes a pipeline knows. */
const RAW = /pattern of|object\(|Expected "(node|params)"/;

const [work, kiln] = process.argv.slice(2);
const require = createRequire(path.resolve(work, 'package.json'));
const yaml = require('yaml');
const { version } = require('yaml-language-server/package.json');
const schema = JSON.parse(fs.readFileSync(SCHEMA, 'utf8'));

const data = (name) => yaml.parse(fs.readFileSync(path.join('tests/editor', name), 'utf8'));
const uriOf = (file) => pathToFileURL(path.resolve(file)).href;

let [passed, failures] = [0, []];

/** Counts a check; `faults` are what is wrong, `short` why there is nothing better to expect. */
function tell(name, faults, short) {
  if (short && faults.length === 0) faults = [`the server does it now; it is listed as one that does not: ${short}`];
  else if (short) return void console.log(`  known  ${name}: ${short}`);
  if (faults.length === 0) passed += 1;
  else failures.push(`${name}\n    ${faults.join('\n    ')}`);
}

// Documents with a cursor.

/** The document without its cursor, and the cursor's place. */
function cursor(text) {
  const before = text.slice(0, Math.max(text.indexOf('‸'), 0)).split('\n');
  return { text: text.replace('‸', ''), position: { line: before.length - 1, character: before.at(-1).length } };
}

/** The keys of a definition of the schema, but for what chooses it. */
const keysOf = (kind) => Object.keys(schema.definitions[kind].properties).filter((key) => key !== 'type');

/** The words that a key of a definition of the schema takes, alone or in a list. */
function wordsOf([kind, key]) {
  const property = schema.definitions[kind].properties[key];
  return (property.items ?? property).defaultSnippets.map(({ label }) => label);
}

/** What is not offered as it should be. `offers` maps labels to what they insert. */
function missing(offered, wanted) {
  return Object.entries(wanted).flatMap(([label, inserts]) => {
    const found = offered.find((one) => one.label === label && (inserts === null || one.insertText.startsWith(inserts)));
    if (!found) return [`\`${label}\` is not offered as ${JSON.stringify(inserts)}: ${JSON.stringify(offered.find((one) => one.label === label))}`];
    return found.documentation ? [] : [`\`${label}\` has no documentation`];
  });
}

/** What is offered that should not be. */
const besides = (offered, allowed) => [...new Set(offered.map(({ label }) => label))]
  .filter((label) => !allowed.includes(label)).map((label) => `\`${label}\` is offered`);

async function document(server, one, number) {
  const { text, position } = cursor(one.text);
  const uri = uriOf(`tests/editor/case${number}.yaml`);
  const marks = await server.open(uri, text);
  const faults = [];
  if (one.clean) faults.push(...marks.map((mark) => `marked: ${mark.message}`));
  if (one.offers || one.keys_of || one.words_of || one.values) {
    const offered = await server.completions(uri, position);
    const keys = [...(one.keys_of ? keysOf(one.keys_of) : []), ...(one.words_of ? wordsOf(one.words_of) : [])];
    const wanted = { ...Object.fromEntries(keys.map((key) => [key, null])), ...one.offers };
    faults.push(...missing(offered, wanted));
    const labels = offered.map(({ label }) => label);
    faults.push(...(one.values ?? []).filter((value) => !labels.includes(value)).map((value) => `\`${value}\` is not offered`));
    if (one.only) faults.push(...besides(offered, [...Object.keys(wanted), ...one.only]));
  }
  for (const part of one.shows ?? []) {
    const shown = (await server.hover(uri, position)).replaceAll('\\', '');
    if (!shown.includes(part)) faults.push(`the hover lacks ${JSON.stringify(part)}: ${JSON.stringify(shown)}`);
  }
  tell(one.name, faults);
}

// Files with mistakes, beside what the program says.

/** By file, what `kiln check` says of it. */
function checked(files) {
  const { stdout } = spawnSync(kiln, ['check', '--message-format', 'json', ...files], { encoding: 'utf8' });
  return new Map(stdout.trim().split('\n').map((line) => JSON.parse(line)).map((report) => [path.basename(report.file), report]));
}

/** The lines that a place of the program's covers, from 0. */
function lines(bytes, { start, end }) {
  const line = (byte) => bytes.subarray(0, byte).toString('utf8').split('\n').length - 1;
  return [line(start), line(Math.max(start, end - 1))];
}

const touches = ([from, to], mark) => mark.range.start.line <= to && mark.range.end.line >= from;

async function mistaken(server, file, report, known) {
  const name = path.basename(file);
  const bytes = fs.readFileSync(file);
  const marks = await server.open(uriOf(file), bytes.toString('utf8'));
  const own = report.problems.filter((problem) => problem.at.file === report.file);
  const places = own.map((problem) => lines(bytes, problem.at));
  const expressible = own.filter((problem) => known.codes.includes(problem.code));
  const unseen = expressible.filter((problem) => !marks.some((mark) => touches(lines(bytes, problem.at), mark)));
  const faults = unseen.map((problem) => `not marked: ${problem.code} ${problem.message}`);
  tell(`${name}: every mistake that a schema can express is marked`, faults, known.not_marked[name]);
  const odd = marks.filter((mark) => !places.some((place) => touches(place, mark)));
  tell(`${name}: nothing else is marked`, odd.map((mark) => `line ${mark.range.start.line + 1}: ${mark.message}`), known.besides[name]);
  const raw = marks.filter((mark) => RAW.test(mark.message));
  tell(`${name}: messages are for people`, raw.map((mark) => mark.message));
}

// All of it.

const server = await Server.start(work, SCHEMA);
console.log(`yaml-language-server ${version}`);
await Promise.all(data('cases.yaml').map((one, number) => document(server, one, number)));

const known = data('mistakes.yaml');
const files = fs.readdirSync(FIXTURES).filter((name) => name.endsWith('.yaml')).sort();
const reports = checked(files.map((name) => path.join(FIXTURES, name)));
await Promise.all(files.map((name) => mistaken(server, path.join(FIXTURES, name), reports.get(name), known)));

const pipelines = execFileSync('git', ['ls-files', 'pipelines/*.yaml'], { encoding: 'utf8' }).trim().split('\n');
await Promise.all(pipelines.map(async (file) => {
  const marks = await server.open(uriOf(file), fs.readFileSync(file, 'utf8'));
  tell(`${file} is clean`, marks.map((mark) => mark.message));
}));
server.stop();

failures.forEach((failure) => console.log(`  FAILED ${failure}`));
console.log(`  ${passed} right, ${failures.length} wrong`);
process.exit(failures.length === 0 ? 0 : 1);
