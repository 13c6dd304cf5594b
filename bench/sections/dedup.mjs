/**
 * What inline deduplication costs where there is nothing to find, and gains where there is: `writePages` with and
 * without it, and with uncompressed copies to compare with, over pages of which a known share are copies of pages written
 * before.
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
/** Of copies: room for all distinct pages where there are few of them, and for a fourth of them where there are none twice. */
const DEDUP_CACHE = 16 * MIB;

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
  #options;
  #zram;

  /** @param options of the device */
  constructor(options, Build = Engine) {
    this.#engine = Build.createSync();
    this.#options = options;
  }

  empty() {
    this.#zram?.destroy();
    this.#zram = this.#engine.createZram({ disksize: '4G', ...this.#options });
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

  /** Bytes that the engine has in use. */
  get used() {
    return this.#engine.memory.used;
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
    const [plain, dedup] = [new Writer({}), new Writer({ dedup: true })];
    const cached = new Writer({ dedup: true, dedupCache: DEDUP_CACHE });
    const before = build && new Writer({ dedup: true }, build.Engine);
    const task = (name, writer) => ({ name, before: () => writer.empty(), run: () => writer.write(pages) });
    const { rounds } = settings;
    const tasks = [task('plain', plain), task('dedup', dedup), task('cached', cached)];
    if (before) tasks.push(task('before', before));
    const states = await inBothStates(() => alternate(tasks, { rounds, warmups: 2 }));
    for (const { shared } of [dedup, cached]) {
      if (shared !== count - fresh) throw new Error(`${shared} duplicates found where there are ${count - fresh}`);
    }
    const taken = cached.used - dedup.used;
    for (const writer of [plain, dedup, cached, before]) writer?.end();

    for (const [state, times] of Object.entries(states)) {
      const ratio = speedRatio(times.dedup, times.plain);
      const ofBound = scaled(ratio, fresh / count);
      const [without, plainly, withCopies] = ['plain', 'dedup', 'cached'].map((name) =>
        spread(megabytesPerSecond(times[name], pages.length)),
      );
      const [toBefore, copiesToBefore] = ['dedup', 'cached'].map(
        (name) => before && speedRatio(times[name], times.before),
      );
      rows.push([
        ...[percent(1 - fresh / count), STATE_NAMES[state], without, plainly, spread(ratio), spread(ofBound)],
        ...(before ? [spread(toBefore)] : []),
        ...[withCopies, before ? spread(copiesToBefore) : spread(speedRatio(times.cached, times.dedup))],
        (taken / MIB).toFixed(1),
      ]);
      if (share === SHARES.at(-1)) {
        const ending = state === 'busy' ? '-busy' : '';
        const missing = { reason: 'no other build (`--before`)' };
        measures[`dedup-before${ending}`] = before ? { value: toBefore } : missing;
        measures[`dedup-copies-before${ending}`] = before ? { value: copiesToBefore } : missing;
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
        text: `${count} pages in order, of which the given share are copies of earlier ones; all of them were found. “× (1 − duplicates)” is 1 if a duplicate costs nothing at all; the target takes its lowest value on a quiet machine. Copies: \`dedupCache\` of ${DEDUP_CACHE / MIB} MiB, and what it took beside the device without.${build ? ' With deduplication on all sides, the build before is the rival.' : ''}`,
        head: [
          ...['duplicates', '', 'without MB/s', 'with MB/s', 'with / without', '× (1 − duplicates)'],
          ...(build ? ['with / before'] : []),
          ...['with copies MB/s', build ? 'with copies / before' : 'with copies / with', 'MiB of copies'],
        ],
        rows,
      },
    ],
    measures,
  };
}
