/**
 * What `packSlots` of a Zswap saves and costs, on pages of a program and of text: slots, bytes written, and processor time a
 * page, to write back and to load, at a file and at an asynchronous backing in memory. In alternating rounds.
 *
 *   node bench/zswap-slots.mjs [ROUNDS]     after `npm run build`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MemoryBacking, Zswap } from '../dist/index.js';
import { FileBacking } from '../dist/node.js';
import { realPages } from './support/real-pages.mjs';
import { PAGE_BYTES } from './support/settings.mjs';
import { markdownTable } from './support/table.mjs';

const PAGES = 4000;
const rounds = Number(process.argv[2] ?? 5);

/** Counts what passes; answers after a turn of the event loop, as OPFS does, if asynchronous. */
function counted(inner, asynchronous) {
  const counts = { writes: 0, slots: new Set() };
  const note = (slot) => {
    counts.writes++;
    counts.slots.add(slot);
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const backing = asynchronous
    ? {
        asynchronous: true,
        read: (slot, page) => turn().then(() => inner.read(slot, page)),
        write: (slot, page) => (note(slot), turn().then(() => inner.write(slot, page))),
      }
    : {
        read: (slot, page) => inner.read(slot, page),
        write: (slot, page) => (note(slot), inner.write(slot, page)),
      };
  return { counts, backing: { ...backing, slots: inner.slots } };
}

const processorUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function measure(pages, inner, asynchronous, packSlots) {
  const { counts, backing } = counted(inner, asynchronous);
  const zswap = await Zswap.create({ backing, packSlots, maxPoolPercent: 100 });
  for (const [key, page] of pages.entries()) zswap.store(key, page);
  const { poolTotalSize } = zswap.stats();
  const start = processorUs();
  const written = await zswap.shrinkAsync(pages.length);
  const between = processorUs();
  for (let first = 0; first < pages.length; first += 32) {
    const loads = Array.from({ length: Math.min(32, pages.length - first) }, (_, n) => zswap.loadAsync(first + n));
    for (const [n, page] of (await Promise.all(loads)).entries()) {
      if (Buffer.compare(page, pages[first + n]) !== 0) throw new Error(`page ${first + n} is wrong`);
    }
  }
  const end = processorUs();
  zswap.destroy();
  if (written !== pages.length) throw new Error(`${written} pages were written`);
  return { ...counts, poolTotalSize, writeUs: (between - start) / written, loadUs: (end - between) / written };
}

const pages = realPages(PAGES);
const folder = mkdtempSync(path.join(tmpdir(), 'zswap-slots-'));
const least = new Map();
for (let round = 0; round < rounds; round++) {
  for (const kind of ['file', 'asynchronous memory']) {
    for (const packSlots of [false, true]) {
      const isFile = kind === 'file';
      const inner = isFile
        ? new FileBacking(path.join(folder, 'pages'), pages.length)
        : new MemoryBacking(pages.length);
      const now = await measure(pages, inner, !isFile, packSlots);
      inner.destroy();
      const name = `${kind}, ${packSlots ? 'packed' : 'a page a slot'}`;
      const before = least.get(name) ?? now;
      const [writeUs, loadUs] = ['writeUs', 'loadUs'].map((what) => Math.min(before[what], now[what]));
      least.set(name, { ...now, writeUs, loadUs });
    }
  }
}
rmSync(folder, { recursive: true });

const rows = [...least].map(([name, { slots, writes, writeUs, loadUs }]) => [
  name,
  `${slots.size}`,
  `${((writes * PAGE_BYTES) / 2 ** 20).toFixed(1)} MiB`,
  writeUs.toFixed(1),
  loadUs.toFixed(1),
]);
const [{ poolTotalSize }] = least.values();
console.log(`${pages.length} pages, ${poolTotalSize / PAGE_BYTES} in the pool; the least of ${rounds} rounds\n`);
console.log(markdownTable(['backing', 'slots', 'written', 'write back, µs a page', 'load, µs a page'], rows));
