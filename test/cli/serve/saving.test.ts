/** Nothing is lost: what was acknowledged is in the pack, whenever and however a server saves and ends. */
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';

import { Command } from '../../../integrations/nbd/protocol.js';
import { requestBytes, type Client } from '../../integrations/nbd/client.js';
import { clientOf, Folder, PAGE, readFrom, writeTo } from './served.js';

/** Each test starts some processes, for which a busy machine takes its time. */
const TIMEOUT_MILLISECONDS = 180_000;
jest.setTimeout(TIMEOUT_MILLISECONDS);

let folder: Folder;
beforeAll(() => {
  folder = new Folder();
});
afterEach(() => folder.endAll());
afterAll(() => folder.remove());

const NOISE = randomBytes(PAGE);
/** A page of this name: no other page is as long a repetition of it. */
function pageOf(place: number, count: number): Buffer {
  const page = Buffer.from(NOISE);
  page.writeUInt32LE(place, 0);
  page.writeUInt32LE(count, PAGE - 4);
  return page;
}
const countIn = (page: Buffer): number => page.readUInt32LE(PAGE - 4);

/** Writes rising counts to places of its own until the connection ends. */
class Writer {
  /** The last count that was sent, and that was acknowledged, by place. */
  readonly sent: number[];
  readonly acknowledged: number[];
  readonly ended: Promise<void>;

  constructor(
    readonly client: Client,
    readonly first: number,
    readonly places: number,
  ) {
    this.sent = Array.from({ length: places }, () => 0);
    this.acknowledged = [...this.sent];
    this.ended = this.#write();
  }

  async #write(): Promise<void> {
    try {
      for (let count = 1; ; count++) {
        const place = count % this.places;
        this.sent[place] = count;
        const errno = await writeTo(this.client, (this.first + place) * PAGE, pageOf(this.first + place, count));
        if (errno !== 0) throw new Error(`a write failed with ${errno}`);
        this.acknowledged[place] = count;
      }
    } catch (error) {
      if (!/the connection ended/.test(String(error))) throw error;
    }
  }

  /** Checks that each place has a count that was acknowledged before, or any that was sent after that. */
  async check(client: Client, least: readonly number[], most: readonly number[]): Promise<void> {
    for (let place = 0; place < this.places; place++) {
      const page = await readFrom(client, (this.first + place) * PAGE, PAGE);
      const count = countIn(page);
      expect(count).toBeGreaterThanOrEqual(least[place]);
      expect(count).toBeLessThanOrEqual(most[place]);
      if (count > 0) expect(page.equals(pageOf(this.first + place, count))).toBe(true);
    }
  }
}

const PLACES = 24;
const startWriters = async (socket: string, count: number) =>
  Promise.all(
    Array.from({ length: count }, async (_, n) => new Writer(await clientOf(socket, 'disk'), n * PLACES, PLACES)),
  );

test('a save while clients write has what was acknowledged before it; SIGKILL leaves it whole', async () => {
  const socket = folder.at('a.sock');
  const { server } = await folder.serve('--size', '1G', '--unix', 'a.sock', '--control', 'a.ctl', '--save', 'a.zram');
  // Enough that saving takes a while.
  const filler = await clientOf(socket, 'disk');
  for (let at = 0; at < 8; at++) expect(await writeTo(filler, (32 + at) * 2 ** 20, randomBytes(2 ** 20))).toBe(0);
  const writers = await startWriters(socket, 3);
  const saves: { before: number[][]; after: number[][]; name: string }[] = [];
  for (let n = 0; n < 2; n++) {
    const before = writers.map(({ acknowledged }) => [...acknowledged]);
    const saved = await folder.ctl('a.ctl', 'save');
    expect(saved).toMatchObject({ file: 'a.zram', exports: 1, bytes: statSync(folder.at('a.zram')).size });
    saves.push({ before, after: writers.map(({ sent }) => [...sent]), name: `a${n}.zram` });
    copyFileSync(folder.at('a.zram'), folder.at(`a${n}.zram`));
  }
  await server.end('SIGKILL');
  await Promise.all(writers.map(({ ended }) => ended));
  expect(writers.every(({ acknowledged }) => acknowledged[0] > 0)).toBe(true);
  expect(readdirSync(folder.path).filter((name) => name.endsWith('.part'))).toEqual([]);
  for (const { before, after, name } of saves) {
    const again = await folder.serve(name, '--unix', 'a.sock');
    const client = await clientOf(socket);
    for (const [n, writer] of writers.entries()) await writer.check(client, before[n], after[n]);
    await again.server.end();
  }
});

test.each([['SIGTERM'], ['SIGHUP'], ['SIGINT twice']])(
  '%s while clients write: all that was acknowledged is saved',
  async (signals) => {
    const socket = folder.at('b.sock');
    const { server } = await folder.serve('--size', '16M', '--unix', 'b.sock', '--save', 'b.zram', '--force');
    const writers = await startWriters(socket, 4);
    while (writers.some(({ acknowledged }) => acknowledged[0] === 0)) await delay(5);
    const [signal, twice] = signals.split(' ') as [NodeJS.Signals, string?];
    server.kill(signal);
    if (twice !== undefined) server.kill(signal); // as to a group whose first process passes it on
    expect(await server.ended).toMatchObject({ status: 0, signal: null, err: '' });
    await Promise.all(writers.map(({ ended }) => ended));
    await folder.serve('b.zram', '--unix', 'b.sock');
    const client = await clientOf(socket);
    for (const writer of writers) await writer.check(client, writer.acknowledged, writer.sent);
  },
);

