/**
 * Opens databases in one way and tells what the process holds then: resident bytes more than before each of them, and what
 * their linear memories consist of.
 *
 * usage: databases.mjs '{ "way": "fork" | "same" | "clone" | "node", "count": …, "directory": … }'
 */
import { cpSync } from 'node:fs';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PageFs } from '../../dist/fs.js';
import { Engine } from '../../dist/index.js';
import { DatabaseBase } from '../../dist/pglite.js';
import { importTree } from '../support/database-files.mjs';
import { firstQueries } from '../support/database.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';

const { way, count, directory } = JSON.parse(process.argv[2]);

/** A base with the database of a directory, and something to open it by. */
async function forks(options) {
  const base = new DatabaseBase(await PageFs.create(), options);
  importTree(directory, base.files);
  return () => base.fork();
}

const ways = {
  fork: () => forks({}),
  same: () => forks({ startParams: PGlite.defaultStartParams }),
  clone: async () => {
    const source = await PGlite.create(directory);
    return () => source.clone();
  },
  node: async () => {
    let copies = 0;
    return async () => {
      const copy = path.join(directory, `../copy-${copies++}`);
      cpSync(directory, copy, { recursive: true });
      return PGlite.create(copy);
    };
  },
};

/** Of all pages: how many are zeros, how many differ, and what those take compressed. */
function lookAt(databases) {
  const memories = databases.map(({ Module }) => Module.HEAPU8);
  const pages = memories.reduce((sum, { length }) => sum + length, 0) / PAGE_BYTES;
  const engine = Engine.createSync();
  const zram = engine.createZram({ disksize: pages * PAGE_BYTES, dedup: true });
  let at = 0;
  for (const memory of memories) {
    zram.writePages(at, memory);
    at += memory.length / PAGE_BYTES;
  }
  zram.merge();
  const { samePages, pagesMerged, memUsedTotal } = zram.mmStat;
  engine.destroy();
  return { pages, samePages, pagesMerged, memUsedTotal };
}

const open = await ways[way]();
const first = await open(); // code and modules are compiled now
await firstQueries(first);
await first.close();
globalThis.gc();
const before = process.memoryUsage.rss();
const databases = [];
for (let n = 0; n < count; n++) {
  const db = await open();
  await firstQueries(db);
  databases.push(db);
}
globalThis.gc();
const rss = process.memoryUsage.rss() - before;
process.send({ rss, ...lookAt(databases) }, () => process.exit(0));
