/**
 * The whole path of a page through the public API against the kernel's zram with the same algorithm: same-filled test,
 * LZ4, zsmalloc, table, and on the kernel's side system call and block layer instead of copying to linear memory.
 *
 * Every write round writes to an empty device whose memory the process has already; every read round reads what was
 * written. All calls of a side use the same pages in order, and reads fill one buffer.
 */
import { Engine } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { buildBefore } from '../support/before.mjs';
import { inBothStates, STATE_NAMES } from '../support/busy.mjs';
import { pageViews } from '../support/image.mjs';
import { startOrReason } from '../support/native.mjs';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';
import { exactly, megabytesPerSecond, speedRatio } from '../support/statistics.mjs';
import { count, mebibytes, percent, spread } from '../support/table.mjs';

const BATCH_PAGES = MIB / PAGE_BYTES;

/** Our side: the four ways, each over all pages. */
class Ours {
  #engine;
  #zram;
  #pages;
  #views;
  #recompAlgorithms;
  #batches = [];
  #page = new Uint8Array(PAGE_BYTES);
  #batch = new Uint8Array(MIB);

  /**
   * @param recompress the compressor by which all pages, as idle ones, are compressed again; then they are compacted
   * @param compact options of that
   * @param Build the class `Engine` of the build that is measured
   */
  constructor(pages, { recompress, compact, Build = Engine } = {}) {
    this.#recompAlgorithms = recompress ? [recompress] : [];
    this.#engine = Build.createSync();
    this.#pages = pages;
    this.#views = pageViews(pages);
    for (let at = 0; at < pages.length; at += MIB) this.#batches.push(pages.subarray(at, at + MIB));
    this.empty();
    this.writePages();
    if (recompress) {
      this.#zram.idle();
      this.#zram.recompress({ type: 'idle' });
      this.#zram.compact(compact);
    }
    this.#verify();
  }

  get memory() {
    return this.#zram.mmStat;
  }

  /** An empty device in memory that has grown already. */
  empty() {
    this.#zram?.destroy();
    // Kernels are rarely built with CONFIG_ZRAM_TRACK_ENTRY_ACTIME: ours does not look at the clock either.
    this.#zram = this.#engine.createZram({
      disksize: this.#pages.length,
      recompAlgorithms: this.#recompAlgorithms,
      trackEntryActime: false,
    });
  }

  writePages() {
    const zram = this.#zram;
    this.#batches.forEach((batch, n) => zram.writePages(n * BATCH_PAGES, batch));
  }

  writePage() {
    const zram = this.#zram;
    const views = this.#views;
    for (let n = 0; n < views.length; n++) zram.writePage(n, views[n]);
  }

  readPages() {
    const zram = this.#zram;
    this.#batches.forEach((batch, n) => zram.readPages(n * BATCH_PAGES, batch.length / PAGE_BYTES, this.#batch));
  }

  readPage() {
    const zram = this.#zram;
    for (let n = 0; n < this.#views.length; n++) zram.readPage(n, this.#page);
  }

  #verify() {
    this.#views.forEach((view, n) => {
      if (Buffer.compare(this.#zram.readPage(n, this.#page), view) !== 0)
        throw new Error(`page ${n} reads back different`);
    });
  }

  end() {
    this.#engine.destroy();
  }
}

const WAYS = [
  { id: 'write-pages', call: 'writePages', kernel: `write ${MIB}`, against: '1 MiB writes', empties: true },
  { id: 'read-pages', call: 'readPages', kernel: `read ${MIB}`, against: '1 MiB reads' },
  { id: 'write-page', call: 'writePage', kernel: `write ${PAGE_BYTES}`, against: '4 KiB writes', empties: true },
  { id: 'read-page', call: 'readPage', kernel: `read ${PAGE_BYTES}`, against: '4 KiB reads' },
];

/** Blocks of lz4hc as the kernel has them; and those that are made for reading, in the order in which they are read. */
const IDLE_WAYS = [
  { name: 'lz4', what: 'as written, lz4' },
  { name: 'lz4hc', what: 'lz4hc', recompress: 'lz4hc' },
  {
    name: 'favored',
    what: '`favorDecSpeed: 6`, `inPageOrder`',
    recompress: { algo: 'lz4hc', favorDecSpeed: 6 },
    compact: { inPageOrder: true },
  },
];

/**
 * Pages that nobody has used for long, of which another search for matches has made less: they are read by the same
 * decoder. The kernel's are as they were written.
 */
