/**
 * The whole path of a page through the public API against the kernel's zram with the same algorithm: same-filled test,
 * LZ4, zsmalloc, table, and on the kernel's side system call and block layer instead of copying to linear memory.
 *
 * Every write round writes to an empty device whose memory the process has already; every read round reads what was
 * written. All calls of a side use the same pages in order, and reads fill one buffer.
 */
import { Engine } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { pageViews } from '../support/image.mjs';
import { startOrReason } from '../support/native.mjs';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';
import { megabytesPerSecond, speedRatio } from '../support/statistics.mjs';
import { spread } from '../support/table.mjs';

const BATCH_PAGES = MIB / PAGE_BYTES;

/** Our side: the four ways, each over all pages. */
class Ours {
  #engine = Engine.createSync();
  #zram;
  #pages;
  #views;
  #batches = [];
  #page = new Uint8Array(PAGE_BYTES);
  #batch = new Uint8Array(MIB);

  constructor(pages) {
    this.#pages = pages;
    this.#views = pageViews(pages);
    for (let at = 0; at < pages.length; at += MIB) this.#batches.push(pages.subarray(at, at + MIB));
    this.empty();
    this.writePages();
    this.#verify();
  }

  /** An empty device in memory that has grown already. */
  empty() {
    this.#zram?.destroy();
    // Kernels are rarely built with CONFIG_ZRAM_TRACK_ENTRY_ACTIME: ours does not look at the clock either.
    this.#zram = this.#engine.createZram({ disksize: this.#pages.length, trackEntryActime: false });
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

export async function run({ image, settings, directory }) {
  const pages = image.distinct;
  const args = [image.file, String(pages.length / PAGE_BYTES)];
  const { program: kernel, reason } = await startOrReason('kzram', { args, directory });
  const ours = new Ours(pages);

  const tasks = WAYS.flatMap(({ call, kernel: command, empties = false }) => {
    const own = { name: call, run: () => ours[call](), before: empties ? () => ours.empty() : undefined };
    if (!kernel) return [own];
    const before = empties ? () => kernel.ask('reset') : undefined;
    return [own, { name: command, run: () => kernel.timed(command), before, isAsync: true }];
  });
  const times = await alternate(tasks, { rounds: settings.rounds, warmups: 2 });
  await kernel?.end();
  ours.end();

  const measures = {};
  const rows = WAYS.map(({ id, call, kernel: command, against }) => {
    const speed = (name) => spread(megabytesPerSecond(times[name], pages.length));
    measures[id] = kernel ? { value: speedRatio(times[call], times[command]) } : { reason };
    const cells = kernel ? [against, speed(command), spread(measures[id].value)] : [against, 'not measured', ''];
    return [`\`${call}\``, speed(call), ...cells];
  });
  return {
    tables: [
      {
        title: 'Whole path: the public API against the kernel’s zram',
        text: kernel
          ? 'All distinct pages, in order, lz4 on both sides. The kernel is called with O_DIRECT, from C. Access times are not tracked, as in most kernels: with them, a call that reads or writes one page takes some 80 ns more.'
          : `All distinct pages, in order. The kernel’s zram was not measured: ${reason}.`,
        head: ['', 'MB/s', 'kernel’s zram', 'its MB/s', 'ours / kernel’s'],
        rows,
      },
    ],
    measures,
  };
}
