/**
 * One page at a time, anywhere on a device of a GiB, so that nothing of it is in the processor's caches: what a call
 * takes in the middle and in the worst hundredth, against the kernel's zram.
 */
import { Engine } from '../../dist/index.js';
import { busyMissing, inBothStates, STATE_NAMES } from '../support/busy.mjs';
import { pageViews } from '../support/image.mjs';
import { startOrReason } from '../support/native.mjs';
import { Random } from '../support/random.mjs';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';
import { quantile, speedRatio, summary } from '../support/statistics.mjs';
import { count, spread } from '../support/table.mjs';

const VERBS = ['read', 'write'];
const PARTS = ['median', 'p99'];

class Ours {
  #engine = Engine.createSync();
  #zram;
  #sources;
  #places;
  #random = new Random(1);
  #page = new Uint8Array(PAGE_BYTES);

  /** A device of so many pages: those of the image, again and again. */
  constructor(pages, places) {
    this.#sources = pageViews(pages);
    this.#places = places;
    this.#zram = this.#engine.createZram({ disksize: places * PAGE_BYTES, trackEntryActime: false });
    for (let at = 0; at < places;) {
      const from = (at * PAGE_BYTES) % pages.length;
      const bytes = pages.subarray(from, Math.min(from + MIB, from + (places - at) * PAGE_BYTES));
      this.#zram.writePages(at, bytes);
      at += bytes.length / PAGE_BYTES;
    }
    for (let n = 0; n < this.#sources.length && n < places; n++) {
      if (Buffer.compare(this.#zram.readPage(n, this.#page), this.#sources[n]) !== 0)
        throw new Error(`page ${n} reads back different`);
    }
  }

  /** @returns {number[]} median and 99th percentile of so many calls, nanoseconds */
  calls(verb, calls) {
    const [zram, random, page] = [this.#zram, this.#random, this.#page];
    const times = new Float64Array(calls);
    for (let n = 0; n < calls; n++) {
      const at = random.below(this.#places);
      const source = this.#sources[random.below(this.#sources.length)];
      const start = performance.now();
      if (verb === 'read') zram.readPage(at, page);
      else zram.writePage(at, source);
      times[n] = (performance.now() - start) * 1e6;
    }
    times.sort();
    return [quantile(times, 0.5), quantile(times, 0.99)];
  }

  end() {
    this.#engine.destroy();
  }
}

/** Rounds of all four, in turns. @returns nanoseconds by verb, side and part */
async function measure(ours, kernel, { coldCalls, coldRounds }) {
  const times = {};
  const note = (name, values) => {
    const of = (times[name] ??= PARTS.map(() => []));
    values.forEach((value, part) => of[part].push(value));
  };
  // The first round is of calls that V8 has yet to compile.
  for (let round = -1; round < coldRounds; round++) {
    for (const verb of VERBS) {
      const sides = [
        async () => [`${verb} ours`, ours.calls(verb, coldCalls)],
        async () => [`${verb} kernel`, kernel && (await kernel.ask(`${verb}-one ${coldCalls}`))],
      ];
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        const [name, values] = await side();
        if (values && round >= 0) note(name, values);
      }
    }
  }
  return times;
}

export async function run({ image, settings, directory }) {
  const places = settings.coldPages;
  // The kernel's program repeats a file: here, one of what our side repeats.
  const args = [image.file, String(places), 'lz4'];
  const { program: kernel, reason } = await startOrReason('kzram', { args, directory });
  const ours = new Ours(image.all, places);
  const alone = busyMissing();
  const states = await inBothStates(() => measure(ours, kernel, settings));
  await kernel?.end();
  ours.end();

  const measures = {};
  const rows = [];
  for (const [state, times] of Object.entries(states)) {
    for (const verb of VERBS) {
      const side = (name) => PARTS.map((_, part) => microseconds(times[`${verb} ${name}`][part]));
      const ratios = PARTS.map((part, n) => {
        const value = kernel && speedRatio(times[`${verb} ours`][n], times[`${verb} kernel`][n]);
        measures[`cold-${verb}-${part}${state === 'busy' ? '-busy' : ''}`] = kernel ? { value } : { reason };
        return kernel ? spread(value) : '';
      });
      const theirs = kernel ? side('kernel') : PARTS.map(() => 'not measured');
      rows.push([`\`${verb}Page\`, ${STATE_NAMES[state]}`, ...side('ours'), ...theirs, ...ratios]);
    }
  }
  const missing = [
    kernel ? '' : ` The kernel’s zram was not measured: ${reason}.`,
    alone ? ` Only on a quiet machine: ${alone}.` : '',
  ].join('');
  return {
    tables: [
      {
        title: 'A cold page',
        text: `Calls for one page each, anywhere on a device of ${count(places)} pages, of which it holds all; the medians of ${settings.coldRounds} rounds of ${count(settings.coldCalls)} calls. The kernel is called with O_DIRECT, from C.${missing}`,
        head: ['', 'median µs', 'p99 µs', 'kernel’s zram: median µs', 'p99 µs', 'kernel’s / ours: median', 'p99'],
        rows,
      },
    ],
    measures,
  };
}

const microseconds = (nanoseconds) => spread(summary(nanoseconds.map((value) => value / 1e3)));
