/**
 * One content in very many slots: merged, parted again by overwriting in random order, and freed. What a slot costs may
 * depend on caches, and on nothing else: no step may grow with the group.
 */
import { Engine } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { Random } from '../support/random.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { scaled, summary } from '../support/statistics.mjs';
import { count, spread } from '../support/table.mjs';

/** Sizes of the groups: the largest, and what is left of it after so many halvings. */
const HALVINGS = [6, 4, 2, 1, 0];
const NANOSECONDS = 1e6;
/** Bytes that are not zero: LZ4 is to be the least of it. */
const CONTENT_BYTES = 64;

/** The places of a device in random order. */
function shuffled(length) {
  const random = new Random(3);
  const places = Uint32Array.from({ length }, (_, place) => place);
  for (let n = length - 1; n > 0; n--) {
    const other = random.below(n + 1);
    [places[n], places[other]] = [places[other], places[n]];
  }
  return places;
}

function contentOf(words, number) {
  words[0] = number + 1;
  return words;
}

export async function run({ settings }) {
  const engine = Engine.createSync();
  const words = new Uint32Array(PAGE_BYTES / 4);
  words.fill(0x01020304, 0, CONTENT_BYTES / 4);
  const page = new Uint8Array(words.buffer);
  let zram;
  let slots;
  let order;
  const fill = () => {
    contentOf(words, 0);
    for (let index = 0; index < slots; index++) zram.writePage(index, page);
  };
  const expectMerged = (merged) => {
    if (zram.mmStat.pagesMerged !== merged) throw new Error(`${zram.mmStat.pagesMerged} merged, and not ${merged}`);
  };
  const tasks = [
    { name: 'fill', run: fill, before: () => (zram = engine.createZram({ disksize: '16G' })) },
    { name: 'merge', run: () => zram.merge(), after: () => expectMerged(slots - 1) },
    {
      name: 'overwrite, in random order',
      run() {
        for (let n = 0; n < slots; n++) {
          contentOf(words, n + 1);
          zram.writePage(order[n], page);
        }
      },
      after: () => expectMerged(0),
    },
    {
      name: 'discard shared slots, in random order',
      before() {
        fill();
        zram.merge();
        expectMerged(slots - 1);
      },
      run() {
        for (let n = 0; n < slots; n++) zram.discard(order[n] * PAGE_BYTES, PAGE_BYTES);
      },
      after() {
        if (zram.mmStat.memUsedTotal !== 0) throw new Error('memory is held when all is discarded');
        zram.destroy();
      },
    },
  ];

  const columns = [];
  for (const halvings of [0, ...HALVINGS]) {
    slots = settings.groupSlots >> halvings;
    order = shuffled(slots);
    // The first column is for memory to grow in.
    const rounds = columns.length === 0 ? 1 : settings.groupRounds;
    const times = await alternate(tasks, { rounds, warmups: 0, inOrder: true });
    columns.push({ slots, times });
  }
  columns.shift();
  engine.destroy();

  const rows = tasks.map(({ name }) => [
    name,
    ...columns.map((column) => spread(scaled(summary(column.times[name]), NANOSECONDS / column.slots))),
  ]);
  return {
    tables: [
      {
        title: 'One content in very many slots',
        text: 'Nanoseconds a slot, by the number of slots that hold the one content. Where the time is linear, a row stays level. A rise is the cost of cache misses, as slots, cells and objects are visited in random order.',
        head: ['', ...columns.map((column) => `${count(column.slots)} slots`)],
        rows,
      },
    ],
    measures: {},
  };
}
