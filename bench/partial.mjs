/**
 * What ranges cost that are not whole pages, by processor time: the records of SQLite's journals and write-ahead logs,
 * a piece inside a page, appends, each against whole pages of the same content, written or read in the same round.
 *
 *   node bench/partial.mjs [ROUNDS [BUILD…]]     after `npm run build`; builds are folders such as dist, alternated
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { alternate } from './support/alternate.mjs';
import { realPages } from './support/real-pages.mjs';
import { PAGE_BYTES } from './support/settings.mjs';
import { summary } from './support/statistics.mjs';
import { markdownTable, spread } from './support/table.mjs';

/** Records of a run: more pages than any branch predictor learns. */
const RECORDS = 2000;
const PIECE_BYTES = 100;
const [rounds = '9', ...builds] = process.argv.slice(2);

/** Without pages that are one value, which cost next to nothing. */
const pages = realPages(RECORDS, (page) => page.every((byte) => byte === page[0]));
const count = pages.length;

/** A record: a header of its own, the page, and a checksum. */
function recordsOf(before, after) {
  return pages.map((page, n) => {
    const record = new Uint8Array(before + PAGE_BYTES + after);
    new DataView(record.buffer).setUint32(0, n * 7);
    record.set(page, before);
    for (let at = before + PAGE_BYTES; at < record.length; at++) record[at] = Math.imul(n + at, 0x9e3779b1) >>> 24;
    return record;
  });
}

/** What is written or read, piece by piece, and where. */
const SHAPES = [
  { name: 'writePage, readPage', pieces: pages, isPages: true },
  { name: 'whole pages', pieces: pages, at: (n) => n * PAGE_BYTES },
  { name: 'journal records, 4104 B', pieces: recordsOf(4, 4), at: (n) => 512 + n * 4104 },
  { name: 'WAL frames, 4120 B', pieces: recordsOf(24, 0), at: (n) => 32 + n * 4120 },
  {
    name: `${PIECE_BYTES} B inside a page`,
    // Bytes of the page beside it, so that the page stays what pages are.
    pieces: pages.map((_, n) => pages[(n + 1) % count].subarray(1000, 1000 + PIECE_BYTES)),
    at: (n) => n * PAGE_BYTES + 1000,
    onPages: true,
  },
  {
    name: `appends of ${PIECE_BYTES} B`,
    pieces: pages.map((page) => page.subarray(2000, 2000 + PIECE_BYTES)),
    at: (n) => n * PIECE_BYTES,
  },
];

/** What a task costs in processor time, however often another process came between. */
function timed(task) {
  const start = process.cpuUsage();
  task();
  const { user, system } = process.cpuUsage(start);
  return { overriddenDuration: (user + system) / 1e3 };
}

function tasksOf({ Engine }, build) {
  const engine = Engine.createSync();
  const out = new Uint8Array(2 * PAGE_BYTES);
  let zram;
  const renew = (filled) => () => {
    zram?.destroy();
    zram = engine.createZram({ disksize: (count + 64) * 2 * PAGE_BYTES });
    if (filled) pages.forEach((page, n) => zram.writePage(n, page));
  };
  return SHAPES.flatMap(({ name, pieces, at, isPages = false, onPages = false }) => {
    const write = isPages
      ? () => pieces.forEach((piece, n) => zram.writePage(n, piece))
      : () => pieces.forEach((piece, n) => zram.write(at(n), piece));
    const read = isPages
      ? () => pieces.forEach((_, n) => zram.readPage(n, out))
      : () => pieces.forEach((piece, n) => zram.read(at(n), piece.length, out));
    const ready = () => {
      renew(onPages)();
      write();
    };
    return [
      { name: `${build}: write, ${name}`, before: renew(onPages), run: () => timed(write) },
      { name: `${build}: read, ${name}`, before: ready, run: () => timed(read) },
    ];
  });
}

const folders = builds.length > 0 ? builds : [path.join(import.meta.dirname, '../dist')];
const tasks = [];
for (const folder of folders) {
  tasks.push(...tasksOf(await import(pathToFileURL(path.resolve(folder, 'index.js')).href), folder));
}
const times = await alternate(tasks, { rounds: Number(rounds), warmups: 5 });
const rows = folders.flatMap((folder) =>
  ['write', 'read'].flatMap((verb) =>
    SHAPES.map(({ name }) => {
      const whole = times[`${folder}: ${verb}, ${SHAPES[0].name}`];
      const own = times[`${folder}: ${verb}, ${name}`];
      const ratio = summary(own.map((time, round) => time / whole[round]));
      return [folder, verb, name, spread(summary(own.map((time) => (1e3 * time) / count))), spread(ratio)];
    }),
  ),
);
console.log(`${count} pieces each, ${rounds} rounds`);
console.log(markdownTable(['build', 'call', 'pieces', 'µs a call (processor time)', 'to whole pages'], rows));
