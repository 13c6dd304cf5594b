// SQLite on compressed pages against wa-sqlite's own MemoryVFS: processor time and memory, workload by workload.
//   node bench/sqlite.mjs [--rounds 5] [--scale 1] [--journal delete,wal] [--cache 2,64] [--page 4096] [--plain]
// Both databases are worked on in turns in one process: each workload on one, then on the other, which of them first
// changes. A figure is the median of the rounds' ratios; below 1 is less than MemoryVFS takes. Needs npm run build.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as SQLite from '@journeyapps/wa-sqlite';
import createModule from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import { MemoryVFS } from '@journeyapps/wa-sqlite/src/examples/MemoryVFS.js';
import { Engine } from '../dist/index.js';
import { PageFs } from '../dist/fs.js';
import { ZramVFS } from '../dist/sqlite.js';

const { values: settings } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    journal: { type: 'string', default: 'delete' },
    cache: { type: 'string', default: '2,64' },
    page: { type: 'string', default: '4096' },
    plain: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const scale = Number(settings.scale);
const wasmBinary = readFileSync(new URL(import.meta.resolve('@journeyapps/wa-sqlite/dist/wa-sqlite.wasm')));

// ── numbers and words, the same in every run ─────────────────────────────────────────────────────────────────────

function randomNumbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
const ONES = 'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen';
const SMALL = `${ONES} seventeen eighteen nineteen`.split(' ');
const TENS = 'zero ten twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
function inWords(n) {
  if (n < 20) return SMALL[n];
  if (n < 100) return TENS[Math.floor(n / 10)] + (n % 10 ? ` ${SMALL[n % 10]}` : '');
  if (n < 1000) return `${SMALL[Math.floor(n / 100)]} hundred${n % 100 ? ` ${inWords(n % 100)}` : ''}`;
  return `${inWords(Math.floor(n / 1000))} thousand${n % 1000 ? ` ${inWords(n % 1000)}` : ''}`;
}
const lines = (count, line) => Array.from({ length: Math.round(count * scale) }, (_, n) => line(n)).join('\n');

// ── workloads ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The kinds of statement of wa-sqlite's benchmark page, in the same numbers. */
function statements() {
  const random = randomNumbers(1);
  const row = (n) => {
    const value = random(100000);
    return `(${n}, ${value}, '${inWords(value)}')`;
  };
  const inTransaction = (sql) => `BEGIN;\n${sql}\nCOMMIT;`;
  return {
    'insert one by one': `CREATE TABLE t1(a INTEGER, b INTEGER, c TEXT);\n${lines(1000, (n) => `INSERT INTO t1 VALUES${row(n)};`)}`,
    'insert in a transaction': `CREATE TABLE t2(a INTEGER, b INTEGER, c TEXT);\n${inTransaction(lines(25000, (n) => `INSERT INTO t2 VALUES${row(n)};`))}`,
    'insert with an index': `CREATE TABLE t3(a INTEGER, b INTEGER, c TEXT); CREATE INDEX i3 ON t3(c);\n${inTransaction(lines(25000, (n) => `INSERT INTO t3 VALUES${row(n)};`))}`,
    'select by number': lines(
      100,
      (n) => `SELECT count(*), avg(b) FROM t2 WHERE b >= ${n * 100} AND b < ${n * 100 + 1000};`,
    ),
    'select by text': lines(100, (n) => `SELECT count(*), avg(b) FROM t2 WHERE c LIKE '%${inWords(n + 1)}%';`),
    'create indexes': 'CREATE INDEX i2a ON t2(a); CREATE INDEX i2b ON t2(b);',
    'select by index': lines(
      5000,
      (n) => `SELECT count(*), avg(b) FROM t2 WHERE b >= ${n * 100} AND b < ${n * 100 + 100};`,
    ),
    'update without an index': inTransaction(
      lines(1000, (n) => `UPDATE t1 SET b = b * 2 WHERE a >= ${n * 10} AND a < ${n * 10 + 10};`),
    ),
    'update by index': inTransaction(lines(25000, (n) => `UPDATE t2 SET b = ${random(100000)} WHERE a = ${n};`)),
    'update text by index': inTransaction(
      lines(25000, (n) => `UPDATE t2 SET c = '${inWords(random(100000))}' WHERE a = ${n};`),
    ),
    'insert from a select': inTransaction(
      'INSERT INTO t1 SELECT b, a, c FROM t2; INSERT INTO t2 SELECT b, a, c FROM t1;',
    ),
    'delete by text': "DELETE FROM t2 WHERE c LIKE '%fifty%';",
    'delete by index': 'DELETE FROM t2 WHERE a > 10 AND a < 20000;',
    'large insert after delete': 'INSERT INTO t2 SELECT * FROM t1;',
    'small inserts after delete': inTransaction(
      `DELETE FROM t1;\n${lines(3000, (n) => `INSERT INTO t1 VALUES${row(n)};`)}`,
    ),
    'drop tables': 'DROP TABLE t1; DROP TABLE t2; DROP TABLE t3;',
  };
}

