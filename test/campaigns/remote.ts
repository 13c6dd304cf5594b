/**
 * Processes that share half of their pages write them to one Redis and read them back: nothing is wrong, what is common is there
 * once, and how fast it goes by the number of processes.
 *   npm run campaign -- remote [--pages 100000] [--processes 2] [--cluster 7000,7001,7002]
 * Pages are those of the running program, changed in a few words so that each is another one. Without --cluster it starts a
 * redis-server on a unix socket.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import { Engine } from 'zram-wasm';
import { createRemoteBacking, redisTier } from 'zram-wasm/remote';

const PAGE_SIZE = 4096;
/** Pages that are written to the device and sent away before the next: raw pages of a process may be more than its memory. */
const PART = 16384;
/** Which process has a page: those below half of all are the same in each. */
const COMMON = 0xffffffff;

const { values: options } = parseArgs({
  options: {
    pages: { type: 'string', default: '100000' },
    processes: { type: 'string', default: '2' },
    cluster: { type: 'string' },
    to: { type: 'string' },
    number: { type: 'string' },
  },
});
const pages = Number(options.pages);

/** Pages of the running program, to be changed. */
function programPages(): Uint8Array[] {
  const file = openSync(process.execPath, 'r');
  const count = Math.floor(fstatSync(file).size / PAGE_SIZE);
  const all = [];
  for (let n = 0; n < count; n++) {
    const page = new Uint8Array(PAGE_SIZE);
    readSync(file, page, 0, PAGE_SIZE, n * PAGE_SIZE);
    if (page.some((byte) => byte !== page[0])) all.push(page);
  }
  closeSync(file);
  return all;
}

/** Page `index` of a process, filled into `page`. */
function fillPage(page: Uint8Array, sources: readonly Uint8Array[], index: number, number: number): void {
  page.set(sources[index % sources.length]);
  const view = new DataView(page.buffer, page.byteOffset);
  view.setUint32(1024, index);
  view.setUint32(2048, index < pages / 2 ? COMMON : number);
}

// ── one process ────────────────────────────────────────────────────────────────────────────────────────────────────

const clientTo = (to: string): Redis | Cluster =>
  to.startsWith('/')
    ? new Redis(to)
    : new Cluster(to.split(',').map((port) => ({ host: '127.0.0.1', port: Number(port) })));

async function work(to: string, number: number): Promise<void> {
  const client = clientTo(to);
  const sources = programPages();
  const engine = await Engine.create();
  const backing = createRemoteBacking(redisTier(client, { timeout: 60_000 }), { slots: pages });
  const zram = engine.createZram({ disksize: pages * PAGE_SIZE, backing });
  const page = new Uint8Array(PAGE_SIZE);
  let writing = 0;
  for (let from = 0; from < pages; from += PART) {
    const to = Math.min(pages, from + PART);
    for (let index = from; index < to; index++) {
      fillPage(page, sources, index, number);
      zram.writePage(index, page);
    }
    const before = performance.now();
    await zram.writebackAsync({ pageIndexes: [[from, to - 1]] });
    writing += performance.now() - before;
  }
  if (zram.bdStat.bdCount !== pages) throw new Error(`only ${zram.bdStat.bdCount} of ${pages} pages were written back`);
  process.send?.({ writing });
  await once(process, 'message');
  let reading = 0;
  for (let from = 0; from < pages; from += PART) {
    const count = Math.min(PART, pages - from);
    const before = performance.now();
    const read = await zram.readPagesAsync(from, count);
    reading += performance.now() - before;
    for (let n = 0; n < count; n++) {
      fillPage(page, sources, from + n, number);
      if (Buffer.compare(page, read.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE)) !== 0)
        throw new Error(`page ${from + n} is wrong`);
    }
  }
  process.send?.({ reading });
  backing.close();
  client.disconnect();
  engine.destroy();
  process.disconnect();
}

// ── all of them ────────────────────────────────────────────────────────────────────────────────────────────────────

async function answer(child: ChildProcess): Promise<Record<string, number>> {
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`a process ended with ${code}`))),
  ])) as [Record<string, number>];
  return message;
}

async function phase(children: readonly ChildProcess[], what: string): Promise<void> {
  const before = performance.now();
  const milliseconds = (await Promise.all(children.map(answer))).map((message) => message[what]);
  const together = (pages * children.length * 1000) / Math.max(...milliseconds);
  console.log(
    `${what}: ${Math.round(together)} pages a second together, ${milliseconds.map((ms) => Math.round((pages * 1000) / ms)).join(', ')} each; ` +
      `${((performance.now() - before) / 1000).toFixed(1)} s with making or comparing the pages`,
  );
}

async function infoOf(client: Redis | Cluster): Promise<{ keys: number; bytes: number }> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  let [keys, bytes] = [0, 0];
  for (const node of nodes) {
    keys += await node.dbsize();
    bytes += Number(/used_memory:(\d+)/.exec(await node.info('memory'))?.[1]);
  }
  return { keys, bytes };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'zram-remote-'));
  const socket = path.join(folder, 'redis.sock');
  const to = options.cluster ?? socket;
  const place = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', ''];
  const server = options.cluster === undefined ? spawn('redis-server', place, { stdio: 'ignore' }) : undefined;
  const client = clientTo(to);
  client.on('error', () => undefined); // until the server is there
  try {
    while (client.status !== 'ready') await pause(20);
    const before = await infoOf(client);
    const children = Array.from({ length: Number(options.processes) }, (_, number) =>
      fork(process.argv[1], ['--pages', String(pages), '--to', to, '--number', String(number)]),
    );
    await phase(children, 'writing');
    const after = await infoOf(client);
    const keys = after.keys - before.keys;
    const distinct = Math.ceil(pages / 2) + children.length * Math.floor(pages / 2);
    if (keys !== distinct) throw new Error(`${keys} values are there, not ${distinct}`);
    const bytes = after.bytes - before.bytes;
    const raw = pages * children.length;
    console.log(
      `${raw} pages are ${keys} values, as they should be, in ${(bytes / 2 ** 20).toFixed(0)} MiB: ${Math.round(bytes / keys)} bytes each, ${Math.round(bytes / raw)} a page`,
    );
    for (const child of children) child.send('read');
    await phase(children, 'reading');
    console.log('no page is wrong');
  } finally {
    client.disconnect();
    server?.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (options.to === undefined) await main();
else await work(options.to, Number(options.number));
