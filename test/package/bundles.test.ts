/** The installed package behind bundlers and in a browser: esbuild, Vite, Chromium under a strict policy. */
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as sources from '../../bindings/index.js';
import * as parallelSources from '../../bindings/parallel.js';
import { compiledCore } from '../support/raw-core.js';
import { describeWithChromium, openPages, type Page, type PageResult } from './chromium.js';
import { PageFs } from '../../integrations/fs.js';
import { everyPart } from './consumer/every-part.js';
import { fsRoundTrip, type FsSeen } from './consumer/fs-round-trip.js';
import { parallelRoundTrip, type ParallelSeen } from './consumer/parallel-round-trip.js';
import { roundTrip, type Seen } from './consumer/round-trip.js';
import { Installed, type Output } from './installed.js';

const ENTRIES = ['index', 'external'];
const TIMEOUT_MS = 300_000;

let installed: Installed;
let expected: Seen;
let expectedInParallel: ParallelSeen;
let expectedOfFs: FsSeen;
let output: Output;

beforeAll(async () => {
  installed = await Installed.make();
  expected = await roundTrip(sources);
  expectedInParallel = await parallelRoundTrip(parallelSources, {
    module: compiledCore('release'),
    worker: new URL('../../dist/parallel-worker.js', import.meta.url),
  });
  expectedOfFs = await fsRoundTrip({ PageFs });
  output = await installed.node(fileURLToPath(new URL('bundle.mjs', import.meta.url)));
}, TIMEOUT_MS);
afterAll(() => installed.remove());

test('esbuild and Vite have nothing to warn of', () => {
  expect(output).toEqual({ stdout: '', stderr: '' });
});

test.each(ENTRIES)('a bundle of esbuild runs in Node: %s', async (entry) => {
  const { stdout } = await installed.node(`esbuild-${entry}/main.js`);
  expect(JSON.parse(stdout)).toEqual(expected);
});

test('a bundle of esbuild runs in Node: parallel', async () => {
  expect(expectedInParallel).toMatchObject({ same: true, spread: true });
  const { stdout } = await installed.node('esbuild-parallel/main.js');
  expect(JSON.parse(stdout)).toEqual(expectedInParallel);
});

test('a bundle of esbuild runs in Node: fs', async () => {
  expect(expectedOfFs).toMatchObject({ files: 12, code: 'ENOENT', same: true, merged: true });
  const { stdout } = await installed.node('esbuild-fs/main.js');
  expect(JSON.parse(stdout)).toEqual(expectedOfFs);
});

/** Runs the code in a CommonJS file, and gives what it printed as JSON. */
async function inCommonJs(code: string): Promise<unknown> {
  await writeFile(installed.path('cjs/main.cjs'), `(async () => { ${code} })();`);
  return JSON.parse((await installed.node('cjs/main.cjs')).stdout);
}

test.each(ENTRIES)('a CommonJS bundle of esbuild runs in Node: %s', async (entry) => {
  const code = `const { roundTrip } = await import('../round-trip.js');
    console.log(JSON.stringify(await roundTrip(require('./${entry}.cjs'))));`;
  expect(await inCommonJs(code)).toEqual(expected);
});

test('a CommonJS bundle of esbuild runs in Node: parallel', async () => {
  const code = `const { parallelRoundTrip } = await import('../parallel-round-trip.js');
    console.log(JSON.stringify(await parallelRoundTrip(require('./parallel.cjs'))));`;
  expect(await inCommonJs(code)).toEqual(expectedInParallel);
});

test('a CommonJS bundle without the core beside it: EIO', async () => {
  await rm(installed.path('cjs/core.wasm'));
  const code = `const { code, message } = await require('./external.cjs').Engine.create().catch((error) => error);
    console.log(JSON.stringify({ code, message }));`;
  expect(await inCommonJs(code)).toMatchObject({ code: 'EIO', message: expect.stringMatching(/core\.wasm/) });
});

