/**
 * Merging against KSM, the kernel's own page merging, over the same pages, a quarter of them duplicates.
 *
 * KSM merges a page only when a later scan finds it unchanged, so it goes over all pages several times. What counts is
 * the CPU time after which every page is done: for KSM until the last duplicate was found, for us one pass. KSM's rate
 * of scanning, whatever comes of it, stands beside that. Each run of KSM is a process of its own, with memory that KSM does
 * not know.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Engine } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { pageViews } from '../support/image.mjs';
import { startOrReason } from '../support/native.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { speedRatio, summary } from '../support/statistics.mjs';
import { count, spread } from '../support/table.mjs';

/** One distinct page in so many is there twice. */
const REPEATED = 3;
const KSM = 'KSM';
const POOL = 'zram-wasm, `ZsPool`: pages as they are';
const DEVICE = 'zram-wasm, `Zram`: compressed pages';
const WARMUPS = 1;

/** One kind of store of ours, filled anew for each round. A round's time is milliseconds of CPU time for each page. */
class Ours {
  #engine = Engine.createSync();
  #store;
  #fill;
  #pages;
  merged = 0;

  constructor(views, fill) {
    this.#pages = views.length;
    this.#fill = () => fill(this.#engine, views);
  }

  task(name) {
    return {
      name,
      before: () => {
        this.#store?.destroy();
        this.#store = this.#fill();
      },
      run: () => {
        const start = process.cpuUsage();
        this.merged = this.#store.merge().objectsMerged;
        const { user, system } = process.cpuUsage(start);
        return { overriddenDuration: (user + system) / 1e3 / this.#pages };
      },
    };
  }

  end() {
    this.#engine.destroy();
  }
}

function fillPool(engine, views) {
  const pool = engine.createPool();
  for (const view of views) pool.store(view);
  return pool;
}

function fillDevice(engine, views) {
  const zram = engine.createZram({ disksize: views.length * PAGE_BYTES });
  views.forEach((view, n) => zram.writePage(n, view));
  return zram;
}

/** Rounds of KSM, in the unit of ours. */
class Kernel {
  #options;
  #pages;
  found = 0;
  /** Of each round: milliseconds for a page scanned. */
  scanning = [];

  constructor(options, pages) {
    this.#options = options;
    this.#pages = pages;
  }

  task() {
    let program;
    return {
      name: KSM,
      isAsync: true,
      before: async () => ({ program } = await startOrReason('ksm', this.#options)),
      run: async () => {
        const [scanned, scanning, found, finding] = await program.ask('run');
        this.found = found;
        this.scanning.push(scanning / 1e6 / scanned);
        return { overriddenDuration: finding / 1e6 / this.#pages };
      },
      after: () => program.end(),
    };
  }
}

/** Millions of pages in a second. */
const rate = (rounds) => spread(summary(rounds.map((milliseconds) => 1e-3 / milliseconds)));

export async function run({ image, settings, directory }) {
  const duplicates = Math.floor(image.distinct.length / PAGE_BYTES / REPEATED);
  const pages = Buffer.concat([image.distinct, image.distinct.subarray(0, duplicates * PAGE_BYTES)]);
  const views = pageViews(pages);
  const file = path.join(directory, 'twice.bin');
  writeFileSync(file, pages);
  const options = { args: [file], directory };
  const { program, reason } = await startOrReason('ksm', options);
  await program?.end();

  const ours = { [POOL]: new Ours(views, fillPool), [DEVICE]: new Ours(views, fillDevice) };
  const kernel = program && new Kernel(options, views.length);
  const tasks = Object.entries(ours).map(([name, each]) => each.task(name));
  if (kernel) tasks.push(kernel.task());
  const times = await alternate(tasks, { rounds: settings.ksmRounds, warmups: WARMUPS });
  for (const each of Object.values(ours)) each.end();

  const ofAll = (found) => `${count(found)} of ${count(duplicates)}`;
  const rows = Object.entries(ours).map(([name, { merged }]) => {
    const ratio = kernel ? spread(speedRatio(times[name], times[KSM])) : '';
    return [name, rate(times[name]), rate(times[name]), ofAll(merged), ratio];
  });
  if (kernel) rows.push([KSM, rate(times[KSM]), rate(kernel.scanning.slice(WARMUPS)), ofAll(kernel.found), '']);
  return {
    tables: [
      {
        title: 'Merging against KSM',
        text: `${count(views.length)} pages, a quarter of them duplicates. Done: each page counted once, by the CPU time until the last duplicate was found. Scanned: every page of every scan, of which KSM needs several. The target is on pages done, not compressed on either side.${kernel ? '' : ` KSM was not measured: ${reason}.`}`,
        head: ['', 'M pages done / CPU s', 'M pages scanned / CPU s', 'duplicates found', 'ours / KSM'],
        rows,
      },
    ],
    measures: { ksm: kernel ? { value: speedRatio(times[POOL], times[KSM]) } : { reason } },
  };
}
