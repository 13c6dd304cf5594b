/**
 * Random histories of a server's exports against copies in buffers: writes, forks, snapshots, removals, merges, saves while
 * writes go on, and restarts from what was saved.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { Engine, type Zram } from '../../../bindings/index.js';
import { serveOptions } from '../../../cli/serve/arguments.js';
import { holdReserve, perform, type Running } from '../../../cli/serve/commands.js';
import type { Request } from '../../../cli/serve/control-requests.js';
import { Exports } from '../../../cli/serve/exports.js';
import { Merging } from '../../../cli/serve/merging.js';
import { Reserve } from '../../../cli/serve/reserve.js';
import { Saving } from '../../../cli/serve/saving.js';
import { findSources, loadExports } from '../../../cli/serve/sources.js';
import { Meter } from '../../../cli/serve/statistics.js';
import { createServer } from '../../../integrations/nbd.js';

/** Not a whole number of pages. */
const SIZE = 9 * 4096 + 100;
const NAMES = ['a', 'b', 'c', 'd'];
const RUNS = process.env.ZRAM_WASM_LONG === undefined ? 30 : 1000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-serve-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A server without its sockets. */
class Server {
  static #made = 0;

  private constructor(
    readonly engine: Engine,
    readonly running: Running,
    readonly file: string,
  ) {}

  /** @param pack undefined: an empty disk */
  static async start(pack?: string): Promise<Server> {
    const engine = Engine.createSync();
    const pool = engine.createPool({ shrinker: true });
    const args = pack === undefined ? { export: ['a'], size: `${SIZE}` } : {};
    const options = serveOptions(pack === undefined ? [] : [pack], { ...args, dedup: this.#made % 2 === 1 });
    const io = { progress: () => undefined, remark: () => undefined } as any;
    const exports = await loadExports(engine, pool, await findSources(options.images), options, io);
    const reserve = new Reserve(engine);
    const file = join(folder, `${this.#made++}.zram`);
    const running: Running = {
      exports,
      reserve,
      server: createServer(exports.map),
      merging: new Merging(pool),
      saving: new Saving({ file, links: false }, exports, reserve, io.remark),
      meter: new Meter(engine, pool, '0'),
      uriOf: (name) => name,
      isEnding: () => false,
    };
    expect(holdReserve(running)).toBe(true);
    return new Server(engine, running, file);
  }

  async ask(request: Request): Promise<string | undefined> {
    try {
      await perform(request, this.running);
      return undefined;
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  end(): void {
    this.running.merging.stop();
    this.engine.destroy();
  }
}

interface Disk {
  readonly bytes: Buffer;
  readonly fixed: boolean;
}

type Step =
  | { do: 'write'; name: string; offset: number; length: number; fill: number }
  | { do: 'fork' | 'snapshot'; from: string; name: string }
  | { do: 'remove'; name: string }
  | { do: 'merge' }
  | { do: 'restart' };

const name = fc.constantFrom(...NAMES);
const write: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('write' as const),
  name,
  offset: fc.nat(SIZE - 1),
  length: fc.oneof(fc.nat(300), fc.nat(3 * 4096)),
  // Few contents, so that pages are equal; 0 to 3 are same-filled where they cover a page.
  fill: fc.nat(7),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: write },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('fork' as const, 'snapshot' as const), from: name, name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'merge' }, { do: 'restart' }) },
);

const contentOf = (length: number, fill: number): Buffer =>
  fill < 4 ? Buffer.alloc(length, fill) : Buffer.alloc(length, `content ${fill} `);

function put(server: Server, disks: Map<string, Disk>, { name, offset, length, fill }: Step & { do: 'write' }): void {
  const disk = disks.get(name);
  if (disk === undefined || disk.fixed) return;
  const bytes = contentOf(Math.min(length, SIZE - offset), fill);
  (server.running.exports.get(name).device as Zram).write(offset, bytes);
  bytes.copy(disk.bytes, offset);
}

/** What a request is refused with, by the rules. */
function refusalOf(disks: Map<string, Disk>, at: Step): string | undefined {
  if (at.do === 'fork' || at.do === 'snapshot')
    return !disks.has(at.from) ? 'ENOENT' : disks.has(at.name) ? 'EEXIST' : undefined;
  if (at.do === 'remove') return !disks.has(at.name) ? 'ENOENT' : disks.size === 1 ? 'EBUSY' : undefined;
  return undefined;
}

/** Saves while it writes. @returns the states at all moments from the request on */
async function save(
  server: Server,
  disks: Map<string, Disk>,
  meanwhile: readonly Step[],
): Promise<Map<string, Disk>[]> {
  const moments = [copyOf(disks)];
  let isDone = false;
  const saving = server.ask({ command: 'save' }).finally(() => (isDone = true));
  for (const each of meanwhile) {
    put(server, disks, each as Step & { do: 'write' });
    moments.push(copyOf(disks));
    if (!isDone) await turn();
  }
  expect(await saving).toBeUndefined();
  return moments;
}