test.each([
  ['esbuild', 'esbuild.mjs', false],
  ['esbuild, with conditions of its own', 'esbuild-node.mjs', true],
  ['esbuild, CommonJS', 'esbuild.cjs', false],
  ['esbuild, CommonJS, with conditions of its own', 'esbuild-node.cjs', true],
  ['Vite, for the server', 'vite/main.js', false],
])('one file for Node.js has all of the library, wherever it is put: %s', async (_name, file, divided) => {
  const text = await readFile(installed.path('alone', file), 'utf8');
  expect(/\/parts\/[0-9a-f]{16}\/save\.cjs/.test(text)).toBe(divided);
  const folder = await mkdtemp(join(tmpdir(), 'zram-wasm-alone-'));
  try {
    const main = join(folder, file.endsWith('.cjs') ? 'main.cjs' : 'main.mjs');
    await writeFile(main, text);
    const { stdout } = await installed.node(main);
    expect(JSON.parse(stdout)).toEqual(await everyPart(sources));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each(['cjs', 'esm'])('every class has its own name in every bundle: %s', async (format) => {
  const entries = ['index', 'external', 'node', 'parallel'].map((entry) =>
    format === 'cjs' ? `require('./${entry}.cjs')` : `await import('../node_modules/zram-wasm/dist/${entry}.js')`,
  );
  const code = `const exports = [${entries.join(', ')}].flatMap((entry) => Object.entries(entry));
    const wrong = exports.filter(([name, value]) => typeof value === 'function' && value.name !== name);
    console.log(JSON.stringify([exports.length > 20, wrong.map(([name]) => name)]));`;
  expect(await inCommonJs(code)).toEqual([true, []]);
});

test.each([
  ['index', []],
  ['external', [expect.stringMatching(/^core-.*\.wasm$/)]],
  ['parallel', [expect.stringMatching(/^core-.*\.wasm$/)]],
])('Vite brings the core along: %s', async (entry, expectedNames) => {
  const assets = installed.path(`vite-${entry}`, 'assets');
  const names = (await readdir(assets)).filter((name) => name.endsWith('.wasm'));
  expect(names).toEqual(expectedNames);
  const core = await readFile(installed.path('node_modules/zram-wasm/dist/core.wasm'));
  for (const name of names) expect((await readFile(`${assets}/${name}`)).equals(core)).toBe(true);
});

describe('in a bare realm: no process, no Buffer, no fetch', () => {
  test('the inlined core', async () => {
    const { stdout } = await installed.node('bare-realm.js', 'compiles');
    expect(JSON.parse(stdout)).toEqual(expected);
  });

  test('a compiled module, where nothing may be compiled; without it the error says so', async () => {
    const { stdout } = await installed.node('bare-realm.js', 'compiles-not');
    const { seen, message } = JSON.parse(stdout);
    expect(seen).toEqual(expected);
    expect(message).toMatch(/^EIO: cannot compile the core: .* pass a compiled WebAssembly\.Module/);
  });
});

/** What the documents ask of a page, and not one word more. */
const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src data:";
const NO_CONNECTIONS = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; img-src data:";
const NO_WASM = "default-src 'none'; script-src 'self'; img-src data:";

const PAGES: Record<string, Page> = {
  'esbuild, inlined: without a connection': { path: '/esbuild-index/', csp: NO_CONNECTIONS },
  'esbuild, external': { path: '/esbuild-external/', csp: STRICT },
  'Vite, inlined: without a connection': { path: '/vite-index/', csp: NO_CONNECTIONS },
  'Vite, external': { path: '/vite-external/', csp: STRICT },
  'without a bundler, inlined': { path: '/unbundled.html?index', csp: NO_CONNECTIONS },
  'without a bundler, external': { path: '/unbundled.html?external', csp: STRICT },
  'createSync in the page': { path: '/unbundled.html?sync', csp: NO_CONNECTIONS },
  'a Response': { path: '/unbundled.html?response', csp: STRICT },
  'a module compiled while it is fetched': { path: '/unbundled.html?module', csp: STRICT },
  'a module worker': { path: '/unbundled.html?worker', csp: STRICT },
};

const PARALLEL_PAGES: Record<string, Page> = {
  'without a bundler': { path: '/unbundled.html?parallel', csp: STRICT },
  'without a bundler, cross-origin isolated': { path: '/unbundled.html?parallel', csp: STRICT, isolated: true },
  'cross-origin isolated, buffers transferred': { path: '/unbundled.html?transfers', csp: STRICT, isolated: true },
  'cross-origin isolated, memory shared': { path: '/unbundled.html?shares', csp: STRICT, isolated: true },
  'a worker of the page’s own making': { path: '/unbundled.html?factory', csp: STRICT },
  esbuild: { path: '/esbuild-parallel/', csp: STRICT },
  'esbuild, cross-origin isolated': { path: '/esbuild-parallel/', csp: STRICT, isolated: true },
  Vite: { path: '/vite-parallel/', csp: STRICT },
  'Vite, cross-origin isolated': { path: '/vite-parallel/', csp: STRICT, isolated: true },
};
const FS_PAGES: Record<string, Page> = {
  'without a bundler': { path: '/unbundled.html?fs', csp: NO_CONNECTIONS },
  esbuild: { path: '/esbuild-fs/', csp: NO_CONNECTIONS },
  Vite: { path: '/vite-fs/', csp: NO_CONNECTIONS },
};
/** Libraries that are loaded from this repository's packages. */
const LIBRARIES = ['@journeyapps/wa-sqlite', 'wa-sqlite', '@sqlite.org/sqlite-wasm'];
const PARALLEL_FAILURES: Page[] = [
  { path: '/unbundled.html?shares', csp: STRICT },
  { path: '/unbundled.html?no-script', csp: STRICT },
];

describeWithChromium('The package', 'in Chromium', () => {
  const results = new Map<string, PageResult>();
  const parallelResults = new Map<string, PageResult>();
  const fsResults = new Map<string, PageResult>();
  let store: PageResult | undefined;
  let notShared: PageResult | undefined;
  let notThere: PageResult | undefined;
  let forbidden: PageResult | undefined;
  let opfs: PageResult | undefined;

  beforeAll(async () => {
    const names = Object.keys(PAGES);
    const inParallel = Object.values(PARALLEL_PAGES);
    for (const name of LIBRARIES) {
      const from = fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url));
      await cp(from, installed.path('libraries', name), { recursive: true });
    }
    const opened = await openPages(installed, [
      ...Object.values(PAGES),
      ...inParallel,
      ...Object.values(FS_PAGES),
      { path: '/unbundled.html?store', csp: STRICT },
      ...PARALLEL_FAILURES,
      { path: '/unbundled.html?opfs', csp: NO_CONNECTIONS },
      { path: '/unbundled.html?failure', csp: NO_WASM },
    ]);
    for (const name of names) results.set(name, opened.shift()!);
    for (const name of Object.keys(PARALLEL_PAGES)) parallelResults.set(name, opened.shift()!);
    for (const name of Object.keys(FS_PAGES)) fsResults.set(name, opened.shift()!);
    [store, notShared, notThere, opfs, forbidden] = opened;
  }, TIMEOUT_MS);

  test.each(Object.keys(PAGES))('%s', (name) => {
    const { log, problems } = results.get(name)!;
    expect(problems).toEqual([]);
    expect(JSON.parse(log)).toEqual(expected);
  });

  test('pages go to a file of the browser and come back, in a worker', () => {
    expect(opfs?.problems).toEqual([]);
    const { inPage, wrong, seen } = JSON.parse(opfs!.log);
    expect({ inPage, wrong }).toEqual({ inPage: 'EOPNOTSUPP', wrong: 'EINVAL' });
    const round = {
      ...{ twice: 'EBUSY', pagesWritten: 40, same: true, full: 'ENOSPC', memUsed: 4096, destroyed: 'EINVAL' },
      bdStat: { bdCount: 40, bdReads: 40, bdWrites: 40 },
    };
    expect(seen).toEqual([[], ['kept'], ['kept']].map((files) => ({ ...round, files })));
  });

  test.each(Object.keys(FS_PAGES))('files: %s', (name) => {
    const { log, problems } = fsResults.get(name)!;
    expect(problems).toEqual([]);
    expect(JSON.parse(log)).toEqual(expectedOfFs);
  });

  test('databases in files of the browser are there after the page was loaded again in a transaction', () => {
    // A page that is loaded again gives up what it was loading.
    expect(store?.problems.filter((text) => !/libraries.*ERR_ABORTED/.test(text))).toEqual([]);
    const names = ['wa-sqlite 2', 'wa-sqlite 1', 'sqlite-wasm'];
    const each = (seen: object): object => Object.fromEntries(names.map((name) => [name, seen]));
    expect(JSON.parse(store!.log)).toEqual({
      before: each({ half: true }),
      after: each({ rows: 60000, check: 'ok' }),
    });
  });

  test.each(Object.keys(PARALLEL_PAGES))('several workers: %s', (name) => {
    const { log, problems } = parallelResults.get(name)!;
    expect(problems).toEqual([]);
    expect(JSON.parse(log)).toEqual(expectedInParallel);
  });

  test('memory cannot be shared where the page is not isolated', () => {
    expect(notShared?.log).toMatch(/^EINVAL: sharedMemory must be false here: it needs SharedArrayBuffer/);
  });

  test('a worker’s script that is not there', () => {
    expect(notThere?.log).toMatch(/^EIO: cannot start a worker: its script could not be loaded/);
  });

  test('where the policy forbids WebAssembly, the error names the word that is missing', () => {
    expect(forbidden?.log).toMatch(
      /^EIO: cannot compile the core: CompileError: .*script-src needs 'wasm-unsafe-eval'/,
    );
  });
});
