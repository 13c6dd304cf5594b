/**
 * The cost of a page as the store grows from ten thousand pages to a million: nothing may get slower with what is
 * there. Memory has grown to its size in a round before, as growing is the host's doing; every part of the run writes
 * the same pages, so that only the store differs.
 */
import { Engine } from '../../dist/index.js';
import { Bench } from 'tinybench';
import { PAGE_BYTES, MIB, scaleMissing } from '../support/settings.mjs';
import { scaled, summary } from '../support/statistics.mjs';
import { count, spread } from '../support/table.mjs';

/** Parts at the start and at the end whose median cost is compared. */
const PARTS = 5;
const NANOSECONDS = 1e6;

/** Reads or writes the whole disk part by part. @returns milliseconds of each part */
async function partTimes(name, parts, runPart) {
  let part = 0;
  const bench = new Bench({ iterations: parts, time: 0, warmup: false, throws: true });
  const times = [];
  // Parts must stay in order, and tinybench sorts its samples.
  const timePart = () => {
    const start = bench.now();
    runPart(part);
    times[part++] = bench.now() - start;
  };
  bench.add(name, timePart, { async: false });
  await bench.run();
  return times;
}

export async function run({ image, settings }) {
  const reason = scaleMissing(settings);
  if (reason) return { tables: [{ title: TITLE, text: `Not measured: ${reason}.` }], measures: { scale: { reason } } };
  const pages = image.distinct.subarray(0, settings.scalePart * PAGE_BYTES);
  const partPages = pages.length / PAGE_BYTES;
  const parts = Math.floor(settings.scalePages / partPages);
  const batches = [];
  for (let at = 0; at < pages.length; at += MIB) batches.push(pages.subarray(at, at + MIB));
  const buffer = new Uint8Array(MIB);

  const engine = Engine.createSync();
  let zram;
  const each = (part, call) => batches.forEach((batch, n) => call(part * partPages + (n * MIB) / PAGE_BYTES, batch));
  const write = (part) => each(part, (index, batch) => zram.writePages(index, batch));
  const read = (part) => each(part, (index, batch) => zram.readPages(index, batch.length / PAGE_BYTES, buffer));
  const rounds = { write: [], read: [] };
  // The first round is for memory to grow in.
  for (let round = -1; round < settings.scaleRounds; round++) {
    zram?.destroy();
    zram = engine.createZram({ disksize: parts * pages.length });
    const written = await partTimes('write', parts, write);
    if (round < 0) continue;
    rounds.write.push(written);
    rounds.read.push(await partTimes('read', parts, read));
  }
  const held = zram.mmStat.memUsedTotal;
  engine.destroy();

  const ratios = Object.fromEntries(Object.entries(rounds).map(([verb, all]) => [verb, summary(all.map(lastToFirst))]));
  const marks = [0, 0.1, 0.25, 0.5, 1].map((share) => Math.round(share * (parts - 1)));
  const rows = Object.entries(rounds).map(([verb, all]) => {
    const cells = marks.map((part) =>
      spread(scaled(summary(all.map((times) => times[part])), NANOSECONDS / partPages)),
    );
    return [verb, ...cells, spread(ratios[verb])];
  });
  const worst = ratios.write.median >= ratios.read.median ? ratios.write : ratios.read;
  return {
    tables: [
      {
        title: TITLE,
        text: `${count(parts * partPages)} pages in order with \`writePages\` and \`readPages\`, ${count(held / MIB)} MiB of zspages at the end; nanoseconds a page over ${count(partPages)} pages, up to the page number in the head. The last column compares the medians of the last and the first ${PARTS} such parts.`,
        head: ['', ...marks.map((part) => count((part + 1) * partPages)), 'last / first'],
        rows,
      },
    ],
    measures: { scale: { value: worst } },
  };
}

const TITLE = 'Cost of a page as the store grows';

function lastToFirst(times) {
  return summary(times.slice(-PARTS)).median / summary(times.slice(0, PARTS)).median;
}
