/** The installed package behind bundlers and in a browser: esbuild, Vite, Chromium under a strict policy. */
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as sources from '../../bindings/index.js';
import { describeWithChromium, openPages, type Page, type PageResult } from './chromium.js';
import { roundTrip, type Seen } from './consumer/round-trip.js';
import { Installed, type Output } from './installed.js';

const ENTRIES = ['index', 'external'];
const TIMEOUT_MS = 120_000;

let installed: Installed;
let expected: Seen;
let output: Output;

beforeAll(async () => {
  installed = await Installed.make();
  expected = await roundTrip(sources);
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

test.each([
  ['index', []],
  ['external', [expect.stringMatching(/^core-.*\.wasm$/)]],
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
    expect(message).toMatch(/^EIO: the core did not compile: .* pass a compiled WebAssembly\.Module/);
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

describeWithChromium('The package', 'in Chromium', () => {
  const results = new Map<string, PageResult>();
  let forbidden: PageResult | undefined;
  let opfs: PageResult | undefined;

  beforeAll(async () => {
    const names = Object.keys(PAGES);
    const pages = [
      ...Object.values(PAGES),
      { path: '/unbundled.html?opfs', csp: NO_CONNECTIONS },
      { path: '/unbundled.html?failure', csp: NO_WASM },
    ];
    const opened = await openPages(installed, pages);
    for (const [n, name] of names.entries()) results.set(name, opened[n]);
    [opfs, forbidden] = opened.slice(-2);
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

  test('where the policy forbids WebAssembly, the error names the word that is missing', () => {
    expect(forbidden?.log).toMatch(
      /^EIO: the core did not compile: CompileError: .*script-src needs 'wasm-unsafe-eval'/,
    );
  });
});
