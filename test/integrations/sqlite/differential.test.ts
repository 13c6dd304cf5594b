/**
 * Random SQL on our VFS and on the library's own memory: results, errors and what is there at the end are equal.
 *
 * ZRAM_WASM_LONG=1 runs 200 sequences a case, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run.
 */
import { afterAll, expect, test } from '@jest/globals';
import { PageStore } from '../../../integrations/store.js';
import { Random, seedOfRun } from '../../support/random.js';
import { ModelDisk } from '../store/model-disk.js';
import { LIBRARIES, type Connection } from './libraries.js';

const RUNS = Number(process.env.ZRAM_WASM_SEQUENCES ?? (process.env.ZRAM_WASM_LONG === '1' ? 200 : 1));
const TIMEOUT_MS = RUNS > 1 ? 7_200_000 : 60_000;
const STATEMENTS = 250;

const failed = { seed: 0 };
afterAll(() => {
  if (failed.seed) console.log(`repeat with ZRAM_WASM_SEED=${failed.seed}`);
});

const TABLES = ['t', 'u', 'aux.t', 'aux.v'];
const JOURNALS = ['delete', 'truncate', 'persist', 'wal', 'memory'];

/** A statement, and whether its rows may differ: those of pragmas name what each VFS can do. */
function statement(random: Random): { sql: string; isOwn?: boolean } {
  const table = random.pick(TABLES);
  const [schema, name] = table.includes('.') ? [`${table.split('.')[0]}.`, table.split('.')[1]] : ['', table];
  const id = random.below(300);
  const many = `WITH RECURSIVE k(k) AS (SELECT ${id} UNION ALL SELECT k + 1 FROM k LIMIT ${random.between(1, 80)})`;
  const where = random.pick([
    `id = ${id}`,
    `id BETWEEN ${id} AND ${id + random.below(60)}`,
    `a LIKE '%${random.below(9)}'`,
  ]);
  const point = random.pick(['one', 'two']);
  const weighted: [number, string, boolean?][] = [
    [3, `CREATE TABLE ${table}(id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL)`],
    [2, `CREATE TABLE ${table}(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b BLOB, c REAL)`],
    [2, `CREATE INDEX ${schema}i_${random.pick(['a', 'c'])}_${name} ON ${name}(${random.pick(['a', 'c, a'])})`],
    [1, `DROP TABLE ${table}`],
    [1, `DROP INDEX ${schema}i_a_${name}`],
    [1, `ALTER TABLE ${table} ADD COLUMN d DEFAULT ${id}`],
    [
      12,
      `${many} INSERT OR REPLACE INTO ${table}(id, a, b, c) SELECT k, 'text ' || k * 7 % 50, zeroblob(k % 900), k / 3.0 FROM k`,
    ],
    [4, `${many} INSERT INTO ${table}(id, a, b) SELECT k, hex(k * 99991), printf('%0*d', k % 3000, k) FROM k`],
    [2, `INSERT INTO ${table}(a, b) VALUES ('large ${id}', printf('%0${random.below(60_000)}d', ${id}))`],
    [6, `UPDATE ${table} SET a = a || '${random.below(1000)}', c = c * 2 WHERE ${where}`],
    [4, `DELETE FROM ${table} WHERE ${where}`],
    [1, `INSERT INTO ${table} SELECT * FROM ${random.pick(TABLES)} WHERE id < 50`],
    [6, `SELECT count(*), sum(id), max(a), sum(length(b)), total(c) FROM ${table}`],
    [4, `SELECT id, a, length(b), c FROM ${table} WHERE ${where} ORDER BY a, id LIMIT 20`],
    [3, 'BEGIN'],
    [1, 'BEGIN IMMEDIATE'],
    [5, 'COMMIT'],
    [2, 'ROLLBACK'],
    [3, `SAVEPOINT ${point}`],
    [2, `RELEASE ${point}`],
    [2, `ROLLBACK TO ${point}`],
    [1, 'VACUUM'],
    [1, `PRAGMA ${random.pick(['main', 'aux'])}.journal_mode = ${random.pick(JOURNALS)}`, true],
    [1, `PRAGMA cache_size = ${random.pick([5, 50, 2000])}`],
    [1, `PRAGMA incremental_vacuum`],
    [1, "ATTACH 'other.db' AS aux"],
    [1, 'DETACH aux'],
    [1, 'PRAGMA integrity_check'],
  ];
  let at = random.below(weighted.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, sql, isOwn = false] of weighted) if ((at -= weight) < 0) return { sql, isOwn };
  throw new Error('weights are positive');
}

