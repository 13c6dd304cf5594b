/**
 * More raw pages than a wasm memory could hold: 8 GiB on one device. Half of the pages are synthetic (LZ4 makes 1000 to 1400
 * bytes of each), half are real ones, each repeat of them made different by a stamp, so that no page equals another.
 */
import { Engine } from '../../dist/index.js';
import { MIB, PAGE_BYTES, largeMissing } from '../support/settings.mjs';
import { exactly, summary } from '../support/statistics.mjs';
import { PageNames, fillBatch } from '../support/synthetic-pages.mjs';
import { count, figure, spread } from '../support/table.mjs';

const GIB = 1 << 30;
const BATCH_PAGES = MIB / PAGE_BYTES;
/** Parts of the run whose cost is taken. */
const PART_BYTES = 64 * MIB;
/** Early enough to be in a page's text, late enough for no header; one word is changed. */
const STAMP_WORD = 256;
const NANOSECONDS = 1e6;
const TITLE = 'More raw data than a wasm memory holds';

/** Fills `bytes` with the n-th batch: real pages in even ones, synthetic pages in odd ones. */
function batchMaker(image, bytes) {
  const words = new Uint32Array(bytes.buffer);
  const realBatches = Math.floor(image.distinct.length / MIB);
  const { names } = new PageNames(BATCH_PAGES, 0);
  return (n) => {
    if (n % 2 === 1) {
      fillBatch(
        bytes,
        names.map((name) => n * BATCH_PAGES + name),
      );
      return;
    }
    const half = n / 2;
    const from = (half % realBatches) * MIB;
    bytes.set(image.distinct.subarray(from, from + MIB));
    const repeat = Math.floor(half / realBatches);
    for (let page = 0; page < BATCH_PAGES && repeat > 0; page++) {
      words[(page * PAGE_BYTES) / 4 + STAMP_WORD] ^= repeat;
    }
  };
}

export async function run({ image, settings }) {
  const reason = largeMissing(settings);
  if (reason) return { tables: [{ title: TITLE, text: `Not measured: ${reason}.` }], measures: {} };
  const batch = new Uint8Array(MIB);
  const make = batchMaker(image, batch);
  const out = new Uint8Array(MIB);
  const engine = Engine.createSync();
  const zram = engine.createZram({ disksize: settings.largeBytes });
  const parts = [];
  const batchesOfPart = PART_BYTES / MIB;
  for (let part = 0; part < settings.largeBytes / PART_BYTES; part++) {
    let [write, read] = [0, 0];
    for (let n = part * batchesOfPart; n < (part + 1) * batchesOfPart; n++) {
      make(n);
      let start = performance.now();
      zram.writePages(n * BATCH_PAGES, batch);
      write += performance.now() - start;
      start = performance.now();
      zram.readPages(n * BATCH_PAGES, BATCH_PAGES, out);
      read += performance.now() - start;
      if (Buffer.compare(out, batch) !== 0) throw new Error('a page reads back wrong');
    }
    const { used, reserved } = engine.memory;
    const pages = PART_BYTES / PAGE_BYTES;
    const raw = (part + 1) * PART_BYTES;
    parts.push({ raw, write: (write * NANOSECONDS) / pages, read: (read * NANOSECONDS) / pages, used, reserved });
  }
  const { memUsedTotal } = zram.mmStat;
  engine.destroy();
  return report(parts, memUsedTotal);
}

function report(parts, memUsedTotal) {
  const marks = [1, 2, 4, 8].map((share) => parts[Math.ceil((parts.length * share) / 8) - 1]);
  const gib = (bytes) => figure(bytes / GIB);
  /** The part and its three neighbours before it: one part is short. */
  const near = (mark, verb) => {
    const end = parts.indexOf(mark) + 1;
    return summary(parts.slice(Math.max(0, end - 4), end).map((part) => part[verb]));
  };
  const speed = (mark, verb) => {
    const { median } = near(mark, verb);
    return exactly((PAGE_BYTES * 1e3) / median);
  };
  const rows = marks.map((mark) => [
    `${gib(mark.raw)} GiB`,
    spread(near(mark, 'write')),
    spread(speed(mark, 'write')),
    spread(near(mark, 'read')),
    spread(speed(mark, 'read')),
    `${gib(mark.reserved)} GiB`,
    `${figure(mark.reserved / (mark.raw / PAGE_BYTES))} bytes`,
  ]);
  const line = (name, value) => ({ name, points: parts.map((part) => [part.raw / GIB, value(part)]) });
  return {
    tables: [
      {
        title: TITLE,
        text: `${count(parts.at(-1).raw / PAGE_BYTES)} pages on one device in one engine, each read back and compared: half synthetic, half real, with each repeat of a real page made different. \`mem_used_total\` at the end: ${gib(memUsedTotal)} GiB. Nanoseconds a page over the 256 MiB before the mark.`,
        head: ['raw', 'write ns', 'write MB/s', 'read ns', 'read MB/s', 'linear memory', 'a page'],
        rows,
      },
    ],
    plots: [
      {
        name: 'large-cost',
        title: 'Cost of a page as the store grows',
        x: 'GiB of raw pages stored',
        y: 'nanoseconds a page',
        lines: [line('writePages', ({ write }) => write), line('readPages', ({ read }) => read)],
      },
      {
        name: 'large-memory',
        title: 'Memory held',
        x: 'GiB of raw pages stored',
        y: 'GiB',
        lines: [
          line('raw pages', ({ raw }) => raw / GIB),
          line('linear memory', ({ reserved }) => reserved / GIB),
          line('of it in use', ({ used }) => used / GIB),
        ],
      },
    ],
    measures: {},
  };
}
