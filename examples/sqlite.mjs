// A database on compressed pages: an old state read beside the live one, going back, and keeping it in a file at less than
// half its size. With wa-sqlite 2 here; `ZramVFS1` is for wa-sqlite 1, `ZramWasmVFS` for SQLite's own WebAssembly build.
//
//   node examples/sqlite.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as SQLite from '@journeyapps/wa-sqlite';
import createModule from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import { Zram } from 'zram-wasm';
import { ZramVFS } from 'zram-wasm/sqlite';

// In a browser the module finds its file by itself.
const wasmBinary = readFileSync(new URL(import.meta.resolve('@journeyapps/wa-sqlite/dist/wa-sqlite.wasm')));
const module = await createModule({ wasmBinary });
const sqlite3 = SQLite.Factory(module);
const vfs = await ZramVFS.create('zram', module);
sqlite3.vfs_register(vfs, true);

const db = await sqlite3.open_v2('app.db');
const ask = async (database, sql) => {
  const values = [];
  await sqlite3.exec(database, sql, ([value]) => values.push(value));
  return values[0];
};
await sqlite3.exec(
  db,
  `CREATE TABLE visits(id INTEGER PRIMARY KEY, page TEXT, note TEXT);
   WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 50000)
   INSERT INTO visits SELECT n, '/articles/' || n % 500, 'visit number ' || n FROM n;`,
);

// A snapshot copies nothing. It opens as a file name, read-only, while the database goes on.
const before = vfs.snapshot('app.db');
await sqlite3.exec(db, 'DELETE FROM visits WHERE id > 1000');
const old = await sqlite3.open_v2(`app.db?snapshot=${before}`, SQLite.SQLITE_OPEN_READONLY);
assert.equal(await ask(old, 'SELECT count(*) FROM visits'), 50000);
assert.equal(await ask(db, 'SELECT count(*) FROM visits'), 1000);
await sqlite3.close(old);
console.log('50000 rows in the snapshot, 1000 in the live database');

// The mistake is undone; the connection stays open.
vfs.restore('app.db', before);
assert.equal(await ask(db, 'SELECT count(*) FROM visits'), 50000);
assert.equal(await ask(db, 'PRAGMA integrity_check'), 'ok');
vfs.deleteSnapshot(before);

// To be kept, it is saved as compressed pages: to a file here, to one of the origin's private file system in a browser.
const bytes = vfs.exportFile('app.db');
const disk = await Zram.create({ disksize: bytes.length });
disk.write(0, bytes);
const parts = [];
await disk.save({ write: (part) => void parts.push(part.slice()) });
const saved = await new Blob(parts).arrayBuffer();
assert.ok(saved.byteLength < bytes.length / 2);
console.log(`a database of ${bytes.length} bytes is saved in ${Math.round((100 * saved.byteLength) / bytes.length)} %`);

// And back, perhaps in another process.
const loaded = await Zram.load(new Uint8Array(saved));
vfs.importFile('again.db', loaded.read(0, bytes.length));
const again = await sqlite3.open_v2('again.db');
assert.equal(await ask(again, 'SELECT count(*) FROM visits'), 50000);

await sqlite3.close(again);
await sqlite3.close(db);
for (const device of [disk, loaded, vfs]) device.destroy();
