// SQLite databases in a PageStore: bytes of the file beside those of the plain database, and how long opening and syncing
// take. On a file of the disk here; in a browser it is one of the origin's private file system.
//   node bench/store.mjs [--scale 1] [--only json] [--algorithm zstd]                                             Needs npm run build.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, mkdtempSync, openSync, readFileSync, readSync, readdirSync, rmSync, writeSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as SQLite from '@journeyapps/wa-sqlite';
import createModule from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import { ZramVFS } from '../dist/sqlite.js';
import { PageStore } from '../dist/store.js';

const { values: settings } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    algorithm: { type: 'string', default: 'lz4' },
  },
});
const scale = Number(settings.scale);
const wasmBinary = readFileSync(new URL(import.meta.resolve('@journeyapps/wa-sqlite/dist/wa-sqlite.wasm')));
const folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-bench-'));

class NodeFile {
  constructor(name) {
    this.fd = openSync(name, 'a+');
    closeSync(this.fd);
    this.fd = openSync(name, 'r+');
    this.written = 0;
  }
  read = (buffer, { at }) => readSync(this.fd, buffer, 0, buffer.length, at);
  write = (buffer, { at }) => {
    this.written += buffer.length;
    return writeSync(this.fd, buffer, 0, buffer.length, at);
  };
  truncate = (size) => ftruncateSync(this.fd, size);
  flush = () => fsyncSync(this.fd);
  getSize = () => fstatSync(this.fd).size;
  close = () => closeSync(this.fd);
}

// ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function randomNumbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
const WORDS = readFileSync(new URL('../README.md', import.meta.url), 'utf8').match(/[a-z]{3,}/g);
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const hex = (random, digits) => Array.from({ length: digits }, () => random(16).toString(16)).join('');

function json(random, n) {
  const event = {
    ...{ id: `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-a${hex(random, 3)}-${hex(random, 12)}` },
    ...{ at: new Date(1.7e12 + n * 61_001 + random(60_000)).toISOString(), user: `user${random(5000)}@example.com` },
    ...{
      kind: ['click', 'view', 'purchase', 'error'][random(4)],
      path: `/shop/${WORDS[random(WORDS.length)]}/${random(900)}`,
    },
    ...{ amount: random(100_000) / 100, tags: Array.from({ length: random(4) }, () => WORDS[random(WORDS.length)]) },
  };
  return `(${n}, ${quoted(JSON.stringify(event))})`;
}
function order(random, n) {
  const text = Array.from({ length: 4 + random(20) }, () => WORDS[random(WORDS.length)]).join(' ');
  return `(${n}, ${random(20_000)}, ${random(1e6) / 100}, ${1_700_000_000 + n * 37}, ${quoted(text)})`;
}
function texts() {
  const docs = fileURLToPath(new URL('../docs', import.meta.url));
  const names = readdirSync(docs, { recursive: true }).filter((name) => name.endsWith('.md'));
  return names.flatMap((name) => readFileSync(path.join(docs, name), 'utf8').split('\n\n')).map(quoted);
}

const rows = (count, make) => {
  const random = randomNumbers(1);
  return Array.from({ length: Math.round(count * scale) }, (_, n) => make(random, n));
};
const DATA = {
  visits: {
    schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, page TEXT, note TEXT)',
    rows: () => rows(250_000, (_, n) => `(${n}, '/articles/${n % 500}', 'visit number ${n}')`),
    update: `UPDATE t SET note = note || ' again'`,
  },
  'orders with two indexes': {
    schema: `CREATE TABLE t(id INTEGER PRIMARY KEY, customer INT, price REAL, at INT, note TEXT);
      CREATE INDEX t_customer ON t(customer); CREATE INDEX t_at ON t(at, price)`,
    rows: () => rows(150_000, order),
    update: 'UPDATE t SET price = price + 1',
  },
  'json events': {
    schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, data TEXT)',
    rows: () => rows(60_000, json),
    update: `UPDATE t SET data = json_set(data, '$.amount', id)`,
  },
  'paragraphs of documents': {
    schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)',
    rows: () =>
      Array.from({ length: 10 * scale }, (_, k) =>
        texts().map((text, n) => `(${k * 10_000 + n}, ${k} || ${text})`),
      ).flat(),
    update: `UPDATE t SET text = text || id`,
  },
  'random bytes': {
    schema: 'CREATE TABLE t(id INTEGER PRIMARY KEY, data BLOB)',
    rows: () => rows(10_000, (_, n) => `(${n}, randomblob(2000))`),
    update: 'UPDATE t SET data = randomblob(2000)',
  },
};

// ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────

async function openStore(name) {
  const file = new NodeFile(name);
  const begun = process.cpuUsage();
  const store = await PageStore.open(file, { fileAlgorithm: settings.algorithm });
  const { user, system } = process.cpuUsage(begun);
  const opened = (user + system) / 1000;
  const module = await createModule({ wasmBinary });
  const sqlite3 = SQLite.Factory(module);
  const vfs = await ZramVFS.create('zram', module, { fs: store.fs });
  sqlite3.vfs_register(vfs, true);
  const db = await sqlite3.open_v2('app.db');
  return { file, store, vfs, opened, exec: (sql) => sqlite3.exec(db, sql), close: () => sqlite3.close(db) };
}

const MIB = 2 ** 20;
const mib = (bytes) => (bytes / MIB).toFixed(1);
console.log(
  '| data | database, MiB | file | when a transaction has changed every row | 1,000 transactions later | ms, KiB written for each | opened in, ms of processor time |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const [name, { schema, rows: make, update }] of Object.entries(DATA)) {
  if (!name.includes(settings.only)) continue;
  const place = path.join(folder, 'store');
  rmSync(place, { force: true });
  const one = await openStore(place);
  await one.exec(`PRAGMA cache_size=-16000; ${schema}`);
  const values = make();
  for (let at = 0; at < values.length; at += 5000)
    await one.exec(`BEGIN; INSERT INTO t VALUES ${values.slice(at, at + 5000).join()}; COMMIT`);
  const plain = one.vfs.exportFile('app.db').length;
  const filled = one.store.stats();
  await one.exec(update);
  const plainAfter = one.vfs.exportFile('app.db').length;
  const updated = one.store.stats();
  const written = one.file.written;
  const begun = performance.now();
  for (let n = 0; n < 1000; n++) await one.exec(`DELETE FROM t WHERE id = ${(n * 7919) % values.length}`);
  const each = (performance.now() - begun) / 1000;
  const bytesEach = (one.file.written - written) / 1000;
  const settled = one.store.stats();
  await one.close();
  one.store.close();
  const again = await openStore(place);
  await again.close();
  again.store.close();
  const part = (bytes, of) => `${((100 * bytes) / of).toFixed(0)} %`;
  console.log(
    `| ${name} | ${mib(plain)} | ${part(filled.fileBytes, plain)} | ${part(updated.fileBytes, plainAfter)} of ${mib(plainAfter)} | ${part(settled.fileBytes, plainAfter)} | ${each.toFixed(1)}, ${(bytesEach / 1024).toFixed(1)} | ${again.opened.toFixed(0)} |`,
  );
}
rmSync(folder, { recursive: true });
