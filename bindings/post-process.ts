/**
 * What happens to stored pages afterwards: idle marks, recompression and writeback, by the kernel's rules of 6.18
 * (drivers/block/zram/zram_drv.c, Documentation/admin-guide/blockdev/zram.rst).
 *
 * Candidates are picked in one go and taken from buckets of 64 bytes of object size, the largest first and in a bucket
 * the last found first. A page that is accessed between being picked and being dealt with is left out.
 */
import { PAGE_SIZE, checkInteger, checkOptions, copyOf } from './arguments.js';
import { CODEC_LZ4, CODEC_RAW, type Encoder } from './compressors/codecs.js';
import { PRIORITIES } from './compressors/compressor.js';
import { TICK_MILLISECS } from './core.js';
import { ZramError } from './errors.js';
import { describe, parseSize, type Size } from './size.js';
import type { BackingDevice } from './backing/backing.js';
import {
  STATE_HUGE,
  STATE_IDLE,
  STATE_INCOMPRESSIBLE,
  STATE_MERGED,
  STATE_PICKED,
  STATE_SAME,
  STATE_WRITTEN_BACK,
  codecOfState,
  sizeOfState,
  withPagesDone,
  type StoredPages,
} from './stored-pages.js';
import { lz4Level, type ZramState } from './zram-state.js';

/** Which pages: `idle` marks them, or how they are stored. */
export type PageType = 'idle' | 'huge' | 'huge_idle' | 'incompressible';

/** What `recompress` is told; the names are those of the attribute in camelCase. */
export interface RecompressOptions {
  /** Only such pages. Default: all. */
  type?: 'idle' | 'huge' | 'huge_idle' | undefined;
  /** Bytes: objects below are left alone, and results of as many or more are dropped. Below `hugeClassSize`. */
  threshold?: Size | undefined;
  /** Stop after so many attempts. */
  maxPages?: number | undefined;
  /** The secondary compressor to use. Default: one after the other, by priority. */
  algo?: string | undefined;
  /** The same by its priority, 1 to 3. */
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

/** What `writeback` is told: a type, or pages. */
export interface WritebackOptions {
  /** Pages of this type. */
  type?: PageType | undefined;
  /** One page. */
  pageIndex?: number | undefined;
  /** Pages, and ranges of them, first and last. */
  pageIndexes?: readonly (number | readonly [number, number])[] | undefined;
}

/** What one call of `writeback` did. */
export interface WritebackReport {
  /** Pages that are on the backing device now and were not before. */
  readonly pagesWritten: number;
  /** How long the call took. */
  readonly milliseconds: number;
}

const BUCKET_BYTES = 64;
const BUCKETS = PAGE_SIZE / BUCKET_BYTES + 1;
const NONE = 2 ** 32 - 1;
const UINT32_MAX = 2 ** 32 - 1;
/** Of the core. */
const ENOSPC = -28;
const TYPES: Record<PageType, number> = {
  idle: STATE_IDLE,
  huge: STATE_HUGE,
  huge_idle: STATE_IDLE | STATE_HUGE,
  incompressible: STATE_INCOMPRESSIBLE,
};

// ── idle ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param what `'all'`, or seconds since the last access */
export function markIdle(state: ZramState, what: unknown): void {
  const { core, address } = state.ready();
  if (what === 'all') {
    core.raw.zramMarkIdle(address, 0, 0);
    return;
  }
  if (typeof what !== 'number' || !(what >= 0) || what > (UINT32_MAX * TICK_MILLISECS) / 1000) {
    throw new ZramError('EINVAL', `idle takes 'all' or an age in seconds, not ${describe(what)}.`);
  }
  if (!state.tracksTime) throw new ZramError('EINVAL', 'idle by age needs the option trackEntryActime.');
  // Age 0 is every page, as in the kernel.
  core.raw.zramMarkIdle(address, Math.ceil((what * 1000) / TICK_MILLISECS), core.ticks());
}

// ── candidates ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Pages that were picked, by the size of their object. */
class Picks {
  readonly #buckets: number[][] = Array.from({ length: BUCKETS }, () => []);

  constructor(readonly pages: StoredPages) {}

  /** Picks a page: it carries the mark until it is accessed or `end` is called. */
  add(index: number, size: number): void {
    const { core, address } = this.pages;
    core.raw.zramChangeFlags(address, index, STATE_PICKED, 0, 0);
    this.#buckets[Math.floor(size / BUCKET_BYTES)].push(index);
  }

