// A device's writeback to Redis and its reads from there: compressed pages under their hash, beside the raw client that moves the
// same bytes in pipelines of 64 SET or GET, and as MSET and MGET of 64, which no client does by itself; and beside a device whose
// backing takes a page at a time. On loopback, on a unix socket, and on a line of 2 ms both ways together.
//   npm run build && node bench/remote.mjs [--pages 4096] [--rounds 7] [--library ioredis|iovalkey|redis] [--before DIST]
// needs redis-server. With `--before` the device that takes a page at a time is one of another build, in its directory `dist`. Ratios are taken within a round; on a busy machine those of processor time, of client and server together, are the
// steady ones.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Engine } from '../dist/index.js';
import { createRemoteBacking, redisTier } from '../dist/remote.js';
import { buildBefore } from './support/before.mjs';
import { startRedis } from './support/redis.mjs';
import { speedRatio, summary } from './support/statistics.mjs';
import { figure, markdownTable, spread } from './support/table.mjs';

const PAGE_BYTES = 4096;
const BATCH = 64;
const IN_FLIGHT = 4;
const ONE_WAY_MILLISECONDS = 1;
/** Pages that are moved one at a time, here and on the slow line, where so many take a second. */
const NEAR_PAGES = 2000;
const FAR_PAGES = 200;
const WARM_UPS = 3;

const { values: given } = parseArgs({
  options: {
    pages: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '7' },
    library: { type: 'string', default: 'ioredis' },
    before: { type: 'string' },
  },
});
const rounds = Number(given.rounds);

// ── what is moved ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Distinct pages of the running program, from all over it; no page of one value. */
function programPages(count) {
  const file = openSync(process.execPath, 'r');
  const there = Math.floor(fstatSync(file).size / PAGE_BYTES);
  const pages = new Map();
  for (let n = 0; n < there && pages.size < count; n++) {
    const page = Buffer.alloc(PAGE_BYTES);
    readSync(file, page, 0, PAGE_BYTES, ((n * 7919) % there) * PAGE_BYTES); // a prime, so that all come once
    if (page.compare(page, 0, PAGE_BYTES - 8, 8, PAGE_BYTES) !== 0) pages.set(page.toString('latin1'), page);
  }
  closeSync(file);
  return [...pages.values()];
}

/** Those pages, and what a device stores of them. */
async function storedObjects(count) {
  const engine = await Engine.create();
  const zram = engine.createZram({ disksize: PAGE_BYTES });
  const pages = programPages(count);
  const objects = pages.map((page) => zram.compressPage(page));
  engine.destroy();
  return { pages, objects };
}

// ── servers and clients ────────────────────────────────────────────────────────────────────────────────────────────

async function startLine(folder, to) {
  const socket = path.join(folder, 'line.sock');
  const program = fileURLToPath(new URL('./support/delaying-proxy.mjs', import.meta.url));
  const child = fork(program, [socket, to, String(ONE_WAY_MILLISECONDS)]);
  await once(child, 'message');
  return { child, socket };
}

/** The calls of the raw client that are compared with. @param to the path of a socket, or a port of this machine */
async function connect(to) {
  const isPath = typeof to === 'string';
  if (given.library === 'redis') {
    const { createClient, RESP_TYPES } = await import('redis');
    const client = createClient({ socket: isPath ? { path: to } : { port: to, host: '127.0.0.1' } });
    client.on('error', () => undefined); // until the server is there
    await client.connect();
    const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    const send = (...args) => bytes.sendCommand(args.flat());
    return {
      client,
      send,
      // This client pipelines what is sent in one turn.
      pipeline: (commands) => Promise.all(commands.map((command) => send(...command))),
      end: () => client.destroy(),
    };
  }
  const { Redis } = await import(given.library);
  const client = isPath ? new Redis(to) : new Redis(to, '127.0.0.1');
  return {
    client,
    send: (name, ...rest) => client.callBuffer(name, ...rest.flat()),
    pipeline: (commands) => {
      const pipeline = client.pipeline();
      for (const [name, ...rest] of commands) pipeline[name === 'GET' ? 'getBuffer' : 'set'](...rest);
      return pipeline.exec();
    },
    end: () => client.disconnect(),
  };
}