/** Ends the server after a save, and goes on with what that holds. */
async function restart(server: Server, disks: Map<string, Disk>, meanwhile: readonly Step[]): Promise<Server> {
  const moments = await save(server, disks, meanwhile);
  const next = await Server.start(server.file);
  server.end();
  // All exports are as they were at one of these moments.
  const [now = []] = moments.filter((each) => isEqual(next, each));
  disks.clear();
  for (const [name, disk] of now) disks.set(name, disk);
  return next;
}

async function make(server: Server, disks: Map<string, Disk>, at: Exclude<Step, { do: 'write' | 'restart' }>) {
  const refusal = refusalOf(disks, at);
  expect(await server.ask(requestOf(at))).toBe(refusal);
  if (refusal !== undefined) return;
  if (at.do === 'remove') disks.delete(at.name);
  else if (at.do !== 'merge')
    disks.set(at.name, { bytes: Buffer.from(disks.get(at.from)!.bytes), fixed: at.do === 'snapshot' });
}

function requestOf(at: Exclude<Step, { do: 'write' | 'restart' }>): Request {
  if (at.do === 'merge') return { command: 'merge' };
  if (at.do === 'remove') return { command: 'remove', name: at.name, force: false };
  return { command: at.do, from: at.from, name: at.name };
}

function isEqual(server: Server, disks: ReadonlyMap<string, Disk>): boolean {
  return [...disks].every(([name, { bytes }]) => {
    const served = server.running.exports.map.get(name);
    return served !== undefined && Buffer.from(served.device.read(0, SIZE)).equals(bytes);
  });
}

function check(server: Server, disks: ReadonlyMap<string, Disk>): void {
  const { exports } = server.running;
  expect([...exports.map.keys()].sort()).toEqual([...disks.keys()].sort());
  for (const [name, { bytes, fixed }] of disks) {
    const { device, size, readOnly } = exports.get(name);
    expect([name, size, readOnly]).toEqual([name, SIZE, fixed]);
    expect(Buffer.from(device.read(0, SIZE)).equals(bytes)).toBe(true);
  }
}

const copyOf = (disks: ReadonlyMap<string, Disk>): Map<string, Disk> =>
  new Map([...disks].map(([name, { bytes, fixed }]) => [name, { bytes: Buffer.from(bytes), fixed }]));

const histories = fc.asyncProperty(
  fc.array(step, { minLength: 5, maxLength: 40 }),
  fc.array(write, { maxLength: 5 }),
  async (steps, meanwhile) => {
    let server = await Server.start();
    const disks = new Map<string, Disk>([['a', { bytes: Buffer.alloc(SIZE), fixed: false }]]);
    try {
      for (const at of [...steps, { do: 'restart' } as const]) {
        if (at.do === 'write') put(server, disks, at);
        else if (at.do === 'restart') server = await restart(server, disks, meanwhile);
        else await make(server, disks, at);
        check(server, disks);
      }
    } finally {
      server.end();
    }
  },
);

test('every history leaves each export what a copy of its own would be', () => fc.assert(histories, { numRuns: RUNS }));

/** With a fault planted, the same number of histories must find it. */
const finds = async (plant: () => () => void): Promise<void> => {
  const mend = plant();
  try {
    await expect(fc.assert(histories, { numRuns: RUNS, endOnFailure: true })).rejects.toThrow(/Property failed/);
  } finally {
    mend();
  }
};

test('the model notices forks that are no copies, and saves that miss the last export', async () => {
  const { fork, saved } = Exports.prototype;
  await finds(() => {
    Exports.prototype.fork = function (this: Exports, from, name) {
      return this.add(name, this.get(from).device, SIZE, from);
    };
    return () => (Exports.prototype.fork = fork);
  });
  await finds(() => {
    Exports.prototype.saved = function (this: Exports) {
      const { devices, comment } = saved.call(this);
      return { devices: new Map([...devices].slice(0, Math.max(1, devices.size - 1))), comment };
    };
    return () => (Exports.prototype.saved = saved);
  });
});

test('a save that is asked for during one waits for it; those that wait are one', async () => {
  const server = await Server.start();
  const saving = server.running.saving!;
  const device = server.running.exports.get('a').device as Zram;
  const asked = [saving.save()];
  await turn();
  device.write(0, contentOf(4096, 5));
  for (let n = 0; n < 3; n++) asked.push(saving.save());
  const saved = await Promise.all(asked);
  expect(saving.saves).toBe(2);
  expect(new Set(saved).size).toBe(2);
  const again = await Server.start(server.file);
  expect(Buffer.from(again.running.exports.get('a').device.read(0, 4096)).equals(contentOf(4096, 5))).toBe(true);
  again.end();
  server.end();
});
