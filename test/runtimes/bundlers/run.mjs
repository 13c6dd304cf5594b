/**
 * The README's example behind bundlers: each builds and runs it from the packed package in a browser, with its server for
 * development too, with `zram-wasm`, `zram-wasm/external` and `zram-wasm/parallel`. Prints a table.
 *
 *   npm run test:runtimes -- bundlers [BUNDLER…]     after `npm run build`; needs the registry and a browser
 *
 * What is installed, some 600 MB, is in a temporary folder, which is removed in the end unless the environment's
 * ZRAM_WASM_BUNDLERS names one.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmPack, root } from '../../../scripts/npm-pack.mjs';
import { BROWSERS, end, missingOf, openBrowser, versionOf } from '../browsers.mjs';
import { run } from '../install.mjs';
import { PageServer } from '../server.mjs';
import { printTable } from '../table.mjs';
import { exampleOf, inFunction } from './example.mjs';
import { NAMES, TOOLS } from './tools.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const PAGE_MS_MAX = 90_000;
const SERVER_MS_MAX = 60_000;
const BUILD_MS_MAX = 300_000;

const { code, expected } = exampleOf(root);
const EXPECTED = { example: expected, external: expected, parallel: 'true' };
const kept = process.env.ZRAM_WASM_BUNDLERS;
const folder = kept ?? mkdtempSync(path.join(tmpdir(), 'zram-wasm-bundlers-'));
/** Of the programs that are started: what npm puts there is this repository's. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_ENV$/.test(name)));
Object.assign(env, { NEXT_TELEMETRY_DISABLED: '1', CI: '1' });

async function install() {
  mkdirSync(folder, { recursive: true });
  cpSync(path.join(here, 'package.json'), path.join(folder, 'package.json'));
  for (const part of ['app', 'next']) cpSync(path.join(here, part), folder, { recursive: true });
  writeFileSync(path.join(folder, 'src/example.js'), code);
  writeFileSync(path.join(folder, 'src/external.js'), code.replace("'zram-wasm'", "'zram-wasm/external'"));
  cpSync(path.join(here, 'app'), path.join(folder, 'functions'), { recursive: true });
  for (const name of NAMES) {
    const module = readFileSync(path.join(folder, `src/${name}.js`), 'utf8');
    writeFileSync(path.join(folder, `functions/src/${name}.js`), inFunction(module));
  }
  // Saved in its package.json, or the next program that installs something removes it.
  const { filename } = npmPack(folder);
  await run('npm', ['install', '--no-audit', '--no-fund', `./${filename}`], { cwd: folder, env });
}

/** Runs one of the installed programs to its end. */
async function tool([name, ...args]) {
  const bin = path.join(folder, 'node_modules/.bin', name);
  try {
    await run(bin, args, { cwd: folder, env, timeout: BUILD_MS_MAX, maxBuffer: 2 ** 26 });
  } catch (error) {
    throw new Error(`${name} ${args.join(' ')}:\n${error.stdout}\n${error.stderr}`, { cause: error });
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });
}

/** Starts a bundler's server, and waits until it answers. */
async function startServer(command, first) {
  const port = await freePort();
  const [name, ...args] = command(port);
  const bin = path.join(folder, 'node_modules/.bin', name);
  const child = spawn(bin, args, { cwd: folder, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said = (said + data).slice(-4000)));
  const address = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + SERVER_MS_MAX;
  for (;;) {
    const answer = await fetch(`${address}/${first}`).catch(() => undefined);
    if (answer?.ok) return { address, close: () => end(child) };
    if (Date.now() > deadline || child.exitCode !== null) {
      await end(child);
      throw new Error(`${name} ${args.join(' ')} does not answer (${answer?.status}):\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** Opens the pages at an address, one after the other. */
async function* pagesAt(pages, address, at) {
  const report = encodeURIComponent(pages.address);
  for (const name of NAMES) {
    const show = async () => {
      pages.server.show(`${address}/${at(name)}?report=${report}`);
      return pages.failed;
    };
    const [{ text, error }] = await pages.server.collect(show, PAGE_MS_MAX);
    const wrong = text === EXPECTED[name] ? undefined : `${text} instead of ${EXPECTED[name]}`;
    yield { check: name, error: error ?? wrong };
  }
}

async function* inServer(address, at) {
  for (const name of NAMES) {
    const text = await (await fetch(`${address}/${at(name)}`)).text();
    const error = text === EXPECTED[name] ? undefined : `${text.slice(0, 300)} instead of ${EXPECTED[name]}`;
    yield { check: `${name}, in the server`, error };
  }
}

async function* built(bundler, pages) {
  await tool(bundler.build);
  bundler.after?.(folder);
  const files = bundler.start ? undefined : new PageServer(path.join(folder, bundler.output));
  const server = files
    ? { address: await files.listen(), close: () => files.close() }
    : await startServer(bundler.start, bundler.at(NAMES[0]));
  try {
    yield* pagesAt(pages, server.address, bundler.at ?? ((name) => `${name}.html`));
    if (bundler.inServer) yield* inServer(server.address, bundler.inServer);
  } finally {
    await server.close();
  }
}

async function* served(bundler, pages) {
  bundler.prepare?.(folder);
  const server = await startServer(bundler.serve, bundler.at(NAMES[0]));
  try {
    yield* pagesAt(pages, server.address, bundler.at);
    if (bundler.inServer) yield* inServer(server.address, bundler.inServer);
  } finally {
    await server.close();
  }
}

/** Each mode of a bundler; what fails as a whole is one result. */
async function* checksOf(bundler, pages) {
  for (const [mode, results] of [
    ['built', built],
    ['served', bundler.serve && served],
  ]) {
    if (!results) continue;
    try {
      for await (const { check, error } of results(bundler, pages)) yield { check: `${mode}: ${check}`, error };
    } catch (error) {
      yield { check: mode, error: String(error.message) };
    }
  }
}

export async function runBundlers(wanted) {
  const browser = Object.values(BROWSERS).find((each) => !missingOf(each));
  if (!browser) {
    console.log('Bundlers: skipped: there is no browser.');
    return;
  }
  await install();
  const pages = { server: new PageServer(here) };
  pages.address = await pages.server.listen();
  const opened = await openBrowser(browser, `${pages.address}/hub.html`);
  pages.failed = opened.failed;
  const [rows, versions] = [[], {}];
  try {
    for (const [name, bundler] of Object.entries(TOOLS)) {
      if (wanted.length > 0 && !wanted.some((word) => name.toLowerCase().includes(word.toLowerCase()))) continue;
      const manifest = path.join(folder, 'node_modules', bundler.package, 'package.json');
      if (!existsSync(manifest)) {
        versions[name] = 'skipped: it could not be installed';
        continue;
      }
      versions[name] = JSON.parse(readFileSync(manifest, 'utf8')).version;
      for await (const row of checksOf(bundler, pages)) {
        rows.push({ runtime: name, ...row });
        console.log(`${name}: ${row.check}: ${row.error ?? 'passed'}`);
      }
    }
  } finally {
    await opened.close();
    pages.server.close();
    if (!kept) rmSync(folder, { recursive: true, force: true });
  }
  console.log(`In ${await versionOf(browser)}:`);
  printTable(versions, rows);
  return rows;
}