  /** The next page that still has its mark. */
  next(): number | undefined {
    for (let bucket = BUCKETS - 1; bucket >= 0;) {
      const index = this.#buckets[bucket].pop();
      if (index === undefined) bucket--;
      else if (!this.pages.ended && this.pages.state(index) & STATE_PICKED) return index;
    }
    return undefined;
  }

  /** This page is done with. */
  release(index: number): void {
    if (!this.pages.ended) this.pages.core.raw.zramChangeFlags(this.pages.address, index, 0, STATE_PICKED, 0);
  }

  end(): void {
    for (const bucket of this.#buckets) for (const index of bucket) this.release(index);
  }
}

/** Indexes of slots that have all of these flags and none of those, in order. */
function* slotsWith(pages: StoredPages, all: number, none: number): Generator<number> {
  for (let index = 0; index < pages.pages; index++) {
    index = pages.core.raw.zramNextSlot(pages.address, index, all, none) >>> 0;
    if (index === NONE) return;
    yield index;
  }
}

/** One at a time: each marks pages for itself. */
function checkIdle(pages: StoredPages): void {
  if (pages.postProcessing) throw new ZramError('EAGAIN', 'recompression or writeback of this device is under way.');
}

// ── recompression ────────────────────────────────────────────────────────────────────────────────────────────────

interface Target {
  /** First priority to try, and the one behind the last. */
  readonly from: number;
  readonly to: number;
  readonly threshold: number;
}

export function recompress(state: ZramState, options: RecompressOptions): RecompressReport {
  const pages = state.ready();
  checkOptions(options, ['type', 'threshold', 'maxPages', 'algo', 'priority'], 'recompress');
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
    run.pick(type === undefined ? 0 : TYPES[type]);
    // An option of 0 is no limit, as the attribute's.
    run.run(maxPages === 0 ? Infinity : maxPages);
  } finally {
    run.abandon();
  }
  pages.live();
  const { pagesTried, objectsRecompressed, bytesSaved } = run;
  return Object.freeze({ pagesTried, objectsRecompressed, bytesSaved, milliseconds: performance.now() - start });
}

function targetOf(state: ZramState, pages: StoredPages, options: RecompressOptions): Target {
  const { algo, priority } = options;
  const threshold = options.threshold === undefined ? 0 : parseSize(options.threshold, 'threshold');
  const { core, pool } = pages;
  core.raw.poolStats(pool.address);
  const huge = core.number(7);
  if (threshold >= huge) {
    throw new ZramError('EINVAL', `threshold must be below ${huge} bytes, where pages are huge, not ${threshold}.`);
  }
  const { encoders } = state;
  let [from, to] = [1, PRIORITIES];
  if (priority !== undefined) {
    checkInteger(priority, 'priority', 0, PRIORITIES - 1);
    from = Math.max(priority, 1); // 0, the primary's, is taken for 1
    to = from + 1;
  }
  if (algo !== undefined) {
    // With a priority too, the first of that name from there on.
    from = encoders.findIndex((encoder, n) => n >= from && encoder?.name === algo);
    if (from < 0) throw new ZramError('EINVAL', `${describe(algo)} is no secondary compressor of this device.`);
    to = from + 1;
  }
  to = Math.min(to, encoders.length);
  if (!encoders.slice(from, to).some((encoder) => encoder !== undefined)) {
    throw new ZramError(
      'EINVAL',
      'there is no such secondary compressor: name one with recompAlgorithms or recomp_algorithm.',
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
    readonly state: ZramState,
    readonly pages: StoredPages,
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
    this.#picks.end();
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
    this.#page.set(pages.peek(index));
    if (pages.ended) return; // a compressor, which the page had to be decompressed by, ended the device
    core.raw.zramChangeFlags(address, index, 0, STATE_IDLE, 1);
    const classBefore = core.raw.poolClassIndex(pages.pool.address, size);
    let classAfter: number | undefined;
    for (let priority = target.from; priority < target.to; priority++) {
      const encoder = this.#encoders[priority];
      if (!encoder || priority <= this.#priority(slot)) continue;
      if (classAfter === undefined) this.pagesTried++;
      const length = this.#encode(encoder);
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

  /** Leaves the block in the first staging page, where it fits. Returns its length. */
  #encode(encoder: Encoder): number {
    const { core } = this.pages;
    if (encoder.codec === CODEC_LZ4) {
      core.page().set(this.#page);
      const length = core.raw.lz4Compress(lz4Level(encoder.params));
      core.staging().copyWithin(0, PAGE_SIZE, PAGE_SIZE + Math.min(length, PAGE_SIZE));
      return length;
    }
    const block = encodeVerified(this.state, encoder, this.#page);
    if (block.length <= PAGE_SIZE) core.page().set(block);
    return block.length;
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

/** A page's block. With verifyCompressors, it is known to be the page. @throws ZramError EIO */
export function encodeVerified(state: ZramState, encoder: Encoder, page: Uint8Array): Uint8Array {
  const { verifyCompressors, core } = state;
  // A copy: what a compressor does to its input must not matter.
  const block = encoder.encode(copyOf(page));
  if (verifyCompressors && block.length < PAGE_SIZE && !core.codecs.holds(encoder.codec, block, page)) {
    throw new ZramError('EIO', `${encoder.name} does not decompress what it compressed to the same page.`);
  }
  return block;
}

// ── writeback ────────────────────────────────────────────────────────────────────────────────────────────────────

export function writeback(state: ZramState, options: WritebackOptions): WritebackReport {
  const pages = state.ready();
  if (state.hasAsyncBacking()) {
    throw new ZramError('EAGAIN', 'the backing is asynchronous: use writebackAsync.');
  }
  const run = beginWriteback(state, pages, options);
  try {
    for (const { block, page } of run.jobs()) {
      try {
        run.backing.write(block, page);
      } catch (error) {
        run.failed(error);
        continue;
      }
      run.written();
    }
  } finally {
    run.end();
  }
  return run.report();
}

export async function writebackAsync(state: ZramState, options: WritebackOptions): Promise<WritebackReport> {
  const pages = state.ready();
  const run = beginWriteback(state, pages, options);
  try {
    for (const { block, page } of run.jobs()) {
      try {
        await run.backing.writeAsync(block, page);
      } catch (error) {
        run.failed(error);
        continue;
      }
      run.written();
    }
  } finally {
    run.end();
  }
  return run.report();
}

function beginWriteback(state: ZramState, pages: StoredPages, options: WritebackOptions): Writeback {
  checkOptions(options, ['type', 'pageIndex', 'pageIndexes'], 'writeback');
  const { backing } = pages;
  if (!backing) throw new ZramError('ENODEV', 'there is no backing device: give one with the option backing.');
  const picks = new Picks(pages);
  const wanted = wantedPages(pages, options);
  checkIdle(pages);
  if (backing.writing) {
    throw new ZramError(
      'EAGAIN',
      'a snapshot or clone, or the device before its reset, is still writing to the backing.',
    );
  }
  for (const index of wanted) picks.add(index, sizeOfState(pages.state(index)));
  return new Writeback(state, pages, backing, picks);
}

/** Pages that are wanted and can be written back. */
function wantedPages(pages: StoredPages, { type, pageIndex, pageIndexes }: WritebackOptions): Iterable<number> {
  const none = STATE_SAME | STATE_WRITTEN_BACK;
  const given = [type, pageIndex, pageIndexes].filter((one) => one !== undefined).length;
  if (given !== 1) throw new ZramError('EINVAL', 'writeback takes one of type, pageIndex and pageIndexes.');
  if (type !== undefined) {
    if (typeof type === 'string' && Object.hasOwn(TYPES, type)) return slotsWith(pages, TYPES[type], none);
    throw new ZramError('EINVAL', `type must be one of ${Object.keys(TYPES).join(', ')}, not ${describe(type)}.`);
  }
  if (pageIndexes !== undefined && !Array.isArray(pageIndexes)) {
    throw new ZramError('EINVAL', `pageIndexes must be a list of pages and ranges, not ${describe(pageIndexes)}.`);
  }
  const ranges = (pageIndexes ?? [pageIndex]).map((one: unknown) => rangeOf(pages, one));
  return ranges.flatMap(([first, last]) => {
    const found: number[] = [];
    for (let index = first; index <= last; index++) {
      index = pages.core.raw.zramNextSlot(pages.address, index, 0, none) >>> 0;
      if (index <= last) found.push(index);
    }
    return found;
  });
}

function rangeOf(pages: StoredPages, one: unknown): [number, number] {
  const [first, last] = (Array.isArray(one) ? one : [one, one]) as unknown[];
  const [from, to] = [indexOf(pages, first), indexOf(pages, last)];
  if (from <= to) return [from, to];
  throw new ZramError('EINVAL', `a range of pages ends where it begins or later; ${from}-${to} does not.`);
}

function indexOf(pages: StoredPages, index: unknown): number {
  checkInteger(index, 'a page index', 0, Number.MAX_SAFE_INTEGER);
  if (index < pages.pages) return index;
  throw new ZramError('ERANGE', `the disk has ${pages.pages} pages; page ${index} is outside.`);
}

class Writeback {
  readonly #start = performance.now();
  #pagesWritten = 0;
  #error: unknown;
  /** The page at hand, and its block's cell. */
  #index = 0;
  #cell = 0;
  #object = 0;
  #merged = false;
  /**
   * Blocks of shared objects that were written in this call, by the object's number: their other pages go to the same. A
   * handle of our own keeps the object, and tells whether a number still means it.
   */
  readonly #blocks = new Map<number, { readonly cell: number; readonly handle: number }>();

  constructor(
    readonly state: ZramState,
    readonly pages: StoredPages,
    readonly backing: BackingDevice,
    readonly picks: Picks,
  ) {
    pages.postProcessing = this;
    backing.retain().writing = true;
  }

  /** Blocks to write, one after the other; each is answered with `written` or `failed`. */
  *jobs(): Generator<{ block: number; page: Uint8Array }> {
    const { pages, state, picks } = this;
    const { raw } = pages.core;
    for (let index = picks.next(); index !== undefined; index = picks.next()) {
      this.#index = index;
      if (state.writebackLimitEnable && state.writebackLimit === 0) {
        this.#error ??= new ZramError('EIO', 'writeback_limit is used up.');
        picks.release(index);
        return;
      }
      this.#merged = (pages.state(index) & STATE_MERGED) !== 0;
      this.#object = pages.core.words()[1];
      const shared = this.#blocks.get(this.#object);
      if (shared && raw.poolObject(pages.pool.address, shared.handle) === this.#object) {
        this.#take(shared.cell);
        continue;
      }
      let page: Uint8Array;
      try {
        page = pages.peek(index).slice();
      } catch (error) {
        this.#error = error; // what is damaged stays where it is
        picks.release(index);
        continue;
      }
      if (pages.ended) return; // a compressor ended the device
      const cell = raw.zramTakeBlock(pages.address);
      if (cell < 0) {
        this.#error = cell === ENOSPC ? full() : new ZramError('ENOMEM', 'no memory for the number of a block.');
        picks.release(index);
        return;
      }
      this.#cell = cell;
      yield { block: raw.zramBlockNumber(cell) >>> 0, page };
      if (pages.ended) return;
    }
  }

  written(): void {
    const { pages } = this;
    if (pages.ended) return;
    const { raw } = pages.core;
    const cell = this.#cell;
    this.#cell = 0;
    const handle = this.#merged ? raw.zramShareObject(pages.address, this.#index) : -1;
    this.#take(cell);
    const object = handle < 0 ? 0 : raw.poolObject(pages.pool.address, handle);
    if (handle >= 0 && !this.#blocks.has(object)) {
      this.#blocks.set(object, { cell, handle });
      return;
    }
    if (handle >= 0) raw.poolFree(pages.pool.address, handle);
    raw.zramDropBlock(pages.address, cell);
  }

  /** The page at hand is in the block: it refers to it from now on. */
  #take(cell: number): void {
    const { pages, state } = this;
    if (pages.core.raw.zramWriteBack(pages.address, this.#index, cell) !== 1) return; // accessed meanwhile
    this.#pagesWritten++;
    if (state.writebackLimitEnable && state.writebackLimit > 0) state.writebackLimit--;
  }

  /** As in the kernel an error of the device does not keep other pages from being tried. */
  failed(error: unknown): void {
    this.#error = error;
    if (this.pages.ended) return;
    this.pages.core.raw.zramDropBlock(this.pages.address, this.#cell);
    this.#cell = 0;
    this.picks.release(this.#index);
  }

  end(): void {
    this.abandon();
    this.backing.writing = false;
    this.backing.release();
  }

  /** All but the backing is let go of: at the end, or when the device ends in the middle of a write. */
  abandon(): void {
    if (this.pages.postProcessing !== this) return;
    this.pages.postProcessing = undefined;
    const { core, address, pool } = this.pages;
    if (this.#cell !== 0) core.raw.zramDropBlock(address, this.#cell);
    for (const { cell, handle } of this.#blocks.values()) {
      core.raw.zramDropBlock(address, cell);
      core.raw.poolFree(pool.address, handle);
    }
    this.picks.end();
  }

  /** @throws ZramError what kept pages from being written; `pagesDone` were */
  report(): WritebackReport {
    if (this.#error !== undefined) throw withPagesDone(this.#error, this.#pagesWritten);
    this.pages.live();
    return Object.freeze({ pagesWritten: this.#pagesWritten, milliseconds: performance.now() - this.#start });
  }
}

function full(): ZramError {
  return new ZramError('ENOSPC', 'the backing device is full.');
}
