/**
 * Stores pages in one way and tells what the process holds then. The pages come from a file in small pieces, so that
 * nothing but the store is held. Sends { rss, bytes, … }: resident bytes more than before, bytes stored.
 *
 * usage: held.mjs '{ "way": "zram" | "map", "file": …, "bytes": …, "dedup": … }'
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';

/** Where a repeat of the file is told from the others: early enough to be in a page's text, late enough for no header. */
const STAMP_AT = 1024;

const { way, file, bytes, dedup } = JSON.parse(process.argv[2]);

/** A device, with inline deduplication if that is asked for. */
async function zramStore() {
  const { Engine } = await import('../../dist/index.js');
  const engine = Engine.createSync();
  const zram = engine.createZram({ disksize: bytes, dedup });
  return {
    write: (index, batch) => zram.writePages(index, batch),
    facts: () => ({ mmStat: zram.mmStat, memory: engine.memory }),
    check: (index) => zram.readPage(index),
  };
}

/** What one writes by hand: a `Map` to blocks of lz4-napi, each distinct page once, found by its XXH64. */
async function mapStore() {
  const { compressSync, uncompressSync } = (await import('lz4-napi')).default;
  const { h64Raw } = await (await import('xxhash-wasm')).default();
  const byIndex = new Map();
  const byHash = new Map();
  return {
    write(index, batch) {
      for (let at = 0; at < batch.length; at += PAGE_BYTES, index++) {
        const page = batch.subarray(at, at + PAGE_BYTES);
        const hash = h64Raw(page);
        let block = byHash.get(hash);
        if (block === undefined) {
          block = compressSync(page);
          byHash.set(hash, block);
        }
        byIndex.set(index, block);
      }
    },
    facts: () => ({ distinct: byHash.size }),
    check: (index) => uncompressSync(byIndex.get(index)),
  };
}

/** Whether a page is zeros or another repeated word: such pages stay so in every repeat. */
function isSameFilled(page) {
  return page.compare(page, 0, PAGE_BYTES - 8, 8, PAGE_BYTES) === 0;
}

/** Calls `take` with the file's pages, over and over, each time made different by a stamp. */
function feed(take) {
  const batch = Buffer.alloc(MIB);
  const descriptor = openSync(file, 'r');
  let done = 0;
  for (let repeat = 0; done < bytes; repeat++) {
    for (let at = 0, got = MIB; got === MIB && done < bytes; at += got, done += got) {
      got = readSync(descriptor, batch, 0, Math.min(MIB, bytes - done), at);
      for (let page = 0; repeat > 0 && page < got; page += PAGE_BYTES) {
        if (isSameFilled(batch.subarray(page, page + PAGE_BYTES))) continue;
        batch.writeUInt32LE((batch.readUInt32LE(page + STAMP_AT) ^ repeat) >>> 0, page + STAMP_AT);
      }
      take(done / PAGE_BYTES, batch.subarray(0, got));
    }
  }
  closeSync(descriptor);
  return done;
}

const store = await { zram: zramStore, map: mapStore }[way]();
// Once over a little, so that code and buffers are there before the count begins.
store.write(0, Buffer.alloc(MIB, 'warm'));
globalThis.gc();
const before = process.memoryUsage.rss();
const stored = feed((index, batch) => store.write(index, batch));
globalThis.gc();
const rss = process.memoryUsage.rss() - before;
if (store.check(0).length !== PAGE_BYTES) throw new Error('the first page does not read back');
process.send({ rss, bytes: stored, ...store.facts() });
