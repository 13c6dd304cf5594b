/**
 * What inline deduplication costs where there is nothing to find, and gains where there is: `writePages` with and
 * without it, over pages of which a known share are copies of pages written before.
 */
import { Engine } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { buildBefore } from '../support/before.mjs';
import { inBothStates, STATE_NAMES } from '../support/busy.mjs';
import { Random } from '../support/random.mjs';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';
import { megabytesPerSecond, scaled, speedRatio } from '../support/statistics.mjs';
import { percent, spread } from '../support/table.mjs';

const SHARES = [0, 0.3, 0.5, 0.7, 0.9];
/** From here on the target is on the share of pages that need not be compressed. */
const SHARE_OF_TARGET = 0.3;
const BATCH_PAGES = MIB / PAGE_BYTES;

/** Pages in which each is, with the probability `share`, a copy of one of those before it. */
function pagesWithDuplicates(distinct, count, share) {
  const random = new Random(1);
  const pages = Buffer.alloc(count * PAGE_BYTES);
  let fresh = 0;
  for (let n = 0; n < count; n++) {
    const from = fresh > 0 && random.fraction() < share ? random.below(fresh) : fresh++;
    distinct.copy(pages, n * PAGE_BYTES, from * PAGE_BYTES, (from + 1) * PAGE_BYTES);
  }
  return { pages, fresh };
}

/** A device made anew for each round in the memory of one engine. */
class Writer {
  #engine;
  #dedup;
  #zram;

  constructor(dedup, Build = Engine) {
    this.#engine = Build.createSync();
    this.#dedup = dedup;
  }

  empty() {
    this.#zram?.destroy();
    this.#zram = this.#engine.createZram({ disksize: '4G', dedup: this.#dedup });
  }

  write(pages) {
    for (let at = 0; at < pages.length; at += MIB) {
      this.#zram.writePages((at / MIB) * BATCH_PAGES, pages.subarray(at, at + MIB));
    }
  }

  /** Pages that share an object that another page brought. */
  get shared() {
    return this.#zram.mmStat.pagesMerged;
  }

  end() {
    this.#engine.destroy();
  }
}

export async function run({ image, settings }) {
  const count = Math.min(settings.dedupPages, image.distinct.length / PAGE_BYTES);
  const rows = [];
  const measures = {};
  const build = await buildBefore(settings);
  let least;
  for (const share of SHARES) {
    const { pages, fresh } = pagesWithDuplicates(image.distinct, count, share);
    const [plain, dedup] = [new Writer(false), new Writer(true)];
    const before = build && new Writer(true, build.Engine);
    const task = (name, writer) => ({ name, before: () => writer.empty(), run: () => writer.write(pages) });
    const { rounds } = settings;
    const tasks = [task('plain', plain), task('dedup', dedup), ...(before ? [task('before', before)] : [])];
    const states = await inBothStates(() => alternate(tasks, { rounds, warmups: 2 }));
    const found = dedup.shared;
    if (found !== count - fresh) throw new Error(`${found} duplicates found where there are ${count - fresh}`);
    plain.end();
    dedup.end();
    before?.end();

    for (const [state, times] of Object.entries(states)) {
      const ratio = speedRatio(times.dedup, times.plain);
      const ofBound = scaled(ratio, fresh / count);
      const speeds = ['plain', 'dedup'].map((name) => spread(megabytesPerSecond(times[name], pages.length)));
      const toBefore = before && speedRatio(times.dedup, times.before);
      rows.push([
        ...[percent(1 - fresh / count), STATE_NAMES[state], ...speeds, spread(ratio), spread(ofBound)],
        ...(before ? [spread(toBefore)] : []),
      ]);
      if (share === SHARES.at(-1)) {
        const key = state === 'busy' ? 'dedup-before-busy' : 'dedup-before';
        measures[key] = before ? { value: toBefore } : { reason: 'no other build (`--before`)' };
      }
      if (state === 'busy') continue;
      if (share === 0) measures['dedup-none'] = { value: ratio };
      else if (share >= SHARE_OF_TARGET && !(least?.median <= ofBound.median)) least = ofBound;
    }
  }
  measures['dedup-duplicates'] = { value: least };
  return {
    tables: [
      {
        title: 'Inline deduplication: `writePages` with and without',
        text: `${count} pages in order, of which the given share are copies of earlier ones; all of them were found. The last column is 1 if a duplicate costs nothing at all; the target takes its lowest value on a quiet machine.${build ? ' With deduplication on both sides, the build before is the rival of the rightmost.' : ''}`,
        head: [
          'duplicates',
          '',
          'without MB/s',
          'with MB/s',
          'with / without',
          '× (1 − duplicates)',
          ...(build ? ['with / before'] : []),
        ],
        rows,
      },
    ],
    measures,
  };
}