test('a client that breaks off anywhere in a write takes nothing along', async () => {
  const socket = folder.at('c.sock');
  await folder.serve('--size', '1M', '--unix', 'c.sock');
  const watcher = await clientOf(socket);
  const request = requestBytes({ type: Command.WRITE, offset: 100, payload: pageOf(1, 1) });
  expect(await writeTo(watcher, 0, pageOf(0, 7))).toBe(0);
  const before = await readFrom(watcher, 0, 3 * PAGE);
  for (let length = 1; length < request.length; length += 613) {
    const client = await clientOf(socket);
    client.socket.end(request.subarray(0, length));
    await client.readToEnd();
    const now = await readFrom(watcher, 0, 3 * PAGE);
    // Each page is the old one or has all of the new bytes that it was to get and that came.
    for (let at = 0; at < now.length; at++)
      if (now[at] !== before[at])
        expect(at >= 100 && at < 100 + length - 28 && now[at] === request[28 + at - 100]).toBe(true);
  }
});

test('forks share their pages in the pack, and come back as forks and snapshots', async () => {
  const image = Buffer.concat(Array.from({ length: 256 }, (_, n) => pageOf(n, 1)));
  writeFileSync(folder.at('base.img'), image);
  const { server } = await folder.serve(
    ...['--export', 'base=base.img', '--export', 'vm:from=base'],
    ...['--unix', 'd.sock', '--control', 'd.ctl', '--save', 'd.zram'],
  );
  await folder.ctl('d.ctl', 'fork', 'vm', 'vm2');
  const vm = await clientOf(folder.at('d.sock'), 'vm');
  expect(await writeTo(vm, 0, pageOf(0, 2))).toBe(0);
  await folder.ctl('d.ctl', 'snapshot', 'vm', 'then');
  expect(await writeTo(vm, 0, pageOf(0, 3))).toBe(0);
  expect(await server.end()).toMatchObject({ status: 0 });
  expect(statSync(folder.at('d.zram')).size).toBeLessThan(1.1 * image.length);

  // Served from its own pack, it saves to it again.
  for (let round = 0; round < 2; round++) {
    const { server: again, announced } = await folder.serve('d.zram', '--unix', 'd.sock', '--save', 'd.zram');
    expect(announced.exports.map(({ name, readOnly }) => [name, readOnly])).toEqual([
      ['base', false],
      ['vm', false],
      ['vm2', false],
      ['then', true],
    ]);
    for (const [name, count] of [
      ['base', 1],
      ['vm', 3],
      ['vm2', 1],
      ['then', 2],
    ] as const) {
      const client = await clientOf(folder.at('d.sock'), name);
      const bytes = await readFrom(client, 0, image.length);
      expect([name, countIn(bytes.subarray(0, PAGE))]).toEqual([name, count]);
      expect(bytes.subarray(PAGE).equals(image.subarray(PAGE))).toBe(true);
    }
    expect(await again.end()).toMatchObject({ status: 0 });
  }
});

test('a last save that fails is tried again', async () => {
  mkdirSync(folder.at('disk'));
  const { server } = await folder.serve(
    '--size',
    '1M',
    '--unix',
    'e.sock',
    '--save',
    'disk/e.zram',
    '--control',
    'e.ctl',
  );
  const client = await clientOf(folder.at('e.sock'));
  expect(await writeTo(client, 0, pageOf(0, 9))).toBe(0);
  await folder.ctl('e.ctl', 'save');
  rmSync(folder.at('disk'), { recursive: true });
  await expect(folder.ctl('e.ctl', 'save')).rejects.toThrow("save: cannot write 'disk/e.zram': no such file");
  expect((await folder.ctl('e.ctl', 'stat')).save).toMatchObject({ saves: 1, failures: 1 });
  server.kill('SIGTERM');
  await server.says('err', /cannot write 'disk\/e\.zram': no such file; it is tried again/);
  // What is made now would not be saved, and is refused.
  await expect(folder.ctl('e.ctl', 'fork', 'disk', 'late')).rejects.toThrow('the server is ending');
  mkdirSync(folder.at('disk'));
  expect(await server.ended).toMatchObject({ status: 0 });
  await folder.serve('disk/e.zram', '--unix', 'e.sock');
  expect((await readFrom(await clientOf(folder.at('e.sock')), 0, PAGE)).equals(pageOf(0, 9))).toBe(true);
});

test('another signal while it cannot save ends it, by that signal; the file that was there stays', async () => {
  mkdirSync(folder.at('full'));
  const { server } = await folder.serve(
    '--size',
    '1M',
    '--unix',
    'f.sock',
    '--save',
    'full/f.zram',
    '--control',
    'f.ctl',
  );
  rmSync(folder.at('full'), { recursive: true });
  server.kill('SIGTERM');
  await server.says('err', /it is tried again/);
  await delay(1100);
  server.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ status: null, signal: 'SIGTERM' });
  // SIGQUIT does not ask.
  const other = await folder.serve('--size', '1M', '--unix', 'g.sock', '--save', 'g.zram');
  expect(await other.server.end('SIGQUIT')).toMatchObject({ signal: 'SIGQUIT' });
  expect(existsSync(folder.at('g.zram'))).toBe(false);
});

test('a file that nobody serves is replaced with --force only', async () => {
  writeFileSync(folder.at('precious'), 'precious');
  const { status } = await folder.run('serve', '--size', '1M', '--unix', 'h.sock', '--save', 'precious');
  expect([status, readFileSync(folder.at('precious'), 'utf8')]).toEqual([1, 'precious']);
  const { server } = await folder.serve('--size', '1M', '--unix', 'h.sock', '--save', 'precious', '--force');
  expect(readFileSync(folder.at('precious'), 'utf8')).toBe('precious');
  expect(await server.end()).toMatchObject({ status: 0 });
  expect(await folder.run('unpack', 'precious', '-o', 'out')).toMatchObject({ status: 0 });
});
