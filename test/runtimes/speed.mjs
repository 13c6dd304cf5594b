/**
 * Speeds as ratios to the first runtime's: processor time of each runtime's processes, in rounds that alternate between
 * all of them, so that what else the machine does hits all alike.
 */
import { spawn } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { openBrowser } from './browsers.mjs';
import { TASK_NAMES } from './checks/speed.mjs';
import { folder } from './install.mjs';
import { ticksOf } from './processes.mjs';

const ROUNDS = 5;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' };
/** Below this ratio, the documents have to give a reason. */
const RATIO_MIN = 0.8;

/** Serves the pages, and hands tasks to those that ask. */
class Rounds {
  #waiting = new Map();
  #listeners = new Map();
  #server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const [, what, name] = pathname.split('/');
    if (what === 'round' || what === 'ended') {
      if (what === 'round') this.#waiting.set(decodeURIComponent(name), response);
      else response.end();
      this.#listeners.get(`${what} ${decodeURIComponent(name)}`)?.();
      return;
    }
    const file = path.join(folder, path.normalize(pathname));
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
    createReadStream(file).pipe(response);
  });

  async listen() {
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** The next time that a runtime asks for a round, or has ended one. */
  next(what, name) {
    if (what === 'round' && this.#waiting.has(name)) return Promise.resolve();
    return new Promise((resolve) => this.#listeners.set(`${what} ${name}`, resolve));
  }

  give(name, task) {
    this.#waiting.get(name)?.end(task);
    this.#waiting.delete(name);
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function start(name, { command, browser }, address) {
  if (browser) {
    const { child, failed, close } = await openBrowser(
      browser,
      `${address}/checks/page-speed.html?name=${encodeURIComponent(name)}`,
    );
    return { pid: child.pid, failed, close };
  }
  const [program, ...args] = command;
  const child = spawn(program, [...args, 'checks/node-speed.mjs', address, encodeURIComponent(name)], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const failed = new Promise((_, reject) => child.once('exit', () => reject(new Error(`${name} has ended`))));
  failed.catch(() => {});
  return { pid: child.pid, failed, close: async () => void child.kill() };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

function print(names, ticks) {
  const [first] = names;
  console.log(`| speed, ${first} = 1 | ${TASK_NAMES.join(' | ')} |`);
  console.log(`|---|${'---|'.repeat(TASK_NAMES.length)}`);
  let slow = 0;
  for (const name of names) {
    const cells = TASK_NAMES.map((task) => {
      const ratios = ticks[name][task].map((own, round) => ticks[first][task][round] / own);
      const ratio = median(ratios);
      if (ratio < RATIO_MIN) slow += 1;
      return `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} – ${Math.max(...ratios).toFixed(2)})`;
    });
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
  console.log(`${slow} below ${RATIO_MIN}`);
}

/** @param runtimes by name, those that are there; the first one is compared with */
export async function measureSpeed(runtimes) {
  const rounds = new Rounds();
  const address = await rounds.listen();
  const started = {};
  const ticks = {};
  try {
    for (const [name, runtime] of Object.entries(runtimes)) {
      started[name] = await start(name, runtime, address);
      await Promise.race([rounds.next('round', name), started[name].failed]);
      ticks[name] = Object.fromEntries(TASK_NAMES.map((task) => [task, []]));
    }
    // The first round of each warms up, and does not count.
    for (let round = -1; round < ROUNDS; round++) {
      for (const task of TASK_NAMES) {
        for (const [name, { pid, failed }] of Object.entries(started)) {
          await Promise.race([rounds.next('round', name), failed]);
          const before = ticksOf(pid);
          const ended = rounds.next('ended', name);
          rounds.give(name, task);
          await Promise.race([ended, failed]);
          if (round >= 0) ticks[name][task].push(ticksOf(pid) - before);
        }
      }
    }
    print(Object.keys(started), ticks);
  } finally {
    for (const name of Object.keys(started)) rounds.give(name, 'end');
    for (const { close } of Object.values(started)) await close();
    rounds.close();
  }
}
