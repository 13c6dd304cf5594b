// A database on compressed pages: an old state read beside the live one, going back, and keeping it in a file at less than
// half its size. With wa-sqlite 2 here; `ZramVFS1` is for wa-sqlite 1, `ZramWasmVFS` for SQLite's own WebAssembly build.
//
//   node examples/sqlite.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as SQLite from '@journeyapps/wa-sqlite';
import createModule from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import { PageFs } from 'zram-wasm/fs';
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

// To be kept, the files are saved as compressed pages: to a file here, to one of the origin's private file system in a browser.
const { size } = vfs.fs.statSync('/app.db');
const parts = [];
await vfs.fs.save({ write: (part) => void parts.push(part) });
const saved = new Blob(parts);
assert.ok(saved.size < size / 2);
console.log(`a database of ${size} bytes is saved in ${Math.round((100 * saved.size) / size)} %`);

// And back, perhaps in another process.
const files = await PageFs.load(saved);
const later = await ZramVFS.create('later', module, { fs: files });
sqlite3.vfs_register(later);
const again = await sqlite3.open_v2('app.db', SQLite.SQLITE_OPEN_READWRITE, 'later');
assert.equal(await ask(again, 'SELECT count(*) FROM visits'), 50000);

await sqlite3.close(again);
await sqlite3.close(db);
for (const one of [vfs, later, files]) one.destroy();