async function idlePages({ image, settings, directory }) {
  const kind = image.kinds[0];
  const pages = image.distinct.subarray(0, kind.count * PAGE_BYTES);
  const args = [image.file, String(kind.count), 'lz4'];
  const { program: kernel, reason } = await startOrReason('kzram', { args, directory });
  const devices = IDLE_WAYS.map(({ recompress, compact }) => new Ours(pages, { recompress, compact }));
  const tasks = IDLE_WAYS.map(({ name }, n) => ({ name, run: () => devices[n].readPages() }));
  const command = `read ${MIB}`;
  if (kernel) tasks.push({ name: 'kernel', run: () => kernel.timed(command), isAsync: true });
  const states = await inBothStates(() => alternate(tasks, { rounds: settings.rounds, warmups: 2 }));
  await kernel?.end();
  const used = devices.map(({ memory }) => memory.memUsedTotal);
  for (const device of devices) device.end();

  const saved = used.map((bytes) => 1 - bytes / used[0]);
  const measures = { 'idle-bytes': { value: exactly(saved.at(-1)) } };
  const rows = Object.entries(states).flatMap(([state, times]) => {
    const speed = (name) => (times[name] ? spread(megabytesPerSecond(times[name], pages.length)) : 'not measured');
    const ratio = (name) => kernel && speedRatio(times[name], times.kernel);
    measures[state === 'busy' ? 'idle-read-busy' : 'idle-read'] = kernel ? { value: ratio('favored') } : { reason };
    return IDLE_WAYS.map(({ name, what }, n) => {
      const memory = n === 0 ? '' : `${percent(saved[n])} less`;
      const rival = kernel ? [spread(ratio(name))] : [''];
      return [STATE_NAMES[state], what, memory, speed(name), speed('kernel'), ...rival];
    });
  });
  return {
    table: {
      title: 'Idle pages recompressed with lz4hc',
      text: `Reads of ${count(kind.count)} distinct pages of ${kind.name}, 1 MiB in a call. As lz4, as the kernel’s zram has them, they take ${mebibytes(used[0])} (\`mem_used_total\`); recompressed they are compacted, too.`,
      head: ['', 'blocks', 'memory', '`readPages`, MB/s', 'kernel’s zram, lz4, MB/s', 'ours / kernel’s lz4'],
      rows,
    },
    measures,
  };
}

export async function run({ image, settings, directory }) {
  const pages = image.distinct;
  const args = [image.file, String(pages.length / PAGE_BYTES), 'lz4'];
  const { program: kernel, reason } = await startOrReason('kzram', { args, directory });
  const ours = new Ours(pages);

  const build = await buildBefore(settings);
  const before = build && new Ours(pages, { Build: build.Engine });
  const tasks = WAYS.flatMap(({ call, kernel: command, empties = false }) => {
    const own = (name, device) => ({
      name,
      run: () => device[call](),
      before: empties ? () => device.empty() : undefined,
    });
    const reset = empties ? () => kernel.ask('reset') : undefined;
    return [
      own(call, ours),
      ...(kernel ? [{ name: command, run: () => kernel.timed(command), before: reset, isAsync: true }] : []),
      ...(before ? [own(`before ${call}`, before)] : []),
    ];
  });
  const states = await inBothStates(() => alternate(tasks, { rounds: settings.rounds, warmups: 2 }));
  await kernel?.end();
  ours.end();
  before?.end();

  const idle = await idlePages({ image, settings, directory });
  const measures = { ...idle.measures };
  const rows = WAYS.flatMap(({ id, call, kernel: command, against }) =>
    Object.entries(states).map(([state, times]) => {
      const speed = (name) => spread(megabytesPerSecond(times[name], pages.length));
      const key = state === 'busy' ? `${id}-busy` : id;
      measures[key] = kernel ? { value: speedRatio(times[call], times[command]) } : { reason };
      const cells = kernel ? [speed(command), spread(measures[key].value)] : ['not measured', ''];
      const toBefore = before ? [spread(speedRatio(times[call], times[`before ${call}`]))] : [];
      return [`\`${call}\``, STATE_NAMES[state], speed(call), against, ...cells, ...toBefore];
    }),
  );
  const text = [
    kernel
      ? 'All distinct pages, in order, lz4 on both sides. The kernel is called with O_DIRECT, from C. Access times are not tracked, as in most kernels: with them, a call that reads or writes one page takes some 80 ns more.'
      : `All distinct pages, in order. The kernel’s zram was not measured: ${reason}.`,
    ...(before ? ['The last column is to the build before.'] : []),
  ].join(' ');
  return {
    tables: [
      {
        title: 'Whole path: the public API against the kernel’s zram',
        text,
        head: [
          ...['', '', 'MB/s', 'kernel’s zram', 'its MB/s', 'ours / kernel’s'],
          ...(before ? ['ours / before'] : []),
        ],
        rows,
      },
      idle.table,
    ],
    measures,
  };
}
