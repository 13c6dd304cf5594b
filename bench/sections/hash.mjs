/**
 * The content hash against xxhash-wasm (XXH64), and the compares beside `memory.copy`.
 *
 * xxhash-wasm copies every input to a memory of its own, which is part of its price; our hash runs where the page
 * stands already. The row in which we copy the page in as well is there to compare the two hashes alone. Both go over all
 * distinct pages, which come from main memory, and over few pages that stay in the cache.
 */
import { alternate } from '../support/alternate.mjs';
import { BenchCore } from '../support/core.mjs';
import { pageViews } from '../support/image.mjs';
import { library } from '../support/libraries.mjs';
import { Missing } from '../support/native.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { megabytesPerSecond, scaled, speedRatio } from '../support/statistics.mjs';
import { figure, spread } from '../support/table.mjs';

/** 512 KiB, gone over again and again. */
const CACHED_PAGES = 128;
const GIGABYTES = 1e-3;
const COPY = '`memory.copy`';

/** Hash functions of the rivals, by name; `reason` where one is not installed. */
async function rivalHashes() {
  const rivals = {};
  let reason;
  const add = async (name, make) => {
    try {
      rivals[name] = await make(await library(name));
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      reason = error.message;
    }
  };
  await add('xxhash-wasm', async (xxhash) => (await (xxhash.default ?? xxhash)()).h64Raw);
  await add('hash-wasm', async ({ createXXHash3 }) => {
    const hasher = await createXXHash3();
    return (view) => hasher.init().update(view).digest('binary');
  });
  return { rivals, reason };
}

function hashTasks(core, at, views, repeats, rivals) {
  const { raw } = core;
  const staging = raw.stagingAddress();
  const stagingPage = core.bytes(staging, PAGE_BYTES);
  const tasks = [
    {
      name: 'core, in place',
      run() {
        for (let n = 0; n < repeats; n++) raw.benchHash(at, views.length);
      },
    },
    {
      name: 'core, copied in',
      run() {
        for (let n = 0; n < repeats; n++) {
          for (const view of views) {
            stagingPage.set(view);
            raw.contentHash(staging, PAGE_BYTES, 0);
          }
        }
      },
    },
  ];
  for (const [name, hash] of Object.entries(rivals)) {
    tasks.push({
      name,
      run() {
        for (let n = 0; n < repeats; n++) for (const view of views) hash(view);
      },
    });
  }
  return tasks;
}

export async function run({ image, settings }) {
  const core = new BenchCore();
  const views = pageViews(image.distinct);
  const at = core.place(image.distinct);
  const copy = core.place(image.distinct);
  const { rivals, reason } = await rivalHashes();

  const rows = [];
  let coldRatio;
  const few = views.slice(0, CACHED_PAGES);
  for (const [where, some] of [
    ['from memory', views],
    ['in the cache', few],
  ]) {
    const repeats = Math.ceil(views.length / some.length);
    const bytes = some.length * repeats * PAGE_BYTES;
    const times = await alternate(hashTasks(core, at, some, repeats, rivals), { rounds: settings.rounds });
    for (const [name, rounds] of Object.entries(times)) {
      const ratio = name.startsWith('core') && rivals['xxhash-wasm'] && speedRatio(rounds, times['xxhash-wasm']);
      if (where === 'from memory' && name === 'core, in place') coldRatio = ratio;
      const speed = scaled(megabytesPerSecond(rounds, bytes), GIGABYTES);
      rows.push([where, name, spread(speed), ratio ? spread(ratio) : name.startsWith('core') ? (reason ?? '') : '']);
    }
  }
  return {
    tables: [
      {
        title: 'Hash of a page',
        text: 'Pages from memory: all distinct ones. In the cache: the same 512 KiB. The core’s hash is keyed and has 32 bits; xxhash-wasm is asked for XXH64 with `h64Raw`, hash-wasm for XXH3.',
        head: ['pages', '', 'GB/s', 'core / xxhash-wasm'],
        rows,
      },
      await compares(core, at, copy, image.distinct.length, settings),
    ],
    measures: { hash: coldRatio ? { value: coldRatio } : { reason } },
  };
}

/** The byte compare that verifies every merge, and the same-filled test. */
async function compares(core, at, copy, bytes, settings) {
  const { raw } = core;
  const count = bytes / PAGE_BYTES;
  const target = core.room(bytes);
  const filled = core.room(bytes); // zeros
  const tasks = [
    { name: COPY, run: () => raw.benchCopy(at, target, count) },
    { name: 'byte compare of equal pages', run: () => mustBe(count, raw.benchEqual(at, copy, count)) },
    { name: 'same-filled test, pages of zeros', run: () => mustBe(count, raw.benchSameFilled(filled, count)) },
    { name: 'same-filled test, distinct pages', run: () => mustBe(0, raw.benchSameFilled(at, count)) },
  ];
  const times = await alternate(tasks, { rounds: settings.rounds });
  return {
    title: 'Compares beside a copy',
    text: 'Over all distinct pages, from memory: a copy moves two bytes for each byte that a compare of one page reads. For distinct pages the test ends at the first words.',
    head: ['', 'GB/s of pages', 'ns a page', 'speed / `memory.copy`'],
    rows: Object.entries(times).map(([name, rounds]) => {
      const speed = scaled(megabytesPerSecond(rounds, bytes), GIGABYTES);
      return [name, spread(speed), figure(PAGE_BYTES / speed.median), spread(speedRatio(rounds, times[COPY]))];
    }),
  };
}

function mustBe(expected, found) {
  if (found !== expected) throw new Error(`${found} pages where ${expected} were expected`);
}
