/**
 * Successive images of the memory of a process that works between them, held in one pool: what a snapshot costs, and whether the
 * hundredth costs more than the second.
 */
import { Engine } from '../../dist/index.js';
import { changingImages } from '../support/process-pages.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { summary } from '../support/statistics.mjs';
import { count, figure, mebibytes, percent, spread } from '../support/table.mjs';

/** Slots that stand together: images are cut to whole chunks of them. */
const CHUNK_PAGES = 512;
const NANOSECONDS = 1e6;
/** States at the beginning and at the end whose median costs are compared. */
const PART = 10;

function timed(run) {
  const start = performance.now();
  const value = run();
  return { value, milliseconds: performance.now() - start };
}

export async function run({ settings }) {
  const { snapshotStates: states, snapshotPages: pagesMax } = settings;
  const engine = Engine.createSync();
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
      bytes,
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
  const own = snapshots.map((snapshot) => snapshot.memoryUse().tablePrivate - table);
  const ownTable = own.reduce((sum, bytes) => sum + bytes, 0) / own.length;
  return {
    tables: [
      {
        title: 'Snapshots: successive images of a process',
        text: [
          `${costs.length} images of the memory of a process that indexes text, up to ${count(Math.max(...costs.map(({ pages }) => pages)))} pages each, ${mebibytes(raw)} together.`,
          `As snapshots of one device with \`dedup\` they take ${mebibytes(held)} (${percent(held / raw)}), as states of a StateHistory ${mebibytes(stats.heldBytes)} (${percent(stats.heldBytes / raw)}), all metadata included.`,
          `A snapshot takes ${count(table)} bytes, and until the last one ${count(Math.round(ownTable))} more of the table, as an average, for what is written afterwards.`,
          `Nanoseconds a page; the last columns are states 2 to ${part + 1} and the last ${part} of ${snapshots.length}.`,
        ].join(' '),
        head: ['ns a page', 'all', 'first', 'last', 'last / first'],
        rows,
      },
    ],
  };
}
