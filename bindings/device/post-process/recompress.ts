/**
 * Recompression (the attribute `recompress`), by the rules of kernel 6.18
 * (Documentation/admin-guide/blockdev/zram.rst).
 */
import { checkInteger, PAGE_SIZE, readOptions } from '../../base/arguments.js';
import { ZramError } from '../../base/errors.js';
import { describe } from '../../base/messages.js';
import { parseSize, type Size } from '../../base/size.js';
import type { Encoder } from '../../compressors/codecs.js';
import { PRIORITIES } from '../../compressors/compressor.js';
import {
  CODEC_RAW,
  codecOfState,
  sizeOfState,
  STATE_IDLE,
  STATE_INCOMPRESSIBLE,
  STATE_SAME,
  STATE_WRITTEN_BACK,
} from '../../core/layout.js';
import type { Device } from '../device.js';
import type { Disk } from '../disk.js';
import { encodeStaged } from '../encode.js';
import { checkIdle, drain, PAGE_FLAGS, Picks, slotsWith } from './picks.js';

/** The options of `recompress`; the names are those of the attribute in camelCase. */
export interface RecompressOptions {
  /** Only pages of this type. Default: all. */
  type?: 'idle' | 'huge' | 'huge_idle' | undefined;
  /** Bytes, less than `hugeClassSize`: smaller objects are skipped, and results of this size or more are dropped. */
  threshold?: Size | undefined;
  /** Stop after this many attempts; 0: try no page. Default: no limit. */
  maxPages?: number | undefined;
  /** The secondary compressor to use. Default: all, in order of priority; on kernel 7.1 the one of priority 1. */
  algo?: string | undefined;
  /** The same, by its priority, 1 to 3. Together with `algo`: see `KernelProfile.paramsMustAgree`. */
  priority?: number | undefined;
}

/** What one call of `recompress` did. */
export interface RecompressReport {
  /** Pages that were compressed again, with or without success. */
  readonly pagesTried: number;
  /** Objects that were replaced. Pages that share an object count as one. */
  readonly objectsRecompressed: number;
  /** Payload bytes saved; with `favorDecSpeed` some objects may grow within their size class. */
  readonly bytesSaved: number;
  /** How long the call took. */
  readonly milliseconds: number;
}

interface Target {
  /** First priority to try, and one past the last. */
  readonly from: number;
  readonly to: number;
  readonly threshold: number;
}

const OPTIONS = ['type', 'threshold', 'maxPages', 'algo', 'priority'] as const;

export function recompress(state: Device, given: RecompressOptions): RecompressReport {
  const options = readOptions(given, OPTIONS, 'recompress');
  const pages = state.readyDisk();
  const { type, maxPages = Infinity } = options;
  if (type !== undefined && !['idle', 'huge', 'huge_idle'].includes(type)) {
    throw new ZramError('EINVAL', `type must be idle, huge or huge_idle, not ${describe(type)}.`);
  }
  if (maxPages !== Infinity) checkInteger(maxPages, 'maxPages', 0, Number.MAX_SAFE_INTEGER);
  const target = targetOf(state, pages, options);
  checkIdle(pages);
  const start = performance.now();
  const run = new Recompression(state, pages, target);
  try {
    run.pick(type === undefined ? 0 : PAGE_FLAGS[type]);
    run.run(maxPages);
  } finally {
    run.abandon();
  }
  pages.checkAlive();
  const { pagesTried, objectsRecompressed, bytesSaved } = run;
  return Object.freeze({ pagesTried, objectsRecompressed, bytesSaved, milliseconds: performance.now() - start });
}

function targetOf(state: Device, pages: Disk, options: RecompressOptions): Target {
  const { algo, priority } = options;
  const threshold = options.threshold === undefined ? 0 : parseSize(options.threshold, 'threshold');
  const huge = pages.pool.hugeClassSize;
  if (threshold >= huge) {
    throw new ZramError(
      'EINVAL',
      `threshold must be less than ${huge} bytes, from which on pages are huge, not ${threshold}.`,
    );
  }
  const { encoders, kernel } = state;
  let [from, to] = [1, kernel.recompressChains ? PRIORITIES : 2];
  if (priority !== undefined) {
    checkInteger(priority, 'priority', kernel.recompressCorrects ? 0 : 1, PRIORITIES - 1);
    from = Math.max(priority, 1); // 0, the primary's, means 1
    to = from + 1;
  }
  if (algo !== undefined) {
    // With a priority as well: that one, or the first of that name from that priority on.
    const end = kernel.paramsMustAgree && priority !== undefined ? to : PRIORITIES;
    from = encoders.findIndex((encoder, n) => n >= from && n < end && encoder?.name === algo);
    if (from < 0)
      throw new ZramError('EINVAL', `algo must be a secondary compressor of this device, not ${describe(algo)}.`);
    to = from + 1;
  }
  to = Math.min(to, encoders.length);
  if (!encoders.slice(from, to).some((encoder) => encoder !== undefined)) {
    throw new ZramError(
      'EINVAL',
      'the device has no such secondary compressor: set one with recompAlgorithms or recomp_algorithm.',
    );
  }
  return { from, to, threshold };
}

