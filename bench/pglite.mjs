/**
 * PGlite on compressed pages: what a fork of a database takes, how long it takes to open one, and what ten of them hold,
 * beside PGlite's own ways. Prints three tables; the ways of opening alternate in one process.
 *
 * usage: node bench/pglite.mjs [ROUNDS]     after npm run build; needs 6 GB of memory
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PageFs } from '../dist/fs.js';
import { Engine } from '../dist/index.js';
import { createBase } from '../dist/pglite.js';
import { runChild } from './support/child.mjs';
import { exportTree } from './support/database-files.mjs';
import { firstQueries, migrate } from './support/database.mjs';
import { PAGE_BYTES } from './support/settings.mjs';
import { speedRatio, summary } from './support/statistics.mjs';
import { count, figure, markdownTable, mebibytes, percent, spread } from './support/table.mjs';

const FORKS = 200;
const OPEN = 10;
const MIB = 2 ** 20;

/** Times of a run in milliseconds: on the clock, and of the processor in all threads. */
async function timed(run) {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  const value = await run();
  const clock = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { value, clock, processor: (user + system) / 1000 };
}

/** What a fork of the files takes before anything is written. */
function forkTable(engine, files) {
  globalThis.gc();
  const [used, heap] = [engine.memory.used, process.memoryUsage().heapUsed];
  const times = [];
  const forks = [];
  for (let n = 0; n < FORKS; n++) {
    const start = performance.now();
    forks.push(files.fork());
    times.push(performance.now() - start);
  }
  globalThis.gc();
  const bytes = (engine.memory.used - used) / FORKS;
  const heapBytes = (process.memoryUsage().heapUsed - heap) / FORKS;
  for (const fork of forks) fork.destroy();
  return markdownTable(
    ['a fork, not yet written', ''],
    [
      ['milliseconds', spread(summary(times))],
      ['KiB of linear memory', figure(bytes / 1024)],
      ['KiB of JavaScript memory', figure(heapBytes / 1024)],
    ],
  );
}

/** Opens, queries and closes in each way in turn; the order turns round every other round. */
async function openTable(ways, rounds) {
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, { clock: [], processor: [] }]));
  for (let round = -1; round < rounds; round++) {
    const order = Object.entries(ways);
    if (round % 2 !== 0) order.reverse();
    for (const [name, open] of order) {
      globalThis.gc();
      const { value: db, clock, processor } = await timed(open);
      await firstQueries(db);
      await db.close();
      if (round < 0) continue;
      times[name].clock.push(clock);
      times[name].processor.push(processor);
    }
  }
  const dump = times['loadDataDir'];
  const rows = Object.entries(times).map(([name, { clock, processor }]) => [
    name,
    spread(summary(clock)),
    spread(summary(processor)),
    figure(1 / speedRatio(clock, dump.clock).median),
    figure(1 / speedRatio(processor, dump.processor).median),
  ]);
  return markdownTable(['opened by', 'ms', 'ms of processor', '× loadDataDir', '× processor'], rows);
}

async function memoryTable(directory) {
  const ways = {
    'fork()': 'fork',
    'fork(), PGlite’s own cache': 'same',
    'clone()': 'clone',
    'a directory of NodeFS': 'node',
  };
  const rows = [];
  for (const [name, way] of Object.entries(ways)) {
    const { rss, pages, samePages, pagesMerged, memUsedTotal } = await runChild('databases.mjs', {
      way,
      count: OPEN,
      directory,
    });
    rows.push([
      name,
      figure(rss / OPEN / MIB),
      figure((pages * PAGE_BYTES) / OPEN / MIB),
      percent(samePages / pages),
      percent(pagesMerged / (pages - samePages)),
      figure(memUsedTotal / OPEN / MIB),
    ]);
  }
  const head = [
    `${OPEN} open, MiB each`,
    'resident',
    'linear memory',
    'of it zeros',
    'rest equal to another',
    'compressed',
  ];
  return markdownTable(head, rows);
}

async function main() {
  const rounds = Number(process.argv[2] ?? 11);
  const folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-pglite-'));
  const directory = path.join(folder, 'node');
  try {
    const engine = Engine.createSync();
    const base = await createBase(migrate, { files: PageFs.createSync({ engine }) });
    exportTree(base.files, directory);
    const source = await PGlite.create(directory);
    const dump = await source.dumpDataDir('none');
    await source.close();
    console.log(`${mebibytes(dump.size)} of files, held in ${mebibytes(engine.memory.used)}\n`);
    console.log(forkTable(engine, base.files), '\n');
    const ways = {
      loadDataDir: () => PGlite.create({ loadDataDir: dump }),
      'a directory of NodeFS': () => PGlite.create(directory),
      'fork(), PGlite’s own cache': () => base.fork({ startParams: PGlite.defaultStartParams }),
      'fork()': () => base.fork(),
    };
    console.log(`${await openTable(ways, rounds)}\n\n${count(rounds)} rounds\n`);
    base.destroy();
    console.log(await memoryTable(directory));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
