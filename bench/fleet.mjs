// A fleet on one machine: processes, each with a device whose raw pages are half in common with the others', write them back to
// one store and read them again. Throughput of all together, and bytes, by the number of processes.
//   npm run build && node bench/fleet.mjs [--mib 64] [--processes 1,2,4] [--common 0.5] [--store redis|directory]
// --mib is the raw pages of each process: 4096 with 4 processes takes 7 GB in the server. Needs redis-server, or a disk.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRedis } from './support/redis.mjs';
import { MIB, PAGE_BYTES } from './support/settings.mjs';
import { figure, markdownTable, mebibytes } from './support/table.mjs';

const { values: given } = parseArgs({
  options: {
    mib: { type: 'string', default: '64' },
    processes: { type: 'string', default: '1,2,4' },
    common: { type: 'string', default: '0.5' },
    store: { type: 'string', default: 'redis' },
  },
});
const pages = (Number(given.mib) * MIB) / PAGE_BYTES;
const common = Number(given.common);
const CHILD = fileURLToPath(new URL('./children/fleet.mjs', import.meta.url));

/** A server of its own for each run: nothing is there before. */
async function redisStore(folder) {
  const { child, socket } = await startRedis(folder);
  const { Redis } = await import('ioredis');
  const client = new Redis(socket);
  client.on('error', () => undefined); // until the server is there
  const field = async (section, name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await client.info(section))[1]);
  const before = await field('memory', 'used_memory');
  return {
    where: { socket },
    async facts() {
      const bytes = (await field('memory', 'used_memory')) - before;
      return { bytes, traffic: await field('stats', 'total_net_input_bytes'), values: await client.dbsize() };
    },
    async stop() {
      client.disconnect();
      child.kill();
      await once(child, 'exit');
    },
  };
}

function startDirectory(folder) {
  return {
    where: { directory: folder },
    facts() {
      const files = readdirSync(path.join(folder, 'segments'));
      const bytes = files.reduce((sum, file) => sum + statSync(path.join(folder, 'segments', file)).size, 0);
      return { bytes, traffic: bytes, values: files.length };
    },
    stop: () => undefined,
  };
}

/** Lets all do one part at the same time. @returns what they report, and the seconds until the last one is done */
async function together(machines, part) {
  const before = performance.now();
  const reports = await Promise.all(
    machines.map(async (machine) => {
      machine.send(part);
      const [report] = await Promise.race([
        once(machine, 'message'),
        once(machine, 'exit').then(([status]) => Promise.reject(new Error(`a process ended with ${status}`))),
      ]);
      return report;
    }),
  );
  return { reports, seconds: (performance.now() - before) / 1000 };
}

async function runFleet(processes) {
  const folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-fleet-'));
  const store = await (given.store === 'directory' ? startDirectory(folder) : redisStore(folder));
  const machines = [];
  try {
    for (let number = 0; number < processes; number++) {
      const machine = fork(CHILD, [JSON.stringify({ number, pages, common, ...store.where })]);
      machines.push(machine);
      await once(machine, 'message');
    }
    const write = await together(machines, 'write');
    const facts = await store.facts();
    const read = await together(machines, 'read');
    for (const machine of machines) machine.send('end');
    await Promise.all(machines.map((machine) => once(machine, 'exit')));
    return { processes, facts, write, read };
  } finally {
    for (const machine of machines) machine.kill();
    await store.stop();
    rmSync(folder, { recursive: true });
  }
}

/** MiB a second of raw pages, of all processes: the sum of what each made while it worked on pages. */
const speed = ({ reports }) =>
  reports.reduce((sum, { milliseconds }) => sum + (pages * PAGE_BYTES) / MIB / (milliseconds / 1000), 0);

function rowOf({ processes, facts, write, read }) {
  const raw = processes * pages * PAGE_BYTES;
  const distinct = pages * (common + processes * (1 - common));
  const local = write.reports.reduce((sum, each) => sum + each.local, 0);
  return [
    String(processes),
    mebibytes(raw),
    figure(speed(write)),
    figure(speed(read)),
    mebibytes(facts.bytes),
    figure(facts.bytes / raw),
    mebibytes(facts.traffic),
    `${figure(facts.values)} of ${figure(distinct)}`,
    mebibytes(local),
  ];
}

const rows = [];
for (const processes of given.processes.split(',').map(Number)) {
  const result = await runFleet(processes);
  rows.push(rowOf(result));
  console.error(`${processes}: written in ${figure(result.write.seconds)} s, read in ${figure(result.read.seconds)} s`);
}
const stored = given.store === 'directory' ? 'segments, of distinct pages' : 'values, of distinct pages';
console.log(
  markdownTable(
    [
      'processes',
      'raw',
      'written back, MiB/s',
      'read, MiB/s',
      'in the store',
      'of raw',
      'sent',
      stored,
      'left in memory',
    ],
    rows,
  ),
);