/** Rows, or what went wrong. */
async function outcome(db: Connection, sql: string): Promise<unknown> {
  try {
    return await db.exec(sql);
  } catch (error) {
    return (error as Error).message;
  }
}

async function dump(db: Connection): Promise<unknown[]> {
  const schema = await db.exec("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name");
  const rows: unknown[] = [schema];
  for (const [name, sql] of schema) {
    if (String(sql).startsWith('CREATE TABLE'))
      rows.push(await db.exec(`SELECT *, hex(b) FROM ${String(name)} ORDER BY id`));
  }
  return rows;
}

test.each(['wa-sqlite 2', 'wa-sqlite 1'] as const)(
  '%s',
  async (name) => {
    const library = await LIBRARIES[name]();
    const first = seedOfRun();
    for (let run = 0; run < RUNS; run++) {
      failed.seed = first + run;
      const random = new Random(first + run, 'sql');
      const disk = new ModelDisk();
      const store = await PageStore.open(disk);
      const vfs = await library.install(store.fs, {
        partedJournals: random.chance(80),
        batchAtomic: random.chance(70),
      });
      // Names of their own: the library's memory has one set of files for all runs.
      const [ours, theirs] = [
        await library.open(`r${run}.db`, vfs.name),
        await library.open(`r${run}.db`, library.memory),
      ];
      const rename = (sql: string): string => sql.replace('other.db', `other${run}.db`);
      const page = random.pick([512, 1024, 4096, 65536]);
      for (const db of [ours, theirs]) await db.exec(`PRAGMA page_size = ${page}; PRAGMA cache_size = 20`);
      // wa-sqlite 1 needs it for WALs.
      if (name === 'wa-sqlite 1') await ours.exec('PRAGMA locking_mode = exclusive');
      const columns = '(id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL)';
      const start = rename(`CREATE TABLE t${columns}; ATTACH 'other.db' AS aux; CREATE TABLE aux.t${columns}`);
      for (const db of [ours, theirs]) await db.exec(start);
      let done = 0;
      for (let n = 0; n < STATEMENTS; n++) {
        const { sql, isOwn } = statement(random);
        const [one, other] = [await outcome(ours, rename(sql)), await outcome(theirs, rename(sql))];
        if (!isOwn) expect([n, sql, one]).toEqual([n, sql, other]);
        if (Array.isArray(one)) done++;
      }
      expect(done).toBeGreaterThan(STATEMENTS / 4);
      for (const db of [ours, theirs]) await outcome(db, 'COMMIT');
      const before = await dump(ours);
      expect(before).toEqual(await dump(theirs));
      await ours.close();
      await theirs.close();
      vfs.destroy();
      store.close();

      const again = await PageStore.open(new ModelDisk(disk.content()));
      const vfsAgain = await library.install(again.fs);
      const db = await library.open(`r${run}.db`, vfsAgain.name);
      if (name === 'wa-sqlite 1') await db.exec('PRAGMA locking_mode = exclusive');
      expect(await dump(db)).toEqual(before);
      expect(await db.exec('PRAGMA integrity_check')).toEqual([['ok']]);
      await db.close();
      vfsAgain.destroy();
      again.close();
    }
    failed.seed = 0;
  },
  TIMEOUT_MS,
);
