/**
 * A database in a file of the browser, with one of three libraries; posts what it saw. The first time it is told to, it
 * ends in the middle of a transaction; the second time it looks at what is there.
 */
import { PageStore } from './node_modules/zram-wasm/dist/store.js';
import { ZramVFS, ZramVFS1, ZramWasmVFS } from './node_modules/zram-wasm/dist/sqlite.js';

const WA_SQLITE = {
  'wa-sqlite 2': ['./libraries/@journeyapps/wa-sqlite', (module, fs) => ZramVFS.create('zram', module, { fs })],
  'wa-sqlite 1': ['./libraries/wa-sqlite', (_, fs) => ZramVFS1.create('zram', { fs })],
};

/** Runs SQL, and returns the first value of the last row. */
async function openDatabase(library, fs) {
  if (library === 'sqlite-wasm') {
    const { default: init } = await import('./libraries/@sqlite.org/sqlite-wasm/dist/index.mjs');
    const sqlite3 = await init();
    const vfs = await ZramWasmVFS.install(sqlite3, 'zram', { fs });
    const db = new sqlite3.oo1.DB({ filename: 'app.db', vfs: 'zram' });
    const exec = (sql) => db.exec(sql, { returnValue: 'resultRows' }).at(-1)?.[0];
    return { vfs, exec, close: () => db.close() };
  }
  const [folder, make] = WA_SQLITE[library];
  const { default: factory } = await import(`${folder}/dist/wa-sqlite.mjs`);
  const { Factory } = await import(`${folder}/src/sqlite-api.js`);
  const module = await factory();
  const sqlite3 = Factory(module);
  const vfs = await make(module, fs);
  sqlite3.vfs_register(vfs, true);
  const db = await sqlite3.open_v2('app.db');
  const exec = async (sql) => {
    let first;
    await sqlite3.exec(db, sql, ([value]) => (first = value));
    return first;
  };
  return { vfs, exec, close: () => sqlite3.close(db) };
}

const FREE_MS_MAX = 30_000;

/** The file, when a page that had it open is gone. */
async function openFile(name) {
  const end = performance.now() + FREE_MS_MAX;
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle(name, { create: true });
  for (;;) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (error.name !== 'NoModificationAllowedError' || performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const FILL = `CREATE TABLE t(id INTEGER PRIMARY KEY, page TEXT, note TEXT);
  WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 60000)
  INSERT INTO t SELECT n, '/articles/' || n % 500, 'visit number ' || n FROM n`;

async function write({ vfs, exec }, store) {
  await exec(FILL);
  const half = store.stats().fileBytes < vfs.exportFile('app.db').length / 2;
  await exec('PRAGMA cache_size=10; BEGIN; UPDATE t SET note = hex(randomblob(30))');
  return { half };
}

async function look({ exec, close }, store) {
  const rows = await exec("SELECT count(*) FROM t WHERE note = 'visit number ' || id");
  const check = await exec('PRAGMA integrity_check');
  await exec("INSERT INTO t VALUES (-1, '/', '')");
  await close();
  store.close();
  return { rows, check };
}

globalThis.onmessage = async ({ data: { library, again } }) => {
  try {
    const store = await PageStore.open(await openFile(`${library}.zram`));
    const database = await openDatabase(library, store.fs);
    globalThis.postMessage(await (again ? look : write)(database, store));
  } catch (error) {
    globalThis.postMessage({ error: String(error) });
  }
};
