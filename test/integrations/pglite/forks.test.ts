/**
 * Thirty forks of one migrated database: each is opened, written and looked at, and neither the base nor another fork
 * sees any of it. ZRAM_WASM_LONG=1 makes a hundred, ZRAM_WASM_FORKS any number.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PGlite } from '@electric-sql/pglite';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { createBase, PageFilesystem, type DatabaseBase } from '../../../integrations/pglite.js';
import { Random, seedOfRun } from '../../support/random.js';

const FORKS = Number(process.env.ZRAM_WASM_FORKS ?? (process.env.ZRAM_WASM_LONG === '1' ? 100 : 30));
const TABLES = 60;
const ROWS = 50;
const TIMEOUT_MS = 1_800_000;
/** Forks that are opened once more after all others were written. */
const REOPENED = 3;

let engine: Engine;
let base: DatabaseBase;

async function migrate(db: PGlite): Promise<void> {
  for (let table = 0; table < TABLES; table++) {
    await db.exec(`
      create table t${table}(id int primary key, name text not null, note text);
      create index on t${table}(name);
      insert into t${table} select n, 'name ' || n, repeat(md5((n * ${table + 1})::text), 4)
        from generate_series(1, ${ROWS}) n`);
  }
}

/** A digest of each file and directory. */
function contents(files: PageFs): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of files.readdirSync('/', { recursive: true, withFileTypes: true })) {
    const path = `${entry.parentPath}/${entry.name}`.replace('//', '/');
    found.set(path, entry.isFile() ? createHash('sha1').update(files.readFileSync(path)).digest('hex') : 'directory');
  }
  return found;
}

async function numberOfRows(db: PGlite, table: number): Promise<unknown> {
  return (await db.query(`select count(*)::int n, min(id) first, max(id) last from t${table}`)).rows[0];
}

beforeAll(async () => {
  engine = await Engine.create();
  base = await createBase(migrate, { files: PageFs.createSync({ engine }) });
}, TIMEOUT_MS);
afterAll(() => {
  base.destroy();
  engine.destroy();
});

test(
  'every fork is written by itself',
  async () => {
    const random = new Random(seedOfRun(), 'forks');
    const before = contents(base.files);
    const used = engine.memory.used;
    const forks = Array.from({ length: FORKS }, () => ({
      files: base.files.fork(),
      table: random.below(TABLES),
      dropped: random.below(TABLES),
      rows: random.between(1, 400),
    }));
    expect((engine.memory.used - used) / FORKS).toBeLessThan(2 ** 20); // bytes of a fork that is not written
    const open = ({ files }: { files: PageFs }): Promise<PGlite> =>
      PGlite.create({
        fs: new PageFilesystem(files),
        startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=2MB'],
      });
    for (const [n, fork] of forks.entries()) {
      const { table, dropped, rows } = fork;
      const db = await open(fork);
      expect(await numberOfRows(db, table)).toEqual({ n: ROWS, first: 1, last: ROWS });
      await db.exec(`
        insert into t${table} select i, 'fork ${n}', repeat('${n} ', i % 100) from generate_series(1001, ${1000 + rows}) i;
        delete from t${table} where id = 1;
        create table mine(n int); insert into mine values (${n})`);
      if (dropped !== table) await db.exec(`drop table t${dropped}`);
      expect(await numberOfRows(db, table)).toEqual({ n: ROWS - 1 + rows, first: 2, last: 1000 + rows });
      await db.close();
    }
    expect(contents(base.files)).toEqual(before);

    for (const n of [0, FORKS >> 1, FORKS - 1].slice(0, REOPENED)) {
      const { table, dropped, rows } = forks[n];
      const db = await open(forks[n]);
      expect((await db.query('select n from mine')).rows).toEqual([{ n }]);
      expect(await numberOfRows(db, table)).toEqual({ n: ROWS - 1 + rows, first: 2, last: 1000 + rows });
      const tables = await db.query("select count(*)::int n from pg_tables where tablename ~ '^t[0-9]+$'");
      expect(tables.rows).toEqual([{ n: dropped === table ? TABLES : TABLES - 1 }]);
      await db.close();
    }
    for (const { files } of forks) files.destroy();
    expect(engine.memory.used).toBeLessThanOrEqual(used + 2 ** 20);
    expect(contents(base.files)).toEqual(before);
  },
  TIMEOUT_MS,
);

test(
  'every table of the base is still what it was',
  async () => {
    const db = await base.fork();
    for (let table = 0; table < TABLES; table++) {
      expect(await numberOfRows(db, table)).toEqual({ n: ROWS, first: 1, last: ROWS });
    }
    for (const check of ['vacuum full', 'reindex database postgres']) await db.exec(check);
    await db.close();
  },
  TIMEOUT_MS,
);
