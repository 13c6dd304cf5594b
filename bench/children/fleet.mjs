/**
 * One machine of a fleet: writes pages to a device, writes them back to a tier piece by piece, and reads them all again. The parent
 * says when each part begins, so that all machines do it at once.
 *
 * usage: fleet.mjs '{ "number": 0, "pages": …, "common": 0.5, "socket": … | "directory": … }'
 */
import { Engine } from '../../dist/index.js';
import { createRemoteBacking, fileStore, redisTier, segmentTier } from '../../dist/remote.js';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';
import { fillBatch } from '../support/synthetic-pages.mjs';

/** Raw pages that are in memory before they are written back. */
const PIECE_PAGES = (16 * MIB) / PAGE_BYTES;
const BATCH_PAGES = MIB / PAGE_BYTES;
/** Numbers of pages of which each machine has its own. */
const MACHINE_NAMES = 2 ** 27;

const { number, pages, common, socket, directory } = JSON.parse(process.argv[2]);

/** Common pages come first in each run of 16, and machines begin at different places, as machines do. */
const shift = Math.floor((number * pages) / 7 / PIECE_PAGES) * PIECE_PAGES;
function nameOf(page) {
  const index = (page + shift) % pages;
  return index % 16 < 16 * common ? index : index + (number + 1) * MACHINE_NAMES;
}

const batch = new Uint8Array(BATCH_PAGES * PAGE_BYTES);
function batchAt(first) {
  const count = Math.min(BATCH_PAGES, pages - first);
  fillBatch(
    batch,
    Uint32Array.from({ length: count }, (_, n) => nameOf(first + n)),
  );
  return batch.subarray(0, count * PAGE_BYTES);
}

async function openTier() {
  if (directory !== undefined) {
    const tier = segmentTier(fileStore(directory), { refreshMilliseconds: 500, machine: `m${number}` });
    return { tier, end: () => tier.flush() };
  }
  const { Redis } = await import('ioredis');
  const client = new Redis(socket);
  return { tier: redisTier(client, { timeout: 60_000 }), end: () => client.disconnect() };
}

const { tier, end } = await openTier();
const engine = Engine.createSync();
const backing = createRemoteBacking(tier, { slots: pages });
// As many in flight as make segments of 1 MiB.
const writebackBatchSize = directory === undefined ? undefined : PIECE_PAGES;
const zram = engine.createZram({ disksize: pages * PAGE_BYTES, backing, writebackBatchSize, trackEntryActime: false });

/** Making pages is the workload's work, and not counted. */
async function writeAll() {
  let milliseconds = 0;
  for (let first = 0; first < pages; first += BATCH_PAGES) {
    const bytes = batchAt(first);
    const before = performance.now();
    zram.writePages(first, bytes);
    const end = first + bytes.length / PAGE_BYTES;
    if (end % PIECE_PAGES === 0 || end === pages) {
      const from = Math.floor((end - 1) / PIECE_PAGES) * PIECE_PAGES;
      await zram.writebackAsync({ pageIndexes: [[from, end - 1]] });
    }
    milliseconds += performance.now() - before;
  }
  return { milliseconds, local: zram.mmStat.memUsedTotal, writtenBack: zram.bdStat.bdCount };
}

async function readAll() {
  let milliseconds = 0;
  const out = new Uint8Array(batch.length);
  for (let first = 0; first < pages; first += BATCH_PAGES) {
    const expected = batchAt(first);
    const before = performance.now();
    await zram.readPagesAsync(first, expected.length / PAGE_BYTES, out);
    milliseconds += performance.now() - before;
    if (Buffer.compare(expected, out.subarray(0, expected.length)) !== 0)
      throw new Error(`a page from ${first} on is wrong`);
  }
  return { milliseconds };
}

const parts = { write: writeAll, read: readAll };
process.on('message', (part) => {
  if (part === 'end') {
    backing.close();
    end();
    process.disconnect();
  } else
    void parts[part]().then(
      (report) => process.send(report),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
});
process.send('ready');
