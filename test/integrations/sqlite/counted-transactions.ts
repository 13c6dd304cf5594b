/** Databases that count their transactions, so that after a crash one sees which of them are there, and whether whole. */
import { expect } from '@jest/globals';
import type { Connection } from './libraries.js';

/** Makes the tables. Each transaction sets `n` to its number, from 1. */
export async function makeCounted(db: Connection): Promise<void> {
  await db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB); CREATE INDEX i ON t(a); CREATE TABLE n(n)');
  await db.exec('INSERT INTO n VALUES (0)');
}

/** What is in the tables. */
export async function sumOf(db: Connection): Promise<string> {
  const rows = await db.exec('SELECT count(*), sum(id), sum(length(a)), max(a), sum(length(b)), max(hex(b)) FROM t');
  return JSON.stringify(rows);
}

/**
 * Checks that a database is whole, works on, and has all transactions that were committed, and at most the one in progress
 * besides.
 * @param sums what the tables had, by the number of the last transaction
 * @param end ends what the connection stands on
 */
export async function checkCounted(
  db: Connection,
  committed: number,
  sums: readonly string[],
  end: () => void,
): Promise<void> {
  const problems = await db.exec('PRAGMA integrity_check');
  const [[n]] = await db.exec('SELECT n FROM n');
  const sum = await sumOf(db);
  await db.exec("INSERT OR REPLACE INTO t VALUES (-1, 'goes on', x'00')");
  const after = await db.exec('PRAGMA integrity_check');
  await db.close();
  end();
  expect({ problems, after }).toEqual({ problems: [['ok']], after: [['ok']] });
  expect([committed, committed + 1]).toContain(n);
  expect(sum).toBe(sums[n as number]);
}