/** A larger database, worked on as a whole. */
function large() {
  const rows = Math.round(200000 * scale);
  return {
    fill: `CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, town INTEGER, note TEXT);
      CREATE INDEX pn ON p(name); CREATE INDEX pt ON p(town);
      BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${rows})
      INSERT INTO p SELECT i, 'name ' || (i * 7919 % 100003), i * 31 % 1009, 'a note about ' || (i * 131 % 9973) || ', of row ' || i FROM n; COMMIT;`,
    update: `UPDATE p SET town = town + 1, note = note || '!' WHERE id % 7 = 0;`,
    scan: lines(10 / scale, (n) => `SELECT count(*), sum(length(note)) FROM p WHERE note LIKE '%${n}1%';`),
    join: `SELECT count(*) FROM p a JOIN p b ON b.id = a.id * 7 % ${rows} + 1 WHERE a.town < 300;`,
    vacuum: 'VACUUM;',
  };
}

// ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────

async function openWith(makeVfs, { journal, cache }) {
  const module = await createModule({ wasmBinary });
  const sqlite3 = SQLite.Factory(module);
  const vfs = await makeVfs(module);
  sqlite3.vfs_register(vfs, false);
  const db = await sqlite3.open_v2('bench.db', undefined, vfs.name);
  const exec = (sql) => sqlite3.exec(db, sql);
  if (journal === 'wal' && !vfs.xShmMap) await exec('PRAGMA locking_mode=exclusive');
  await exec(`PRAGMA page_size=${settings.page}; PRAGMA cache_size=${-1024 * cache}; PRAGMA journal_mode=${journal};`);
  return { vfs, exec, close: () => sqlite3.close(db) };
}

const zram = async (module) => {
  const engine = await Engine.create();
  const fs = PageFs.createSync({ engine });
  const vfs = await ZramVFS.create('zram', module, { fs, partedJournals: !settings.plain });
  engines.set(vfs, engine);
  return vfs;
};
const engines = new Map();
const memory = (module) => MemoryVFS.create('memory', module);

function heldBy(vfs) {
  const engine = engines.get(vfs);
  if (engine) return engine.memory.used;
  let bytes = 0;
  for (const { data } of vfs.mapNameToFile.values()) bytes += data.byteLength;
  return bytes;
}

async function cpuOf(act) {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function round(n, workloads, options, figures) {
  const sides = [await openWith(zram, options), await openWith(memory, options)];
  const held = [0, 0];
  for (const [name, sql] of Object.entries(workloads)) {
    const cpu = [0, 0];
    for (const side of n % 2 === 0 ? [0, 1] : [1, 0]) {
      globalThis.gc?.();
      cpu[side] = await cpuOf(() => sides[side].exec(sql));
      held[side] = Math.max(held[side], heldBy(sides[side].vfs));
    }
    (figures[name] ??= { ratios: [], ours: [], theirs: [], memory: [] }).ratios.push(cpu[0] / cpu[1]);
    figures[name].ours.push(cpu[0]);
    figures[name].theirs.push(cpu[1]);
    figures[name].memory.push(heldBy(sides[0].vfs) / heldBy(sides[1].vfs));
  }
  for (const { close } of sides) await close();
  engines.get(sides[0].vfs).destroy();
  return held[0] / held[1];
}

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
const ms = (numbers) => (median(numbers) / 1000).toFixed(0).padStart(7);

for (const journal of settings.journal.split(',')) {
  for (const cache of settings.cache.split(',').map(Number)) {
    const all = [];
    const peaks = [];
    console.log(
      `\njournal ${journal}, cache ${cache} MiB, pages of ${settings.page}: processor time, ours / MemoryVFS`,
    );
    for (const workloads of [statements(), large()]) {
      const figures = {};
      const options = { journal, cache };
      for (let n = 0; n < Number(settings.rounds); n++) peaks.push(await round(n, workloads, options, figures));
      for (const [name, { ratios, ours, theirs, memory: held }] of Object.entries(figures)) {
        all.push(median(ratios));
        console.log(
          `${name.padEnd(28)} ${median(ratios).toFixed(2)}  ${ms(ours)} ${ms(theirs)} ms   memory ${median(held).toFixed(2)}`,
        );
      }
    }
    console.log(`median of workloads          ${median(all).toFixed(2)}   highest memory ${median(peaks).toFixed(2)}`);
  }
}
