/**
 * Successive images of the memory of a process that works between them, held in one pool: what a snapshot costs, and whether the
 * hundredth costs more than the second.
 */
import { Engine } from '../../dist/index.js';
import { changingImages } from '../support/process-pages.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { exactly, summary } from '../support/statistics.mjs';
import { count, figure, mebibytes, percent, spread } from '../support/table.mjs';

/** Slots that stand together: images are cut to whole chunks, so that bytes a page are exact. */
const CHUNK_PAGES = 512;
const CHUNK_BYTES = 4096;
const NANOSECONDS = 1e6;
/** States at the beginning and at the end whose median costs are compared. */
const PART = 10;

function timed(run) {
  const start = performance.now();
  const value = run();
  return { value, milliseconds: performance.now() - start };
}

/** What a snapshot takes however little it holds: that of one page, less its chunk of slots. */
function fixedBytes(engine) {
  const zram = engine.createZram({ disksize: '1M' });
  zram.writePage(0, new Uint8Array(PAGE_BYTES));
  const before = engine.memory.used;
  zram.snapshot();
  const bytes = engine.memory.used - before - CHUNK_BYTES;
  zram.destroy();
  return bytes;
}

export async function run({ settings }) {
  const { snapshotStates: states, snapshotPages: pagesMax } = settings;
  const engine = Engine.createSync();
  const fixed = fixedBytes(Engine.createSync());
  const used = engine.memory.used;
  const zram = engine.createZram({ disksize: pagesMax * PAGE_BYTES, dedup: true, trackEntryActime: false });
  const history = Engine.createSync().createStateHistory();
  const out = Buffer.alloc(pagesMax * PAGE_BYTES);
  const snapshots = [];
  const costs = [];
  let raw = 0;
  for await (const whole of changingImages(states, pagesMax)) {
    const pages = Math.floor(whole.length / PAGE_BYTES / CHUNK_PAGES) * CHUNK_PAGES;
    const image = whole.subarray(0, pages * PAGE_BYTES);
    raw += image.length;
    const write = timed(() => zram.writePages(0, image)).milliseconds;
    zram.discard(image.length, (pagesMax - pages) * PAGE_BYTES);
    const before = engine.memory.used;
    const { value: snapshot, milliseconds } = timed(() => zram.snapshot());
    const bytes = engine.memory.used - before;
    snapshots.push(snapshot);
    const read = timed(() => snapshot.readPages(0, pages, out)).milliseconds;
    if (Buffer.compare(out.subarray(0, image.length), image) !== 0) throw new Error('a snapshot reads back different');
    const push = timed(() => history.push(image));
    const get = timed(() => history.get(push.value, out)).milliseconds;
    if (Buffer.compare(out.subarray(0, image.length), image) !== 0) throw new Error('a state reads back different');
    const page = (time) => (time * NANOSECONDS) / pages;
    costs.push({
      pages,
      bytes: (bytes - fixed) / pages,
      write: page(write),
      snapshot: page(milliseconds),
      read: page(read),
      push: page(push.milliseconds),
      get: page(get),
    });
  }

  const part = Math.min(PART, Math.floor(costs.length / 2));
  // Of the first state everything is new; it is not like the others.
  const [first, last] = [costs.slice(1, 1 + part), costs.slice(-part)];
  const of = (some, name) => summary(some.map((cost) => cost[name]));
  const names = {
    write: '`writePages`',
    snapshot: '`snapshot`',
    read: '`readPages` of it',
    push: '`push`',
    get: '`get`',
  };
  const rows = Object.entries(names).map(([name, label]) => {
    const [early, late] = [of(first, name), of(last, name)];
    return [label, spread(of(costs.slice(1), name)), spread(early), spread(late), figure(late.median / early.median)];
  });
  const held = engine.memory.used - used;
  const stats = history.stats();
  const table = Math.max(...costs.map(({ bytes }) => bytes));
  return {
    tables: [
      {
        title: 'Snapshots: successive images of a process',
        text: [
          `${costs.length} images of the memory of a process that indexes text, up to ${count(Math.max(...costs.map(({ pages }) => pages)))} pages each, ${mebibytes(raw)} together.`,
          `As snapshots of one device with \`dedup\` they take ${mebibytes(held)} (${percent(held / raw)}), as states of a StateHistory ${mebibytes(stats.heldBytes)} (${percent(stats.heldBytes / raw)}), all metadata included.`,
          `A snapshot takes ${figure(table)} bytes a page and ${fixed} more.`,
          `Nanoseconds a page; the last columns are states 2 to ${part + 1} and the last ${part} of ${snapshots.length}.`,
        ].join(' '),
        head: ['ns a page', 'all', 'first', 'last', 'last / first'],
        rows,
      },
    ],
    measures: {
      'snapshot-time': { value: of(costs, 'snapshot') },
      'snapshot-bytes': { value: exactly(table) },
    },
  };
}
