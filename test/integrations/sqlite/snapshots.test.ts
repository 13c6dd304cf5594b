/** Snapshots, going back, whole files in and out, locks and memory that ends, with each of the libraries. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { LIBRARIES, type Connection } from './libraries.js';

const hasSqlite = spawnSync('sqlite3', ['--version']).status === 0;
const fill = (from: number, count: number, text = 'row'): string =>
  `WITH RECURSIVE k(k) AS (SELECT ${from} UNION ALL SELECT k + 1 FROM k LIMIT ${count})
   INSERT INTO t SELECT k, '${text} ' || k FROM k`;
const countOf = async (db: Connection): Promise<unknown> => (await db.exec('SELECT count(*) FROM t'))[0][0];

/** What real SQLite says about these bytes. */
function askSqlite(bytes: Uint8Array, sql: string): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'zram-sqlite-'));
  try {
    const file = path.join(directory, 'x.db');
    writeFileSync(file, bytes);
    return spawnSync('sqlite3', [file, sql], { encoding: 'utf8' }).stdout.trim();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe.each(Object.entries(LIBRARIES))('%s', (_, load) => {
  async function opened(journal = 'delete') {
    const library = await load();
    const fs = await PageFs.create();
    const vfs = await library.install(fs);
    const db = await library.open('app.db', vfs.name);
    if (journal === 'wal') await db.exec('PRAGMA locking_mode=exclusive');
    await db.exec(
      `PRAGMA page_size=4096; PRAGMA journal_mode=${journal}; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)`,
    );
    await db.exec(fill(1, 1000));
    return { library, fs, vfs, db };
  }

  test.each(['delete', 'truncate', 'persist', 'memory', 'wal'])(
    'journal %s: an old state beside the live one',
    async (journal) => {
      const { library, fs, vfs, db } = await opened(journal);
      const id = vfs.snapshot('app.db');
      await db.exec(fill(1001, 500));
      const old = await library.open(`app.db?snapshot=${id}`, vfs.name, true);
      if (journal === 'wal') await old.exec('PRAGMA locking_mode=exclusive');
      expect([await countOf(old), await countOf(db)]).toEqual([1000, 1500]);
      expect(await old.exec('PRAGMA integrity_check')).toEqual([['ok']]);
      await expect((async () => old.exec('DELETE FROM t'))()).rejects.toThrow(/readonly/);
      expect(() => vfs.deleteSnapshot(id)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
      await old.close();
      expect(vfs.snapshots()).toEqual([id]);
      vfs.deleteSnapshot(id);
      await expect((async () => library.open(`app.db?snapshot=${id}`, vfs.name, true))()).rejects.toThrow();
      await db.close();
      vfs.destroy();
      fs.destroy();
    },
  );

  test('no snapshot, copy or restore while a transaction writes', async () => {
    const { fs, vfs, db } = await opened();
    const id = vfs.snapshot('app.db');
    await db.exec(`BEGIN; ${fill(1001, 10)}`);
    const busy = expect.objectContaining({ code: 'EBUSY' });
    expect(() => vfs.snapshot('app.db')).toThrow(busy);
    expect(() => vfs.exportFile('app.db')).toThrow(busy);
    expect(() => vfs.restore('app.db', id)).toThrow(busy);
    expect(() => vfs.importFile('app.db', new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    await db.exec('ROLLBACK');
    vfs.deleteSnapshot(vfs.snapshot('app.db'));
    expect(() => vfs.restore('app.db', 99)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    await db.close();
    fs.destroy();
  });

  test('connections that stay open see what was restored, also a schema', async () => {
    const { library, fs, vfs, db } = await opened();
    const second = await library.open('app.db', vfs.name);
    const id = vfs.snapshot('app.db');
    await db.exec(`CREATE TABLE u(x); INSERT INTO u VALUES (1); ${fill(1001, 10)}`);
    expect([await countOf(db), await countOf(second)]).toEqual([1010, 1010]);
    vfs.restore('app.db', id);
    // As many changes as were there before: the counts must tell them apart all the same.
    await second.exec(`CREATE TABLE v(y); INSERT INTO v VALUES (2); ${fill(2001, 20)}`);
    expect(await countOf(db)).toBe(1020);
    expect(await db.exec('SELECT y FROM v')).toEqual([[2]]);
    await expect((async () => db.exec('SELECT x FROM u'))()).rejects.toThrow(/no such table/);
    expect(await db.exec('PRAGMA integrity_check')).toEqual([['ok']]);
    await db.close();
    await second.close();
    fs.destroy();
  });

  test.each(['delete', 'wal'])('journal %s: the exported file is one for any SQLite', async (journal) => {
    const { library, fs, vfs, db } = await opened(journal);
    await db.exec(fill(1001, 500));
    const bytes = vfs.exportFile('app.db');
    if (hasSqlite) expect(askSqlite(bytes, 'SELECT count(*) FROM t; PRAGMA integrity_check')).toBe('1500\nok');
    vfs.importFile('copy.db', bytes);
    const copy = await library.open('copy.db', vfs.name);
    if (journal === 'wal') await copy.exec('PRAGMA locking_mode=exclusive');
    expect(await countOf(copy)).toBe(1500);
    await copy.close();
    await db.close();
    fs.destroy();
  });

  test('one writer, and readers that see it through', async () => {
    const { library, fs, vfs, db } = await opened();
    const second = await library.open('app.db', vfs.name);
    await db.exec(`BEGIN IMMEDIATE; ${fill(1001, 10)}`);
    expect(await countOf(second)).toBe(1000);
    await expect((async () => second.exec('BEGIN IMMEDIATE'))()).rejects.toThrow(/locked/);
    await db.exec('COMMIT');
    expect(await countOf(second)).toBe(1010);
    await second.exec('BEGIN IMMEDIATE; DELETE FROM t; COMMIT');
    expect(await countOf(db)).toBe(0);
    await db.close();
    await second.close();
    fs.destroy();
  });

  test('memory that ends is SQLITE_FULL, and the database stays whole', async () => {
    const library = await load();
    const engine = await Engine.create({ maxMemory: '4M' });
    const fs = PageFs.createSync({ engine });
    const vfs = await library.install(fs);
    const db = await library.open('app.db', vfs.name);
    await db.exec('PRAGMA cache_size=10; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)');
    await db.exec(fill(1, 1000));
    for (let n = 0; n < 2; n++) {
      const large = `WITH RECURSIVE k(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM k LIMIT 10000)
        INSERT INTO t SELECT NULL, hex(randomblob(2000)) FROM k`;
      await expect((async () => db.exec(large))()).rejects.toThrow(/full/);
      await db.exec('ROLLBACK').catch(() => undefined);
      expect(await countOf(db)).toBe(1000);
      expect(await db.exec('PRAGMA integrity_check')).toEqual([['ok']]);
    }
    await db.exec(fill(1001, 10));
    await db.close();
    engine.destroy();
  });
});

describe.each(['wa-sqlite 2', 'sqlite-wasm'] as const)('%s', (name) => {
  test('WAL with several connections: readers keep their state while one writes', async () => {
    const library = await LIBRARIES[name]();
    const fs = await PageFs.create();
    const vfs = await library.install(fs);
    const [writer, reader] = [await library.open('app.db', vfs.name), await library.open('app.db', vfs.name)];
    expect(await writer.exec('PRAGMA journal_mode=wal')).toEqual([['wal']]);
    await writer.exec(`CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); ${fill(1, 1000)}`);
    await reader.exec('BEGIN');
    expect(await countOf(reader)).toBe(1000);
    await writer.exec(fill(1001, 1000));
    await writer.exec('BEGIN');
    await writer.exec(fill(2001, 1000));
    expect(() => vfs.snapshot('app.db')).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    expect(await countOf(reader)).toBe(1000);
    await expect((async () => reader.exec('DELETE FROM t'))()).rejects.toThrow(/locked/);
    await writer.exec('COMMIT');
    await reader.exec('COMMIT');
    expect(await countOf(reader)).toBe(3000);
    const id = vfs.snapshot('app.db');
    await writer.exec('DELETE FROM t; PRAGMA wal_checkpoint(TRUNCATE)');
    const old = await library.open(`app.db?snapshot=${id}`, vfs.name, true);
    expect([await countOf(old), await countOf(reader)]).toEqual([3000, 0]);
    for (const db of [old, reader, writer]) await db.close();
    expect(fs.readdirSync('/')).toEqual(['app.db']);
    vfs.destroy();
    fs.destroy();
  });
});