/**
 * Whether its blocks are worth having for their speed, where they take as much memory as those of another compressor. An
 * object does not say for which parameters it was made: from its own compressor, each call would take the same again.
 */
function favorsSpeed({ codec, params: { favorDecSpeed = 0 } }: Encoder, before: number): boolean {
  return favorDecSpeed > 0 && codec !== before;
}

class Recompression {
  pagesTried = 0;
  objectsRecompressed = 0;
  bytesSaved = 0;
  readonly #picks: Picks;
  readonly #page = new Uint8Array(PAGE_SIZE);
  /** As they were at the beginning: a compressor may change the device's settings. */
  readonly #encoders: readonly (Encoder | undefined)[];
  /** Objects that were tried, once for all their sharers: true if no compressor made them smaller. */
  readonly #hopeless = new Map<number, boolean>();

  constructor(
    readonly state: Device,
    readonly pages: Disk,
    readonly target: Target,
  ) {
    this.#picks = new Picks(pages);
    this.#encoders = [...state.encoders];
    pages.postProcessing = this;
  }

  pick(flags: number): void {
    for (const index of slotsWith(this.pages, flags, STATE_SAME | STATE_WRITTEN_BACK | STATE_INCOMPRESSIBLE)) {
      const slot = this.pages.state(index);
      // Objects that are read as bytes (ZsPool) must not be encoded again.
      if (codecOfState(slot) === CODEC_RAW || this.#priority(slot) + 1 >= this.target.to) continue;
      this.#picks.add(index, sizeOfState(slot));
    }
  }

  run(maxPages: number): void {
    while (this.pagesTried < maxPages) {
      const index = this.#picks.next();
      if (index === undefined) return;
      this.#one(index);
      this.#picks.release(index);
    }
  }

  /** Ends the recompression, also when the device ends during it. */
  abandon(): void {
    const { pages } = this;
    if (pages.postProcessing !== this) return;
    pages.postProcessing = undefined;
    drain(this.#picks.end());
    if (this.objectsRecompressed > 0) pages.core.raw.poolSettleHuge(pages.pool.address);
  }

  /** The priority of the compressor that encoded an object; an uncompressed page has that of the primary. */
  #priority(slot: number): number {
    const codec = codecOfState(slot);
    return Math.max(
      this.#encoders.findIndex((encoder) => encoder?.codec === codec),
      0,
    );
  }

  #one(index: number): void {
    const { pages, target } = this;
    const slot = pages.state(index);
    const size = sizeOfState(slot);
    // Another sharer of the object may have been processed before.
    if (size < target.threshold || this.#priority(slot) + 1 >= target.to) return;
    const { core, address } = pages;
    const object = core.words()[1];
    const hopeless = this.#hopeless.get(object);
    if (hopeless !== undefined) {
      core.raw.zramChangeFlags(address, index, hopeless ? STATE_INCOMPRESSIBLE : 0, STATE_IDLE, 1);
      return;
    }
    this.#hopeless.set(object, false);
    this.#page.set(pages.peek(index)); // at once: it may be the staging page
    if (pages.ended) return; // the compressor that decoded the page ended the device
    core.raw.zramChangeFlags(address, index, 0, STATE_IDLE, 1);
    const classBefore = core.raw.poolClassIndex(pages.pool.address, size);
    let classAfter: number | undefined;
    for (let priority = target.from; priority < target.to; priority++) {
      const encoder = this.#encoders[priority];
      if (!encoder || priority <= this.#priority(slot)) continue;
      if (classAfter === undefined) this.pagesTried++;
      const length = encodeStaged(this.state, encoder, this.#page);
      if (pages.ended) return; // the compressor ended the device
      classAfter = core.raw.poolClassIndex(pages.pool.address, Math.min(length, PAGE_SIZE));
      const sameClass = classAfter === classBefore;
      if (classAfter > classBefore || (sameClass && !favorsSpeed(encoder, codecOfState(slot)))) continue;
      if (length >= (target.threshold || pages.pool.hugeClassSize)) continue;
      this.#replace(index, encoder, length, size, sameClass);
      return;
    }
    if (classAfter === undefined || classAfter < classBefore || target.to < this.#encoders.length) return;
    core.raw.zramChangeFlags(address, index, STATE_INCOMPRESSIBLE, 0, 1);
    this.#hopeless.set(object, true);
  }

  #replace(index: number, { codec }: Encoder, length: number, before: number, sameClass: boolean): void {
    const { core, address } = this.pages;
    const { threshold } = this.target;
    const result = core.raw.zramRecompress(address, index, length, codec, threshold, Number(sameClass));
    // For one that saves no memory none is missing.
    if (result < 0 && !sameClass)
      throw new ZramError(
        'ENOMEM',
        `cannot allocate memory to recompress page ${index}: the engine has reached its maxMemory.`,
      );
    if (result !== 1) return;
    this.objectsRecompressed++;
    this.bytesSaved += before - length;
  }
}
