/**
 * Databases whose program ends at any moment: a fork of all files is made between two calls of the VFS, and must open
 * whole, with all that was committed before and nothing of what was not.
 *
 * ZRAM_WASM_LONG=1 runs 100 workloads a case, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run.
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import { PageFs } from '../../../integrations/fs.js';
import { ZramVFS } from '../../../integrations/sqlite.js';
import { Random, seedOfRun } from '../../support/random.js';
import { checkCounted, makeCounted, sumOf } from './counted-transactions.js';
import { LIBRARIES, type Library } from './libraries.js';

const RUNS = Number(process.env.ZRAM_WASM_SEQUENCES ?? (process.env.ZRAM_WASM_LONG === '1' ? 100 : 1));
const TIMEOUT_MS = RUNS > 1 ? 7_200_000 : 120_000;
const TRANSACTIONS = 12;
/** Of pages of 4096 bytes, one call in so many is followed by a fork. */
const FORK_ONE_IN = 16;
const BEGIN_ATOMIC_WRITE = 31;

interface Moment {
  readonly fs: PageFs;
  /** Transactions whose COMMIT had returned. */
  readonly committed: number;
}

interface Case {
  readonly journal: string;
  readonly pageSize: number;
  readonly parted: boolean;
  readonly batchAtomic: boolean;
}

const CASES: Case[] = [
  { journal: 'delete', pageSize: 4096, parted: true, batchAtomic: false },
  { journal: 'delete', pageSize: 4096, parted: true, batchAtomic: true },
  { journal: 'truncate', pageSize: 4096, parted: true, batchAtomic: false },
  { journal: 'persist', pageSize: 8192, parted: true, batchAtomic: false },
  { journal: 'persist', pageSize: 1024, parted: true, batchAtomic: false },
  { journal: 'delete', pageSize: 4096, parted: false, batchAtomic: false },
  { journal: 'wal', pageSize: 4096, parted: true, batchAtomic: false },
  { journal: 'wal', pageSize: 512, parted: true, batchAtomic: false },
  { journal: 'wal', pageSize: 65536, parted: true, batchAtomic: false },
];

const library = await LIBRARIES['wa-sqlite 2']();
const failed = { seed: 0 };
afterAll(() => {
  if (failed.seed) console.log(`repeat with ZRAM_WASM_SEED=${failed.seed}`);
});

describe('a program that ends at any moment', () => {
  test.each(CASES)(
    'journal $journal, pages of $pageSize, parted: $parted, batches: $batchAtomic',
    async (each) => {
      const first = seedOfRun();
      for (let run = 0; run < RUNS; run++) {
        failed.seed = first + run;
        await endAtAnyMoment(library, each, new Random(first + run, 'crash'));
      }
      failed.seed = 0;
    },
    TIMEOUT_MS,
  );
});

async function endAtAnyMoment(lib: Library, each: Case, random: Random): Promise<void> {
  const fs = await PageFs.create();
  const { parted: partedJournals, batchAtomic } = each;
  const vfs = await lib.install(fs, { partedJournals, batchAtomic });
  if (!(vfs instanceof ZramVFS)) throw new Error('this test watches the VFS of wa-sqlite 2');
  const moments: Moment[] = [];
  const state = { committed: 0 };
  const oneIn = Math.ceil((FORK_ONE_IN * 4096) / Math.min(4096, each.pageSize));
  watch(vfs, random, oneIn, () => moments.push({ fs: fs.fork(), committed: state.committed }));

  const db = await lib.open('app.db', vfs.name);
  await db.exec(`PRAGMA page_size=${each.pageSize}; PRAGMA cache_size=8; PRAGMA synchronous=full;`);
  expect(await db.exec(`PRAGMA journal_mode=${each.journal}`)).toEqual([[each.journal]]);
  await makeCounted(db);
  moments.splice(0).forEach((moment) => moment.fs.destroy());
  const sums = [await sumOf(db)];
  for (let n = 1; n <= TRANSACTIONS; n++) {
    await db.exec('BEGIN');
    for (let k = random.between(1, 6); k > 0; k--) await db.exec(change(random));
    await db.exec(`UPDATE n SET n = ${n}`);
    if (random.chance(20)) {
      await db.exec('ROLLBACK');
      await db.exec(`UPDATE n SET n = ${n}`);
    } else await db.exec('COMMIT');
    state.committed = n;
    const sum = await sumOf(db);
    sums.push(sum);
    if (each.journal === 'wal' && random.chance(30)) await db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }
  await db.close();
  vfs.destroy();
  for (const moment of moments) await checkMoment(lib, moment, sums, each);
  fs.destroy();
}

/** Calls `fork` after calls of the VFS, but not within a batch: no program runs there. */
function watch(vfs: ZramVFS, random: Random, oneIn: number, fork: () => void): void {
  let inBatch = false;
  const after = (name: 'xWrite' | 'xTruncate' | 'xDelete' | 'xLock' | 'xUnlock' | 'xSync'): void => {
    const call: (...args: [number, number, number, number, number]) => number = vfs[name].bind(vfs);
    Object.assign(vfs, {
      [name]: (...args: [number, number, number, number, number]) => {
        const code = call(...args);
        if (!inBatch && random.below(name === 'xSync' ? 4 : oneIn) === 0) fork();
        return code;
      },
    });
  };
  for (const name of ['xWrite', 'xTruncate', 'xDelete', 'xLock', 'xUnlock', 'xSync'] as const) after(name);
  const control = vfs.xFileControl.bind(vfs);
  Object.assign(vfs, {
    xFileControl: (pFile: number, op: number, pArg: number) => {
      if (op === BEGIN_ATOMIC_WRITE) inBatch = true;
      const code = control(pFile, op, pArg);
      if (op > BEGIN_ATOMIC_WRITE && op <= BEGIN_ATOMIC_WRITE + 2) inBatch = false;
      return code;
    },
  });
}

function change(random: Random): string {
  const id = random.below(400);
  const many = `WITH RECURSIVE k(k) AS (SELECT ${id} UNION ALL SELECT k + 1 FROM k LIMIT ${random.between(1, 150)})`;
  return random.pick([
    `${many} INSERT OR REPLACE INTO t SELECT k, 'text ' || k * ${random.below(1000)}, zeroblob(k % 700) FROM k`,
    `${many} INSERT OR REPLACE INTO t SELECT k, hex(randomblob(20)), randomblob(k % 300) FROM k`,
    `UPDATE t SET a = a || '${random.below(1000)}' WHERE id % ${random.between(2, 9)} = 0`,
    `DELETE FROM t WHERE id BETWEEN ${id} AND ${id + random.below(100)}`,
    `INSERT OR REPLACE INTO t VALUES (${id}, 'large', randomblob(${random.below(30000)}))`,
  ]);
}

async function checkMoment(lib: Library, { fs, committed }: Moment, sums: string[], each: Case): Promise<void> {
  const vfs = await lib.install(fs, { partedJournals: each.parted });
  const db = await lib.open('app.db', vfs.name);
  await checkCounted(db, committed, sums, () => {
    vfs.destroy();
    fs.destroy();
  });
}
