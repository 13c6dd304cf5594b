/**
 * A thousand snapshots of a large device that is written to between them, as of a database under load: each is to cost
 * what changed, and not what there is. Processor time, since the calls are short.
 */
import { Engine } from '../../dist/index.js';
import { Random } from '../support/random.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { exactly, summary } from '../support/statistics.mjs';
import { count, figure, mebibytes, spread } from '../support/table.mjs';

/** Bytes of a page that are not zero: the table is what is measured, not LZ4. */
const CONTENT_BYTES = 64;
/** Pages that are written between two snapshots, at random places. */
const CHANGES = [0, 1, 16, 128];

function timed(run) {
  const start = process.cpuUsage();
  const value = run();
  const { user, system } = process.cpuUsage(start);
  return { value, microseconds: user + system };
}

function contentOf(words, number) {
  words.fill(number + 1, 0, CONTENT_BYTES / 4);
}

export async function run({ settings }) {
  const { forkPages: pages, forkSnapshots } = settings;
  const words = new Uint32Array(PAGE_BYTES / 4);
  const page = new Uint8Array(words.buffer);
  const random = new Random(11);
  const engine = Engine.createSync();
  const zram = engine.createZram({ disksize: pages * PAGE_BYTES });
  let written = 0;
  const write = (index) => {
    contentOf(words, written++);
    zram.writePage(index, page);
  };
  for (let index = 0; index < pages; index++) write(index);
  const rows = CHANGES.map((changes) => {
    const used = engine.memory.used;
    const snapshots = [];
    const times = { write: [], snapshot: [], end: [] };
    for (let n = 0; n < forkSnapshots; n++) {
      const places = Array.from({ length: changes }, () => random.below(pages));
      times.write.push(timed(() => places.forEach(write)).microseconds / Math.max(changes, 1));
      const { value, microseconds } = timed(() => zram.snapshot());
      times.snapshot.push(microseconds);
      snapshots.push(value);
    }
    const bytes = (engine.memory.used - used) / forkSnapshots;
    const mean = (some) => some.reduce((sum, one) => sum + one, 0) / some.length;
    while (snapshots.length > 0) {
      const [snapshot] = snapshots.splice(random.below(snapshots.length), 1);
      times.end.push(timed(() => snapshot.destroy()).microseconds);
    }
    return { changes, bytes, snapshot: times.snapshot, write: mean(times.write), end: mean(times.end) };
  });
  return {
    tables: [
      {
        title: 'Snapshots of a large device under load',
        text: `${count(forkSnapshots)} snapshots of a device of ${mebibytes(pages * PAGE_BYTES)}, with so many pages written at random places before each; they end in random order. Bytes of a snapshot with what its writes took, and microseconds of processor time.`,
        head: ['pages written', 'bytes each', '`snapshot`', '`writePage`', '`destroy`'],
        rows: rows.map(({ changes, bytes, snapshot, write, end }) => [
          count(changes),
          count(Math.round(bytes)),
          spread(summary(snapshot)),
          changes === 0 ? '' : figure(write),
          figure(end),
        ]),
      },
    ],
    measures: {
      'fork-time': { value: summary(rows[0].snapshot) },
      'fork-bytes': { value: exactly(rows[0].bytes) },
    },
  };
}
