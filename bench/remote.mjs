// A device's writeback to Redis and its reads from there: compressed pages under their hash, beside the raw client that moves the
// same bytes (MSET and MGET of 64), and beside a loop of SET and GET of a page. On a unix socket, and on a line of 2 ms both ways together.
//   npm run build && node bench/remote.mjs [--pages 4096] [--rounds 7] [--library ioredis|iovalkey|redis]
// needs redis-server. Ratios are taken within a round; on a busy machine those of processor time, of client and server together, are the
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
import { startRedis } from './support/redis.mjs';
import { speedRatio, summary } from './support/statistics.mjs';
import { figure, markdownTable, spread } from './support/table.mjs';

const PAGE_BYTES = 4096;
const BATCH = 64;
const IN_FLIGHT = 4;
const ONE_WAY_MILLISECONDS = 1;
/** Of a page at a time on the slow line, so many take some seconds. */
const SINGLE_PAGES = 200;
const WARM_UPS = 3;

const { values: given } = parseArgs({
  options: {
    pages: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '7' },
    library: { type: 'string', default: 'ioredis' },
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

/** The calls of the raw client that are compared with. */
async function connect(socket) {
  if (given.library === 'redis') {
    const { createClient, RESP_TYPES } = await import('redis');
    const client = createClient({ socket: { path: socket } });
    client.on('error', () => undefined); // until the server is there
    await client.connect();
    const options = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };
    const send = (...args) => client.sendCommand(args.flat(), options);
    return {
      client,
      mset: (list) => send('MSET', list),
      mget: (list) => send('MGET', list),
      send,
      end: () => client.destroy(),
    };
  }
  const { Redis } = await import(given.library);
  const client = new Redis(socket);
  const send = (name, ...rest) => client.callBuffer(name, ...rest.flat());
  return {
    client,
    mset: (list) => client.mset(list),
    mget: (list) => client.mgetBuffer(list),
    send,
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

async function contenders(raw, { pages, objects }) {
  const keys = objects.map((_, i) => Buffer.from(`raw:${String(i).padStart(12, '0')}`)); // as long as a hash
  const buffers = objects.map(bufferOf);
  const backing = createRemoteBacking(redisTier(raw.client), { slots: objects.length, renewEvery: 0 });
  const engine = await Engine.create();
  const zram = engine.createZram({ disksize: objects.length * PAGE_BYTES, backing });
  const content = Buffer.concat(pages);
  const into = new Uint8Array(content.length);
  const single = (count, work) => async () => {
    for (let i = 0; i < count; i++) await work(i);
  };
  return {
    backing,
    into,
    'raw write': () =>
      inFlight(objects.length, (from, to) =>
        raw.mset(keys.slice(from, to).flatMap((key, i) => [key, buffers[from + i]])),
      ),
    'raw read': () => inFlight(objects.length, (from, to) => raw.mget(keys.slice(from, to))),
    /** The pages are in memory again. */
    refill: () => zram.writePages(0, content),
    write: () => zram.writebackAsync({ pageIndexes: [[0, objects.length - 1]] }),
    read: () => zram.readPagesAsync(0, objects.length, into),
    isRight: () => content.compare(into) === 0,
    end: () => {
      engine.destroy();
      backing.close();
    },
    singles: (count) => ({
      write: single(count, (i) => raw.send('SET', `slot:${i}`, bufferOf(pages[i]))),
      read: single(count, (i) => raw.send('GET', `slot:${i}`)),
    }),
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

/** Milliseconds of each round. */
async function measureLine(raw, data, singleCount, server) {
  const all = await contenders(raw, data);
  const single = all.singles(singleCount);
  const scale = data.objects.length / singleCount;
  const times = { write: [], 'raw write': [], 'page write': [], read: [], 'raw read': [], 'page read': [] };
  const micros = Object.fromEntries(Object.keys(times).map((name) => [name, []]));
  const steps = {
    write: all.write,
    'raw write': all['raw write'],
    'page write': single.write,
    read: all.read,
    'raw read': all['raw read'],
    'page read': single.read,
  };
  for (let round = -WARM_UPS; round < rounds; round++) {
    const writes = ['write', 'raw write', 'page write'];
    const reads = ['read', 'raw read', 'page read'];
    for (const name of [...(round % 2 ? writes : writes.toReversed()), ...(round % 2 ? reads : reads.toReversed())]) {
      if (name.endsWith('write')) {
        await raw.send('FLUSHALL');
        // The server has its memory already: neither pays for getting it.
        await all['raw write']();
        await raw.send('FLUSHALL');
      }
      if (name === 'write' || name === 'read') all.refill();
      if (name === 'read') await all.write();
      if (name === 'raw read') await all['raw write']();
      if (name === 'page read') await single.write();
      all.into.fill(0);
      const before = processorMicros(server);
      const ms = await time(steps[name]);
      const spent = processorMicros(server) - before;
      if (name === 'read' && !all.isRight()) throw new Error('a page is wrong');
      if (round < 0) continue;
      times[name].push(name.startsWith('page') ? ms * scale : ms);
      micros[name].push(name.startsWith('page') ? spent * scale : spent);
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
      'raw, 64 at a time',
      'a page at a time',
      'to raw',
      'to a page at a time',
      'processor, to raw',
    ],
    ['write', 'read'].map((what) => [
      what,
      spread(perSecond(times[what], count)),
      spread(perSecond(times[`raw ${what}`], count)),
      spread(perSecond(times[`page ${what}`], count)),
      spread(speedRatio(times[what], times[`raw ${what}`])),
      spread(speedRatio(times[what], times[`page ${what}`])),
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
      raw.mset(pages.slice(from, to).flatMap((page, i) => [`slot:${from + i}`, bufferOf(page)])),
    ),
  );
  all.refill();
  const ours = await taken(all.write);
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
    const near = await connect(redis.socket);
    console.log(
      `${given.library}, ${data.objects.length} pages, batches of ${BATCH}, ${IN_FLIGHT} in flight, ${rounds} rounds\n`,
    );
    console.log(
      `Unix socket\n\n${tableOf(await measureLine(near, data, SINGLE_PAGES, redis.child), data.objects.length)}\n`,
    );
    const line = await startLine(folder, redis.socket);
    started.push(line);
    const far = await connect(line.socket);
    const trip = await time(() => far.send('PING'));
    console.log(
      `Line of 2 ms (PING: ${figure(trip)} ms)\n\n${tableOf(await measureLine(far, data, SINGLE_PAGES, redis.child), data.objects.length)}\n`,
    );
    console.log(await memoryOf(near, data, await contenders(near, data)));
    near.end();
    far.end();
  } finally {
    for (const { child } of started) child.kill();
    rmSync(folder, { recursive: true });
  }
}

await main();
