// Block devices beside nbdkit's disks in memory, one that compresses and one that does not: fio on 4 KiB blocks at random over
// a unix socket, in alternation. Then what a server holds for clients that ask for much and do not read.
//   npm run build && node bench/nbd.mjs [--seconds 5] [--rounds 3] [--cases read:16,write:1]
// needs fio and nbdkit. Steady are the processor's microseconds a request; requests a second change with whatever else runs.
import { execFile, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const DISK = '64M';
const MIB = 2 ** 20;
const TICKS_A_SECOND = 100;
const OURS = 'zram-wasm';
const PLAIN = 'nbdkit memory';
const ZSTD = 'nbdkit memory allocator=zstd';
const CASES = ['write:1', 'write:16', 'read:1', 'read:16'];
/** Buffers compress to about 40 %, as pages of programs do. */
const BUFFERS = ['--bs=4k', '--refill_buffers', '--buffer_compress_percentage=60', `--size=${DISK}`];

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    cases: { type: 'string', default: CASES.join() },
    serve: { type: 'string' },
  },
});
const run = promisify(execFile);

// ── the server, in a process of its own ────────────────────────────────────────────────────────────────────────────

async function serve(socket) {
  const { Engine } = await import('../dist/index.js');
  const { createServer } = await import('../dist/nbd.js');
  const engine = await Engine.create();
  const server = createServer(engine.createZram({ disksize: DISK })).listen(socket);
  process.on('message', () => {
    globalThis.gc();
    process.send({ arrayBuffers: process.memoryUsage().arrayBuffers });
  });
  process.on('disconnect', () => process.exit());
  await once(server, 'listening');
  process.send('listening');
}

async function start(name, folder) {
  const socket = path.join(folder, name.replaceAll(/\W/g, '-'));
  if (name === OURS) {
    const child = fork(fileURLToPath(import.meta.url), ['--serve', socket], { execArgv: ['--expose-gc'] });
    await once(child, 'message');
    return { name, child, socket };
  }
  const [, , ...options] = name.split(' ');
  const child = spawn('nbdkit', ['-f', '-U', socket, 'memory', DISK, ...options], { stdio: 'inherit' });
  while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 20));
  return { name, child, socket };
}

// ── measuring ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Processor time of a process, in seconds. */
function processorSeconds({ pid }) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

async function fio({ socket }, ...options) {
  const uri = `nbd+unix:///?socket=${socket}`;
  const args = ['--name=job', '--ioengine=nbd', `--uri=${uri}`, ...BUFFERS, ...options, '--output-format=json'];
  const { stdout } = await run('fio', args, { cwd: tmpdir(), maxBuffer: 64 * MIB });
  return JSON.parse(stdout.slice(stdout.indexOf('{'))).jobs[0];
}

async function measure(server, direction, depth) {
  const before = processorSeconds(server.child);
  const timed = ['--time_based', `--runtime=${values.seconds}`];
  const job = await fio(server, `--rw=rand${direction}`, `--iodepth=${depth}`, ...timed);
  const { iops, total_ios: requests } = job[direction];
  return { iops, micros: ((processorSeconds(server.child) - before) * 1e6) / requests };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

async function compare(servers, item) {
  const [direction, depth] = item.split(':');
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const results = {};
    for (const server of round % 2 === 0 ? servers : servers.toReversed())
      results[server.name] = await measure(server, direction, depth);
    rounds.push(results);
  }
  const ratio = (to) => median(rounds.map((results) => results[OURS].iops / results[to].iops)).toFixed(2);
  const each = (what, digits) =>
    servers.map(({ name }) => median(rounds.map((results) => results[name][what])).toFixed(digits)).join(' / ');
  return {
    'to zstd': ratio(ZSTD),
    'to plain': ratio(PLAIN),
    'requests a second': each('iops', 0),
    'processor µs a request': each('micros', 1),
  };
}

// ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A client that asks for 32 MiB again and again and does not read. */
async function greedy(socketPath) {
  const socket = connect(socketPath);
  await once(socket, 'connect');
  socket.pause();
  const option = Buffer.alloc(16);
  option.write('IHAVEOPT');
  option.writeUInt32BE(1, 8); // EXPORT_NAME
  const read = Buffer.alloc(28);
  read.writeUInt32BE(0x25609513);
  read.writeUInt32BE(32 * MIB, 24);
  const requests = Array.from({ length: 64 }, () => read);
  socket.write(Buffer.concat([Buffer.from([0, 0, 0, 3]), option, ...requests]));
  return socket;
}

async function arrayBuffersOf({ child }) {
  child.send('memory');
  return (await once(child, 'message'))[0].arrayBuffers;
}

async function memory(server) {
  const before = await arrayBuffersOf(server);
  const sockets = await Promise.all([1, 2, 3, 4].map(() => greedy(server.socket)));
  let most = 0;
  for (let n = 0; n < 10; n++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    most = Math.max(most, await arrayBuffersOf(server));
  }
  for (const socket of sockets) socket.destroy();
  // And such requests from a client that reads and writes.
  const working = fio(server, '--rw=rw', '--bs=32M', '--iodepth=4', '--time_based', '--runtime=3');
  let done = false;
  working.finally(() => (done = true));
  let working_most = 0;
  while (!done) working_most = Math.max(working_most, await arrayBuffersOf(server));
  await working;
  const mib = (bytes) => ((bytes - before) / MIB).toFixed(1);
  console.log(`arrayBuffers above the engine's memory, MiB: ${mib(most)} for four clients that ask and do not read,`);
  console.log(`${mib(working_most)} while one reads and writes 32 MiB at a time, four at once.`);
}

async function main() {
  for (const tool of ['fio', 'nbdkit']) {
    if (spawnSync(tool, ['--version']).status !== 0) throw new Error(`${tool} is not installed`);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-nbd-'));
  const servers = [];
  try {
    for (const name of [OURS, ZSTD, PLAIN]) servers.push(await start(name, folder));
    console.log(
      `${servers.map(({ name }) => name).join(' / ')}; ${values.rounds} rounds of ${values.seconds} s, medians`,
    );
    const rows = {};
    // Writes first: what is read must be there. fio fills its buffers with data, which nbdkit stores as we do.
    for (const server of servers) await fio(server, '--rw=write', '--iodepth=16');
    for (const item of values.cases.split(',')) rows[item.replace(':', ', depth ')] = await compare(servers, item);
    console.table(rows);
    await memory(servers[0]);
  } finally {
    for (const { child } of servers) child.kill();
    rmSync(folder, { recursive: true });
  }
}

if (values.serve === undefined) await main();
else await serve(values.serve);