// ── the contenders ─────────────────────────────────────────────────────────────────────────────────────────────────

const batches = (count) =>
  Array.from({ length: Math.ceil(count / BATCH) }, (_, i) => [i * BATCH, Math.min(count, (i + 1) * BATCH)]);

async function inFlight(count, work) {
  const left = batches(count);
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let batch = left.shift(); batch !== undefined; batch = left.shift()) await work(...batch);
    }),
  );
}

const bufferOf = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A device's backing as it was before there were batches: a page in each call, as it is. */
const pageBacking = (raw, slots) => ({
  asynchronous: true,
  slots,
  read: async (slot, page) => page.set(await raw.send('GET', `slot:${slot}`)),
  write: (slot, page) => raw.send('SET', `slot:${slot}`, bufferOf(page)),
});

/** @param single pages that are moved one at a time */
async function contenders(raw, { pages, objects }, single) {
  const keys = objects.map((_, i) => Buffer.from(`raw:${String(i).padStart(12, '0')}`)); // as long as a hash
  const buffers = objects.map(bufferOf);
  const count = objects.length;
  const backing = createRemoteBacking(redisTier(raw.client), { slots: count, renewEvery: 0 });
  const engine = await Engine.create();
  const zram = engine.createZram({ disksize: count * PAGE_BYTES, backing });
  const build = await buildBefore({ before: given.before && path.resolve(given.before) });
  const engineOfPages = build ? await build.Engine.create() : engine;
  const one = engineOfPages.createZram({
    disksize: count * PAGE_BYTES,
    backing: pageBacking(raw, count),
    ...(build ? {} : { writebackBatchSize: 1 }),
  });
  const content = Buffer.concat(pages);
  const into = new Uint8Array(content.length);
  const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
  return {
    into,
    /** The pages are in memory again. */
    refill: () => zram.writePages(0, content),
    refillOne: () => one.writePages(0, content.subarray(0, single * PAGE_BYTES)),
    steps: {
      write: () => zram.writebackAsync({ pageIndexes: [[0, count - 1]] }),
      'raw write': () =>
        inFlight(count, (from, to) => raw.pipeline(numbers(from, to).map((i) => ['SET', keys[i], buffers[i]]))),
      'batch write': () =>
        inFlight(count, (from, to) =>
          raw.send(
            'MSET',
            numbers(from, to).flatMap((i) => [keys[i], buffers[i]]),
          ),
        ),
      'page write': () => one.writebackAsync({ pageIndexes: [[0, single - 1]] }),
      read: () => zram.readPagesAsync(0, count, into),
      'raw read': () => inFlight(count, (from, to) => raw.pipeline(numbers(from, to).map((i) => ['GET', keys[i]]))),
      'batch read': () => inFlight(count, (from, to) => raw.send('MGET', keys.slice(from, to))),
      'page read': async () => {
        for (let i = 0; i < single; i++)
          await one.readPagesAsync(i, 1, into.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES));
      },
    },
    /** Whether the first pages that were read are those that were written. */
    isRight: (some) => content.compare(into, 0, some * PAGE_BYTES, 0, some * PAGE_BYTES) === 0,
    end: () => {
      engine.destroy();
      if (build) engineOfPages.destroy();
      backing.close();
    },
  };
}

// ── measuring ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function time(work) {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

/** Microseconds of the processor, of this process and the server. */
function processorMicros({ pid }) {
  const { user, system } = process.cpuUsage();
  return user + system + Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3;
}

const usedMemory = async (raw) => Number(/^used_memory:(\d+)/m.exec(String(await raw.send('INFO', 'memory')))[1]);

