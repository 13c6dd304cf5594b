/**
 * Recompression (the attribute `recompress`), by the kernel's rules of 6.18
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

/** What `recompress` is told; the names are those of the attribute in camelCase. */
export interface RecompressOptions {
  /** Only such pages. Default: all. */
  type?: 'idle' | 'huge' | 'huge_idle' | undefined;
  /** Bytes: objects below are left alone, and results of as many or more are dropped. Below `hugeClassSize`. */
  threshold?: Size | undefined;
  /** Stop after so many attempts; 0 = none. Default: no limit. */
  maxPages?: number | undefined;
  /** The secondary compressor to use. Default: one after the other, by priority; on kernel 7.1 that of priority 1. */
  algo?: string | undefined;
  /** The same by its priority, 1 to 3. With `algo` too: see `KernelProfile.paramsMustAgree`. */
  priority?: number | undefined;
}

/** What one call of `recompress` did. */
export interface RecompressReport {
  /** Pages that were compressed again, whatever came of it. */
  readonly pagesTried: number;
  /** Objects that another encoding took the place of. Pages that share one count as one. */
  readonly objectsRecompressed: number;
  /** Payload bytes saved. */
  readonly bytesSaved: number;
  /** How long the call took. */
  readonly milliseconds: number;
}

interface Target {
  /** First priority to try, and the one behind the last. */
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
    throw new ZramError('EINVAL', `threshold must be below ${huge} bytes, where pages are huge, not ${threshold}.`);
  }
  const { encoders, kernel } = state;
  let [from, to] = [1, kernel.recompressChains ? PRIORITIES : 2];
  if (priority !== undefined) {
    checkInteger(priority, 'priority', kernel.recompressCorrects ? 0 : 1, PRIORITIES - 1);
    from = Math.max(priority, 1);
    to = from + 1;
  }
  if (algo !== undefined) {
    const end = kernel.paramsMustAgree && priority !== undefined ? to : PRIORITIES;
    from = encoders.findIndex((encoder, n) => n >= from && n < end && encoder?.name === algo);
    if (from < 0) throw new ZramError('EINVAL', `${describe(algo)} is not a secondary compressor of this device.`);
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

class Recompression {
  pagesTried = 0;
  objectsRecompressed = 0;
  bytesSaved = 0;
  readonly #picks: Picks;
  readonly #page = new Uint8Array(PAGE_SIZE);
  /** As they are at the beginning: a compressor may change the device's settings. */
  readonly #encoders: readonly (Encoder | undefined)[];
  /** Objects that were tried, once for all their pages: whether no compressor made them smaller. */
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
      // Objects that are read as bytes (ZsPool) are not ours to encode anew.
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

  /** The end, or that of the device in the middle. */
  abandon(): void {
    const { pages } = this;
    if (pages.postProcessing !== this) return;
    pages.postProcessing = undefined;
    drain(this.#picks.end());
    if (this.objectsRecompressed > 0) pages.core.raw.poolSettleHuge(pages.pool.address);
  }

  /** The priority of the compressor that made an object; a page as it is has that of the primary. */
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
    // Another page of the same object may have been here before.
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
    if (pages.ended) return; // a compressor, which the page had to be decompressed by, ended the device
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
      if (classAfter >= classBefore || (target.threshold > 0 && length >= target.threshold)) continue;
      this.#replace(index, encoder, length, size);
      return;
    }
    if (classAfter === undefined || classAfter < classBefore || target.to < this.#encoders.length) return;
    core.raw.zramChangeFlags(address, index, STATE_INCOMPRESSIBLE, 0, 1);
    this.#hopeless.set(object, true);
  }

  #replace(index: number, encoder: Encoder, length: number, before: number): void {
    const { core, address } = this.pages;
    const result = core.raw.zramRecompress(address, index, length, encoder.codec, this.target.threshold);
    if (result < 0) throw new ZramError('ENOMEM', `no room to recompress page ${index}: maxMemory is reached.`);
    if (result !== 1) return;
    this.objectsRecompressed++;
    this.bytesSaved += before - length;
  }
}
