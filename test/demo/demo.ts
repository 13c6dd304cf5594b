/** The demo as the tests see it: installed and built as `npm run demo` does, then driven in a browser by a process of its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '../package/chromium.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const DRIVER = fileURLToPath(new URL('drive.mjs', import.meta.url));

/** Where the pictures go, a folder for each browser, for a person to look at too. Git ignores it. */
const SCREENSHOTS = join(root, 'build/demo-screenshots');
const COMPARE = fileURLToPath(new URL('compare.mjs', import.meta.url));

export interface Driven<T> {
  /** What the scenario found. */
  readonly result: T;
  /** Errors and warnings of the console, exceptions, failed requests. */
  readonly problems: readonly string[];
}

/** Runs a program of the repository. Rejects with all it printed when it fails. */
function run(command: string, args: readonly string[], input = ''): Promise<string> {
  // What npm and jest put into the environment is no concern of the demo's own npm.
  const entries = Object.entries(process.env).filter(([name]) => !/^(?:npm_|NODE_OPTIONS$|NODE_ENV$|JEST_)/.test(name));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: Object.fromEntries(entries) });
    let out = '';
    let all = '';
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString();
      all += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => (all += data.toString()));
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(out);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${status}:\n${all}`));
    });
    child.stdin.end(input);
  });
}

function npm(...args: readonly string[]): Promise<string> {
  const script = process.env['npm_execpath'];
  return script?.endsWith('.js') ? run(process.execPath, [script, ...args]) : run('npm', args);
}

/** Makes the production build, with what the lock file names. */
export async function buildDemo(): Promise<void> {
  if (!existsSync(join(root, 'demo/node_modules/.package-lock.json'))) await npm('--prefix', 'demo', 'ci');
  await npm('--prefix', 'demo', 'run', 'build');
}

/** Runs one of scenarios/ in a browser, on the production build. */
export async function drive<T>(scenario: string, input: object = {}, name = 'Chromium'): Promise<Driven<T>> {
  const request = { name, chromium, scenario, screenshots: join(SCREENSHOTS, name), input };
  return JSON.parse(await run(process.execPath, [DRIVER], JSON.stringify(request))) as Driven<T>;
}

/** How far a browser's pictures are from Chromium's of the same names: 0 to 1 each. */
export async function comparePictures(name: string): Promise<Record<string, number>> {
  const folders = ['Chromium', name].map((each) => join(SCREENSHOTS, each));
  return JSON.parse(await run(process.execPath, [COMPARE, chromium!, ...folders])) as Record<string, number>;
}

/** Why a browser other than Chromium cannot be driven; empty if it can be. */
export async function obstacleOf(name: string): Promise<string> {
  const code = `import { BROWSERS, missingOf } from './test/runtimes/browsers.mjs';
    console.log(missingOf(BROWSERS[process.argv[1]]) ?? '');`;
  return (await run(process.execPath, ['--input-type=module', '--eval', code, name])).trim();
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'zram-wasm-demo-'));
}
