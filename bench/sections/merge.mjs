/**
 * Merging: a first pass over a pool full of objects, a pass over the pool as it then is, and a pass after one page in a
 * hundred has changed. Every pass must find exactly the duplicates that there are.
 */
import { Engine } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { buildBefore } from '../support/before.mjs';
import { busyMissing, STATE_NAMES, whileBusy } from '../support/busy.mjs';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';
import { exactly, speedRatio, summary } from '../support/statistics.mjs';
import { PageNames, writeAll, writePlaces } from '../support/synthetic-pages.mjs';
import { count, spread } from '../support/table.mjs';

const CHANGED_SHARE = 0.01;
/** One page in four is the like of another; and none is, where all that is done is looking. */
const DUPLICATE_SHARE = 0.25;
/** Of the distinct real pages so many (one in …) are stored twice, beside the duplicates that the image has. */
const REPEATED = 3;
const STEPS = ['first pass', 'unchanged', '1 % changed'];
const BEFORE = 'first pass, build before';

/** A device of pages that know how often each of them is there. */
class Subject {
  #engine;
  #zram;
  /** Smallest share found by any pass; and the counts of the last. */
  foundShare = 1;
  found = 0;
  duplicates = 0;
  objects = 0;
  /** Most pairs that any pass compared and found to be different. */
  different = 0;

  /** @param Build the class `Engine` of the build that is measured */
  constructor(Build = Engine) {
    this.#engine = Build.createSync();
  }

  empty() {
    this.#zram?.destroy();
    this.#zram = this.#engine.createZram({ disksize: '16G' });
    return this.#zram;
  }

  get zram() {
    return this.#zram;
  }

  merge() {
    const { hashCollisions } = this.#zram.merge();
    this.different = Math.max(this.different, hashCollisions);
  }

  /** Counts after a pass. */
  check(duplicates) {
    const { pagesMerged } = this.#zram.mmStat;
    this.found = pagesMerged;
    this.duplicates = duplicates;
    if (duplicates > 0) this.foundShare = Math.min(this.foundShare, pagesMerged / duplicates);
  }

  end() {
    this.#engine.destroy();
  }
}

/** @param build another one, whose first pass is measured in turn with ours */
async function synthetic({ mergeObjects, mergeRounds }, duplicateShare, build) {
  const subject = new Subject();
  subject.objects = mergeObjects;
  const rival = build && new Subject(build.Engine);
  let names;
  const checked = (one) => ({ run: () => one.merge(), after: () => one.check(names.duplicates) });
  const tasks = [
    {
      name: STEPS[0],
      before() {
        names = new PageNames(mergeObjects, duplicateShare);
        writeAll(subject.empty(), names);
      },
      ...checked(subject),
    },
    ...(rival ? [{ name: BEFORE, before: () => writeAll(rival.empty(), names), ...checked(rival) }] : []),
    { name: STEPS[1], ...checked(subject) },
    {
      name: STEPS[2],
      before: () => writePlaces(subject.zram, names, names.change(CHANGED_SHARE)),
      ...checked(subject),
    },
  ];
  const times = await alternate(tasks, { rounds: mergeRounds, inOrder: true });
  subject.end();
  rival?.end();
  return { times, subject };
}

async function real(image, { mergeRounds }) {
  const subject = new Subject();
  const repeated = image.distinct.subarray(0, Math.floor(image.distinct.length / PAGE_BYTES / REPEATED) * PAGE_BYTES);
  const duplicates = image.duplicates + repeated.length / PAGE_BYTES;
  subject.objects = image.distinct.length / PAGE_BYTES + duplicates;
  const fill = () => {
    const zram = subject.empty();
    let index = 0;
    for (const bytes of [image.all, repeated]) {
      for (let at = 0; at < bytes.length; at += MIB) {
        const batch = bytes.subarray(at, at + MIB);
        zram.writePages(index, batch);
        index += batch.length / PAGE_BYTES;
      }
    }
  };
  const tasks = STEPS.slice(0, 2).map((name, n) => ({
    name,
    before: n === 0 ? fill : undefined,
    run: () => subject.merge(),
    after: () => subject.check(duplicates),
  }));
  const times = await alternate(tasks, { rounds: mergeRounds, inOrder: true });
  subject.end();
  return { times, subject };
}

/** Millions of objects in a second. */
const rate = (rounds, objects) => summary(rounds.map((time) => objects / 1e3 / time));

export async function run({ image, settings }) {
  const build = await buildBefore(settings);
  const cases = [
    ['synthetic, one in four a duplicate', await synthetic(settings, DUPLICATE_SHARE, build)],
    ['synthetic, no duplicates', await synthetic(settings, 0, build)],
    ['real pages', await real(image, settings)],
  ];
  const reason = busyMissing();
  if (reason === undefined) {
    const measured = await whileBusy(() => synthetic(settings, DUPLICATE_SHARE, build));
    cases.push([`synthetic, one in four a duplicate, ${STATE_NAMES.busy}`, measured]);
  }
  const rows = cases.map(([name, { times, subject }]) => {
    const first = times[STEPS[0]];
    const later = STEPS.slice(1).map((step) => (times[step] ? spread(speedRatio(times[step], first)) : ''));
    const found = `${count(subject.found)} of ${count(subject.duplicates)}`;
    return [
      name,
      count(subject.objects),
      spread(rate(first, subject.objects)),
      ...(build ? [times[BEFORE] ? spread(speedRatio(first, times[BEFORE])) : ''] : []),
      ...later,
      found,
      count(subject.different),
    ];
  });
  const { times, subject } = cases[0][1];
  const first = times[STEPS[0]];
  const busy = cases.at(-1)[1];
  const foundShare = Math.min(...cases.map(([, each]) => each.subject.foundShare));
  return {
    tables: [
      {
        title: 'Merging',
        text: `Objects of a zram device: pages that LZ4 compresses to 1000 to 1400 bytes, and the real pages with a third of the distinct ones twice. The columns on later passes are speeds relative to the first pass of the same round. The last column counts objects that had the hash of another and differed in their bytes.${build ? ' Of two builds ours comes first in each round, which costs it some 4 %: beside itself it is at 0.96.' : ''}`,
        head: [
          '',
          'objects',
          'first pass, M objects/s',
          ...(build ? ['to the build before'] : []),
          'unchanged pool',
          '1 % changed',
          'duplicates found',
          'compared in vain',
        ],
        rows,
      },
    ],
    measures: {
      'merge-first': { value: rate(first, subject.objects) },
      'merge-first-busy': reason ? { reason } : { value: rate(busy.times[STEPS[0]], busy.subject.objects) },
      'merge-second': { value: speedRatio(times[STEPS[1]], first) },
      'merge-changed': { value: speedRatio(times[STEPS[2]], first) },
      'merge-found': { value: exactly(foundShare) },
    },
  };
}
