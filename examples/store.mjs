// A database in one compressed file, which survives a crash. In a browser the file is one of the origin's private file
// system, in a worker: `await fileHandle.createSyncAccessHandle()`. Under Node.js it is these lines around `node:fs`.
//
//   node examples/store.mjs
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as SQLite from '@journeyapps/wa-sqlite';
import createModule from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import { ZramVFS } from 'zram-wasm/sqlite';
import { PageStore } from 'zram-wasm/store';

class DiskFile {
  constructor(name) {
    const { O_RDWR, O_CREAT } = fs.constants;
    this.fd = fs.openSync(name, O_RDWR | O_CREAT, 0o600);
  }
  read(buffer, { at }) {
    return fs.readSync(this.fd, buffer, 0, buffer.length, at);
  }
  write(buffer, { at }) {
    return fs.writeSync(this.fd, buffer, 0, buffer.length, at);
  }
  truncate(size) {
    fs.ftruncateSync(this.fd, size);
  }
  flush() {
    fs.fsyncSync(this.fd);
  }
  getSize() {
    return fs.fstatSync(this.fd).size;
  }
  close() {
    fs.closeSync(this.fd);
  }
}

async function open(name) {
  const store = await PageStore.open(new DiskFile(name));
  // In a browser the module finds its file by itself.
  const wasmBinary = fs.readFileSync(new URL(import.meta.resolve('@journeyapps/wa-sqlite/dist/wa-sqlite.wasm')));
  const module = await createModule({ wasmBinary });
  const sqlite3 = SQLite.Factory(module);
  const vfs = await ZramVFS.create('zram', module, { fs: store.fs });
  sqlite3.vfs_register(vfs, true);
  const db = await sqlite3.open_v2('app.db');
  const ask = async (sql) => {
    let last;
    await sqlite3.exec(db, sql, ([value]) => (last = value));
    return last;
  };
  return { store, vfs, ask };
}

const folder = fs.mkdtempSync(path.join(tmpdir(), 'zram-wasm-store-'));
const first = await open(path.join(folder, 'app.zram'));
await first.ask(`
  CREATE TABLE visits(id INTEGER PRIMARY KEY, page TEXT, note TEXT);
  WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 20000)
  INSERT INTO visits SELECT n, '/articles/' || n % 500, 'visit number ' || n FROM n`);
const { fileBytes } = first.store.stats();
const bytes = first.vfs.exportFile('app.db').length;
console.log(`20000 rows, in a file of ${Math.round((100 * fileBytes) / bytes)} % of the database`);

// The program ends within a transaction, without closing anything: another one has the file as it was committed.
await first.ask('PRAGMA cache_size=10; BEGIN; DELETE FROM visits');
fs.copyFileSync(path.join(folder, 'app.zram'), path.join(folder, 'crashed.zram'));
const second = await open(path.join(folder, 'crashed.zram'));
const rows = await second.ask('SELECT count(*) FROM visits');
console.log(`after a crash: ${rows} rows, ${await second.ask('PRAGMA integrity_check')}`);
assert.equal(rows, 20000);

second.store.close();
first.store.close();
fs.rmSync(folder, { recursive: true });