/** Milliseconds and processor time of each round. */
async function measureLine(raw, data, singleCount, server) {
  const all = await contenders(raw, data, singleCount);
  const { steps } = all;
  const count = data.objects.length;
  const times = Object.fromEntries(Object.keys(steps).map((name) => [name, []]));
  const micros = Object.fromEntries(Object.keys(steps).map((name) => [name, []]));
  const writes = ['write', 'raw write', 'batch write', 'page write'];
  const reads = ['read', 'raw read', 'batch read', 'page read'];
  for (let round = -WARM_UPS; round < rounds; round++) {
    for (const name of [...(round % 2 ? writes : writes.toReversed()), ...(round % 2 ? reads : reads.toReversed())]) {
      const isSingle = name.startsWith('page');
      if (name.endsWith('write')) {
        await raw.send('FLUSHALL');
        // The server has its memory already: neither pays for getting it.
        await steps['batch write']();
        await raw.send('FLUSHALL');
      }
      if (name === 'write' || name === 'read') all.refill();
      if (isSingle) all.refillOne();
      if (name === 'read') await steps.write();
      if (name === 'raw read' || name === 'batch read') await steps['batch write']();
      if (name === 'page read') await steps['page write']();
      all.into.fill(0);
      const before = processorMicros(server);
      const ms = await time(steps[name]);
      const spent = processorMicros(server) - before;
      if (name === 'read' && !all.isRight(count)) throw new Error('a page is wrong');
      if (name === 'page read' && !all.isRight(singleCount)) throw new Error('a page is wrong');
      if (round < 0) continue;
      const scale = isSingle ? count / singleCount : 1;
      times[name].push(ms * scale);
      micros[name].push(spent * scale);
    }
  }
  all.end();
  return { times, micros };
}

const perSecond = (times, count) => summary(times.map((ms) => (count * 1000) / ms));

function tableOf({ times, micros }, count) {
  return markdownTable(
    [
      '',
      'pages a second',
      'raw, pipelined',
      'raw, MSET and MGET',
      "a device's page at a time",
      'to pipelined',
      'to MSET and MGET',
      'to a page at a time',
      'processor, to pipelined',
    ],
    ['write', 'read'].map((what) => [
      what,
      ...['', 'raw ', 'batch ', 'page '].map((who) => spread(perSecond(times[who + what], count))),
      ...['raw ', 'batch ', 'page '].map((who) => spread(speedRatio(times[what], times[who + what]))),
      spread(speedRatio(micros[what], micros[`raw ${what}`])),
    ]),
  );
}

async function memoryOf(raw, { pages, objects }, all) {
  const taken = async (write) => {
    await raw.send('FLUSHALL');
    const before = await usedMemory(raw);
    await write();
    return ((await usedMemory(raw)) - before) / pages.length;
  };
  const slots = await taken(() =>
    inFlight(pages.length, (from, to) =>
      raw.send(
        'MSET',
        pages.slice(from, to).flatMap((page, i) => [`slot:${from + i}`, bufferOf(page)]),
      ),
    ),
  );
  all.refill();
  const ours = await taken(all.steps.write);
  const bytes = objects.reduce((sum, { length }) => sum + length, 0) / objects.length;
  return `Bytes a page on the server: ${figure(ours)} by content with its lease (objects of ${figure(bytes)} on average), ${figure(slots)} as pages of 4096: ${figure(ours / slots)}.`;
}

async function main() {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-remote-'));
  const started = [];
  try {
    const data = await storedObjects(Number(given.pages));
    const redis = await startRedis(folder);
    started.push(redis);
    const line = await startLine(folder, redis.socket);
    started.push(line);
    console.log(
      `${given.library}, ${data.objects.length} pages, batches of ${BATCH}, ${IN_FLIGHT} in flight, ${rounds} rounds\n`,
    );
    const lines = { Loopback: redis.port, 'Unix socket': redis.socket, 'Line of 2 ms': line.socket };
    for (const [name, to] of Object.entries(lines)) {
      const raw = await connect(to);
      await raw.send('PING');
      const trip = await time(() => raw.send('PING'));
      const single = Math.min(data.objects.length, to === line.socket ? FAR_PAGES : NEAR_PAGES);
      const measured = await measureLine(raw, data, single, redis.child);
      console.log(`${name} (PING: ${figure(trip)} ms)\n\n${tableOf(measured, data.objects.length)}\n`);
      if (to === redis.port) console.log(`${await memoryOf(raw, data, await contenders(raw, data, 1))}\n`);
      raw.end();
    }
  } finally {
    for (const { child } of started) child.kill();
    rmSync(folder, { recursive: true });
  }
}

await main();
