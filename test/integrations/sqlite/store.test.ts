/**
 * Databases on a store, on a disk whose power goes at any moment: they open whole, with all that was committed.
 *
 * ZRAM_WASM_LONG=1 runs 100 sequences a case, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run.
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import { PageStore } from '../../../integrations/store.js';
import { Random, seedOfRun } from '../../support/random.js';
import { ModelDisk } from '../store/model-disk.js';
import { checkCounted, makeCounted, sumOf } from './counted-transactions.js';
import { LIBRARIES, type Library } from './libraries.js';

const RUNS = Number(process.env.ZRAM_WASM_SEQUENCES ?? (process.env.ZRAM_WASM_LONG === '1' ? 100 : 1));
const TIMEOUT_MS = RUNS > 1 ? 7_200_000 : 60_000;
const TRANSACTIONS = 8;
/** Of a disk's calls, one in so many is followed by a power cut that is looked at. */
const CUT_ONE_IN = 4;

interface Case {
  readonly name: keyof typeof LIBRARIES;
  readonly journal: string;
  readonly batchAtomic: boolean;
}
const CASES: Case[] = [
  { name: 'wa-sqlite 2', journal: 'delete', batchAtomic: true },
  { name: 'wa-sqlite 2', journal: 'delete', batchAtomic: false },
  { name: 'wa-sqlite 1', journal: 'truncate', batchAtomic: false },
  { name: 'sqlite-wasm', journal: 'persist', batchAtomic: true },
  { name: 'wa-sqlite 2', journal: 'wal', batchAtomic: true },
  { name: 'sqlite-wasm', journal: 'wal', batchAtomic: true },
];

const failed = { seed: 0 };
afterAll(() => {
  if (failed.seed) console.log(`repeat with ZRAM_WASM_SEED=${failed.seed}`);
});

describe('power that goes at any moment', () => {
  test.each(CASES)(
    '$name, journal $journal, batches: $batchAtomic',
    async (each) => {
      const library = await LIBRARIES[each.name]();
      const first = seedOfRun();
      for (let run = 0; run < RUNS; run++) {
        failed.seed = first + run;
        await cutPower(library, each, new Random(first + run, 'power'));
      }
      failed.seed = 0;
    },
    TIMEOUT_MS,
  );
});

async function cutPower(library: Library, { journal, batchAtomic }: Case, random: Random): Promise<void> {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  const vfs = await library.install(store.fs, { batchAtomic });
  const db = await library.open('app.db', vfs.name);
  await db.exec(`PRAGMA cache_size=8; PRAGMA synchronous=full; PRAGMA journal_mode=${journal}`);
  await makeCounted(db);

  const cuts: { disk: ModelDisk; committed: number }[] = [];
  const sums = [await sumOf(db)];
  let committed = 0;
  disk.after = () => {
    if (random.below(CUT_ONE_IN) === 0) cuts.push({ disk: disk.crashed(random), committed });
  };
  for (let n = 1; n <= TRANSACTIONS; n++) {
    await db.exec('BEGIN');
    for (let k = random.between(1, 4); k > 0; k--) await db.exec(change(random));
    await db.exec(`UPDATE n SET n = ${n}; COMMIT`);
    committed = n;
    sums.push(await sumOf(db));
    if (random.chance(10)) await db.exec('VACUUM');
  }
  await db.close();
  cuts.push({ disk: disk.crashed(random), committed });
  vfs.destroy();
  store.close();
  expect(cuts.length).toBeGreaterThan(TRANSACTIONS / 2);
  for (const cut of cuts) await check(library, cut, sums);
}

function change(random: Random): string {
  const id = random.below(200);
  const many = `WITH RECURSIVE k(k) AS (SELECT ${id} UNION ALL SELECT k + 1 FROM k LIMIT ${random.between(1, 100)})`;
  return random.pick([
    `${many} INSERT OR REPLACE INTO t SELECT k, 'text ' || k * ${random.below(1000)}, zeroblob(k % 700) FROM k`,
    `${many} INSERT OR REPLACE INTO t SELECT k, hex(randomblob(20)), randomblob(k % 300) FROM k`,
    `UPDATE t SET a = a || '${random.below(1000)}' WHERE id % ${random.between(2, 9)} = 0`,
    `DELETE FROM t WHERE id BETWEEN ${id} AND ${id + random.below(100)}`,
  ]);
}

async function check(
  library: Library,
  { disk, committed }: { disk: ModelDisk; committed: number },
  sums: readonly string[],
): Promise<void> {
  const store = await PageStore.open(disk);
  const vfs = await library.install(store.fs);
  const db = await library.open('app.db', vfs.name);
  await db.exec('PRAGMA locking_mode=exclusive'); // wa-sqlite 1 opens a WAL no other way
  await checkCounted(db, committed, sums, () => {
    vfs.destroy();
    store.close();
  });
}

describe.each(Object.keys(LIBRARIES) as (keyof typeof LIBRARIES)[])('%s', (name) => {
  test('a full disk is SQLITE_FULL; the database stays whole, and works on when there is room', async () => {
    const library = await LIBRARIES[name]();
    const disk = new ModelDisk();
    const store = await PageStore.open(disk);
    const vfs = await library.install(store.fs);
    const db = await library.open('app.db', vfs.name);
    await db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, hex(randomblob(3000)))');
    disk.quota = disk.getSize() + 20_000;
    for (let round = 0; round < 2; round++) {
      const many = `WITH RECURSIVE k(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM k LIMIT 100)
        INSERT INTO t SELECT NULL, hex(randomblob(2000)) FROM k`;
      await expect((async () => db.exec(many))()).rejects.toThrow(/full/);
      await db.exec('ROLLBACK').catch(() => undefined);
      expect(await db.exec('SELECT count(*) FROM t')).toEqual([[1]]);
      expect(await db.exec('PRAGMA integrity_check')).toEqual([['ok']]);
    }
    disk.quota = Infinity;
    await db.exec("INSERT INTO t VALUES (2, 'there is room')");
    await db.close();
    vfs.destroy();
    store.close();
    const again = await PageStore.open(new ModelDisk(disk.content()));
    const vfs2 = await library.install(again.fs);
    const db2 = await library.open('app.db', vfs2.name);
    expect(await db2.exec('SELECT count(*) FROM t')).toEqual([[2]]);
    await db2.close();
    vfs2.destroy();
    again.close();
  });
});

test('a transaction costs its pages and one flush; without syncs nothing is written', async () => {
  const library = await LIBRARIES['wa-sqlite 2']();
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  const vfs = await library.install(store.fs);
  const db = await library.open('app.db', vfs.name);
  await db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)');
  const { flushes, written } = disk;
  for (let n = 0; n < 10; n++) await db.exec(`INSERT INTO t VALUES (NULL, 'row ${n}')`);
  expect(disk.flushes - flushes).toBe(10);
  expect(disk.written - written).toBeLessThan(10 * 1024);
  await db.exec('PRAGMA synchronous=off');
  const before = disk.written;
  for (let n = 0; n < 10; n++) await db.exec(`INSERT INTO t VALUES (NULL, 'row ${n}')`);
  expect(disk.written).toBe(before);
  await db.close();
  vfs.destroy();
  store.close();
});
