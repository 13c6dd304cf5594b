/// <reference lib="esnext.disposable" preserve="true" />
/**
 * StateHistory: many similar states in little memory, for rewind, undo and time travel.
 *
 * All states are stored on one device with deduplication, each in a range of pages. A page of a new state is compared
 * with the page at the same place in the newest state; if they are equal, both slots hold the same handle. Any other
 * page is looked up in the deduplication index, which covers the pages of all states, before it is compressed. There is
 * one device for all, since a device takes at least four frames, more than many states that compress well.
 */
import { HELD, POOL } from './core/layout.js';
import {
  checkBoolean,
  checkBytes,
  checkInteger,
  outFor,
  PAGE_SIZE,
  readOptions,
  UINT32_MAX,
} from './base/arguments.js';
import { detached, lengthOf, viewOf } from './base/bytes.js';
import { ZramError } from './base/errors.js';
import { describe, sentenceOf } from './base/messages.js';
import { parseSize } from './base/size.js';
import { checkCore, type Core } from './core/core.js';
import { Host } from './core/host.js';
import { ENGINE_OPTIONS, type EngineOptions } from './core/options.js';
import { noMemoryForDevice, Disk } from './device/disk.js';
import { memoryUse } from './device/memory-use.js';
import { PoolLease } from './device/pool-lease.js';
import { cutByContent } from './history/cuts.js';
import { NewestCopy } from './history/newest.js';
import type { GetOptions, PushOptions, StateHistoryOptions, StateHistoryStats } from './history/options.js';
import { PageSpace } from './history/page-space.js';
import { checkRanges, DirtyRanges, readRanges, type ByteRange } from './history/ranges.js';
import { clipped, pagesOf, readSegments, startsOf, type Segmented, type Starts } from './history/segments.js';
import { State, StateOrder } from './history/state-order.js';
import { differenceOf, holdsState, readState, undeclared } from './history/state-reader.js';
import {
  bytesOf,
  CELLS_OF_PAGE_BYTES,
  metadataBytes,
  tableBytes,
  zspageBytes,
  zspageBytesMax,
} from './history/state-size.js';
import { StateWriter } from './history/state-writer.js';
import { ZsPool } from './zs-pool.js';

const OPTIONS = ['maxStates', 'maxBytes', 'policy', 'segments', 'cuts', 'keepNewest'] as const;
const POLICIES = ['oldest', 'thin'] as const;
const CUTS = ['fixed', 'content'] as const;
/** Pages of the device: as many as 32 bits can number. It is sparse. */
const DISK_PAGES = UINT32_MAX;
const LZ4_LEVEL = 1;
/**
 * Short chains, so that a class with few objects wastes little. States of a few MiB take a fifth less than with 8, of
 * 64 MiB 2 % more.
 */
const CHAIN_SIZE = 4;
/** Most frames of a zspage in a pool of the caller's. */
const CHAIN_MAX = 16;
/** Of each 4 MiB of linear memory, the bytes that states cannot use: metadata, and a reserve for merging. */
const REGION_BYTES = 4 << 20;
const REGION_OWN_BYTES = 2 * PAGE_SIZE;
const WHOLE: readonly number[] = [0];
/** Larger states begin at a chunk of the table, which states share as a whole. */
const CHUNK_PAGES = 512;
/** Unless it is asked for, the newest state is kept uncompressed where it takes at most this part of what may be held. */
const NEWEST_SHARE = 1 / 4;

/**
 * A history of states: byte arrays that resemble each other, such as the frames of an emulator, the steps of an editor,
 * or the versions of a database's image. Content that states have in common is stored once, the rest compressed.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class StateHistory {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'StateHistory';
  readonly #core: Core;
  readonly #onEnd: () => void;
  readonly #sharedPool: ZsPool | undefined;
  readonly #maxStates: number;
  readonly #maxBytes: number;
  readonly #segments: readonly number[];
  readonly #space = new PageSpace(DISK_PAGES);
  readonly #order: StateOrder;
  #lastId = 0;
  #rawBytes = 0;
  /** On a pool of the caller's: payload that the states have added, and that of all others, measured before a push. */
  #ownBytes = 0;
  #othersBytes = 0;
  /**
   * Calls of `get` in progress: they may be nested, as the compressor of a device on the same pool may call the
   * history.
   */
  #readers = 0;
  /** States that left during reads. Their pages are not reused before all reads have ended. */
  readonly #left: State[] = [];
  readonly #cutsByContent: boolean;
  /** Bytes of the lists of cuts. */
  #cutBytes = 0;
  readonly #keepNewest: boolean | undefined;
  readonly #newest: NewestCopy;
  /** Bytes held by the empty history, without the zspages of others. */
  readonly #emptyBytes: number;
  #disk: Disk | undefined;

  /** @internal Made by `Engine.createStateHistory` and `StateHistory.create`. */
  constructor(core: Core, options: StateHistoryOptions | undefined, onEnd: () => void) {
    checkCore(core, 'await StateHistory.create() or engine.createStateHistory()');
    const given = readOptions(options, [...OPTIONS, 'pool'], 'createStateHistory');
    const { maxStates, maxBytes, policy = 'oldest', segments, cuts = 'fixed', keepNewest, pool } = given;
    if (maxStates !== undefined) checkInteger(maxStates, 'maxStates', 1, Number.MAX_SAFE_INTEGER);
    if (!POLICIES.includes(policy)) {
      throw new ZramError('EINVAL', `policy must be 'oldest' or 'thin', not ${describe(policy)}.`);
    }
    if (!CUTS.includes(cuts))
      throw new ZramError('EINVAL', `cuts must be 'fixed' or 'content', not ${describe(cuts)}.`);
    if (keepNewest !== undefined) checkBoolean(keepNewest, 'keepNewest');
    if (pool !== undefined && maxBytes !== undefined) {
      throw new ZramError('EINVAL', 'maxBytes must not be combined with pool: give the pool the option limit instead.');
    }
    this.#core = core;
    this.#onEnd = onEnd;
    this.#sharedPool = pool;
    this.#maxStates = maxStates ?? Infinity;
    this.#maxBytes = maxBytes === undefined ? Infinity : parseSize(maxBytes, 'maxBytes');
    this.#order = new StateOrder(policy);
    this.#segments = segments === undefined ? WHOLE : startsOf(readSegments(segments), Infinity);
    this.#cutsByContent = cuts === 'content';
    this.#keepNewest = keepNewest;
    this.#disk = this.#makePages();
    this.#newest = new NewestCopy(this.#disk);
    const { address } = this.#disk.pool;
    this.#emptyBytes = this.#coreBytes(this.#disk) - (core.raw.poolTotalPages(address) >>> 0) * PAGE_SIZE;
    if (this.#maxBytes < this.#emptyBytes) {
      this.#disk.end();
      throw new ZramError(
        'EINVAL',
        `maxBytes must be at least ${this.#emptyBytes}, the bytes of an empty history, not ${this.#maxBytes}.`,
      );
    }
  }

  #makePages(): Disk {
    const [core, shared] = [this.#core, this.#sharedPool];
    core.makeHashKey(); // first: it may fail
    const pool =
      shared === undefined
        ? PoolLease.own(core, { chainSize: CHAIN_SIZE })
        : PoolLease.of(core, shared, ZsPool.attach(shared, core, this));
    const device = core.raw.zramMake(pool.address, DISK_PAGES, LZ4_LEVEL, 1, 0);
    if (device !== 0) return new Disk(core, device, DISK_PAGES, pool, undefined, true, false);
    pool.release();
    if (shared) ZsPool.detach(shared, this);
    throw noMemoryForDevice();
  }

  /**
   * Makes an engine with one history; destroying the history destroys the engine.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a history
   */
  static async create(options?: Omit<StateHistoryOptions, 'pool'> & EngineOptions): Promise<StateHistory> {
    const given = readOptions(options, [...OPTIONS, ...ENGINE_OPTIONS], 'StateHistory.create');
    const { module, maxMemory, compressors, ...rest } = given;
    const ofEngine = { module, maxMemory, compressors };
    return Host.createFor(ofEngine, 'StateHistory.create', ({ core }, onEnd) => new StateHistory(core, rest, onEnd));
  }

  // ── states ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Adds a state. If there are too many then, or not enough memory, others are evicted as the policy says.
   *
   * It takes about as long as comparing the bytes with the newest state, plus what differs: some 6 µs a page. With
   * `dirty` only that. Evicted states add some microseconds each. For a state that may be too large for the whole limit
   * it takes much longer, since its size is determined before others are evicted.
   * @param bytes any number of bytes; they are copied
   * @param options its segments, and what may have changed
   * @returns the state's id: a number larger than all before it, and never used again
   * @throws ZramError ENOMEM: the state does not fit in maxBytes, the engine's maxMemory or the pool's limit even if
   * all others are evicted, to within 64 KiB and two percent; the other states are kept. Only on a pool with objects of
   * others may states have been evicted in vain, as it is not known what they share with those. EINVAL: wrong bytes,
   * segments or ranges; with `verify`, a byte that differs and is in no range. EIO: with `verify`, the newest state
   * cannot be read
   */
  push(bytes: Uint8Array, options?: PushOptions): number {
    const { segments, dirty, verify = false } = readOptions(options, ['segments', 'dirty', 'verify'], 'push');
    const given = segments === undefined ? undefined : readSegments(segments);
    const ranges = dirty === undefined ? undefined : readRanges(dirty, 'dirty');
    checkBoolean(verify, 'verify');
    checkBytes(bytes, 'bytes');
    const content = viewOf(bytes, 0, lengthOf(bytes));
    const { length } = content;
    const segmented = given === undefined ? clipped(this.#segments, length) : startsOf(given, length);
    if (ranges) checkRanges(ranges, 'dirty', length);
    this.#live();
    const starts = this.#cutsByContent ? cutByContent(this.#core, content, segmented) : segmented;
    const known = ranges && verify ? this.#verifyRanges(content, { length, starts }, ranges) : ranges;
    const disk = this.#live();
    const before = this.#order.size;
    const state = this.#begin(length, starts);
    return this.#counting(disk, () => {
      const why = this.#write(disk, content, state, known);
      if (why === undefined) return state.id;
      this.#drop(disk, state);
      this.#lastId--;
      throw noRoom(why, before - this.#order.size);
    });
  }

  /** Compares the pages that have no byte in a range with the newest state. Returns what is known then. */
  #verifyRanges(bytes: Uint8Array, shape: Segmented, ranges: readonly ByteRange[]): readonly ByteRange[] | undefined {
    const disk = this.#live();
    const like = this.#order.newest;
    if (!like) return ranges;
    const wrong = this.#reading(like, () => undeclared(disk, like, bytes, shape, ranges));
    if (lengthOf(bytes) !== shape.length) throw detached('bytes'); // by a compressor that was called to read
    if (wrong) {
      throw new ZramError(
        'EINVAL',
        `dirty is wrong: between ${wrong[0]} and ${wrong[1]} a byte that it leaves out differs.`,
      );
    }
    return this.#order.newest === like ? ranges : undefined;
  }

  /** Runs a change of the states and, on a pool of the caller's, updates the payload that belongs to them. */
  #counting<T>(disk: Disk, change: () => T): T {
    if (!disk.pool.shared) return change();
    const before = this.#payload(disk);
    this.#othersBytes = before - this.#ownBytes;
    try {
      return change();
    } finally {
      this.#ownBytes += this.#payload(disk) - before;
    }
  }

  #payload({ core, pool }: Disk): number {
    core.raw.poolStats(pool.address);
    return core.number(POOL.bytes);
  }

  /**
   * In a push that ran out of memory: what others shared with the states and have freed since is the states' own now.
   * 0.1 µs for each page of each state.
   */
  #measureOwn(disk: Disk): void {
    const before = this.#ownBytes + this.#othersBytes;
    const added = this.#payload(disk) - before;
    this.#ownBytes = memoryUse(disk).private - added;
    this.#othersBytes = before - this.#ownBytes;
  }

  /** Adds a new, empty state. It is the newest, so it cannot be evicted. */
  #begin(length: number, starts: Starts): State {
    const pages = pagesOf(starts, length);
    const base = this.#space.take(pages, pages < CHUNK_PAGES ? 1 : CHUNK_PAGES);
    if (base === undefined) throw noRoom('all 16 TiB that a history can address are in use');
    const state = new State(++this.#lastId, base, pages, length, starts);
    this.#order.add(state);
    this.#rawBytes += length;
    this.#cutBytes += bytesOfList(starts);
    return state;
  }

  /** Stores a new state's pages. Returns the reason if there is not enough memory for all of them. */
  #write(disk: Disk, bytes: Uint8Array, state: State, ranges: readonly ByteRange[] | undefined): string | undefined {
    const dirty = ranges && new DirtyRanges(ranges);
    let fits = false;
    const makeRoom = (pagesDone: number): boolean => {
      fits ||= this.#canFit(disk, bytes, state, pagesDone);
      return fits && this.#makeRoom(disk);
    };
    const writer = new StateWriter(disk, this.#newest, state, { bytes, dirty, makeRoom });
    if (!writer.write()) return "the engine's maxMemory or the pool's limit is reached";
    const wanted = writer.knowsAll && this.#keeps(state.pages) ? this.#newest.bytesFor(state.pages) : 0;
    const copyBytes = this.#mayFit(disk, state, wanted) ? wanted : 0;
    if (!this.#mayFit(disk, state, copyBytes)) return `it alone exceeds maxBytes, ${this.#maxBytes} bytes`;
    this.#makeSmall(disk, copyBytes);
    if (copyBytes > 0) writer.settle();
    else this.#newest.drop();
    return undefined;
  }

  /** Whether the newest state is to be kept uncompressed as well. */
  #keeps(pages: number): boolean {
    const most = NEWEST_SHARE * Math.min(this.#maxBytes, this.#core.raw.limitBytes());
    return this.#keepNewest ?? pages * PAGE_SIZE <= most;
  }

  /** After a push: evicts others until the bounds hold. */
  #makeSmall(disk: Disk, copyBytes: number): void {
    while (this.#order.size > 1 && (this.#order.size > this.#maxStates || this.#isOver(disk, copyBytes))) {
      this.#drop(disk, this.#order.victim());
    }
  }

  /**
   * Reads a state back. It costs what is decompressed, 1.8 µs a page: not what the newest state holds as well, if that
   * is kept uncompressed, and with `holding` not what `out` has already.
   * @param id as `push` returned it
   * @param out array to fill, as long as the state or longer; it is returned
   * @param options the state that `out` holds already
   * @throws ZramError EINVAL: a state does not exist (any more), or `out` is too short for one; with `verify`, `out` does
   * not hold the state `holding`; EIO: the stored data is damaged
   */
  get(id: number, out?: Uint8Array, options?: GetOptions): Uint8Array {
    const { holding, verify = false } = readOptions(options, ['holding', 'verify'], 'get');
    checkBoolean(verify, 'verify');
    if (out !== undefined) checkBytes(out, 'out');
    const disk = this.#live();
    const state = this.#state(id);
    const held = holding === undefined ? undefined : this.#state(holding);
    const to = outFor(out, state.length);
    if (held) checkHolding(out, held);
    if (held && verify) this.#verifyHolding(disk, held, to);
    this.#reading(this.#state(id), () => readState(disk, this.#newest, state, to, held));
    this.#live();
    this.#state(id); // if it was evicted meanwhile, zeros were read
    return to;
  }

  #verifyHolding(disk: Disk, held: State, out: Uint8Array): void {
    const holds = this.#reading(held, () => holdsState(disk, held, out));
    this.#live();
    this.#state(held.id);
    if (!holds) throw new ZramError('EINVAL', `out does not hold state ${held.id}.`);
  }

  /** Runs what reads a state. The pages of states that leave meanwhile are not reused before. */
  #reading<T>({ id }: State, read: () => T): T {
    this.#readers++;
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
      throw new ZramError('EIO', `cannot read state ${id}: ${sentenceOf(error)}`);
    } finally {
      if (--this.#readers === 0) for (const { base, pages } of this.#left.splice(0)) this.#space.give(base, pages);
    }
  }

  /**
   * Where a state differs from another: the ranges of its bytes, in ascending order, that the other does not have at the
   * same offsets. Written over a copy of the other they make it this state, apart from its length. They are as exact as
   * pages of 4096 bytes, and may name a page that is equal only if one of the two was compressed again on a pool that was
   * given. It costs what differs, and at most some nanoseconds a page.
   * @param from the id of the other state
   * @param to the id of the state
   * @throws ZramError EINVAL: a state does not exist (any more)
   */
  diff(from: number, to: number): ByteRange[] {
    return differenceOf(this.#live(), this.#state(from), this.#state(to));
  }

  /** A state's length in bytes. */
  sizeOf(id: number): number {
    this.#live();
    return this.#state(id).length;
  }

  /**
   * Deletes a state; memory that it does not share with other states is freed. If it is the newest, and is kept
   * uncompressed, so is the one before it then: what differs between the two is read.
   * @throws ZramError EINVAL: the state does not exist (any more)
   */
  delete(id: number): void {
    const disk = this.#live();
    const state = this.#state(id);
    if (state === this.#newest.state) this.#comeBack(disk, state.older);
    this.#counting(disk, () => this.#drop(disk, state));
    if (this.#isOver(disk, this.#newest.heldBytes)) this.#newest.drop(); // the one before may be longer
  }

  /** The newest state is about to be deleted. */
  #comeBack(disk: Disk, older: State | undefined): void {
    // Nothing is read that may call a compressor of somebody's.
    this.#newest.comeBackTo(older && !disk.pool.shared && this.#keeps(older.pages) ? older : undefined);
  }

  /** The ids of all states, oldest first. 0.1 µs for each: 100 ms for a million. */
  ids(): number[] {
    this.#live();
    return this.#order.ids();
  }

  /** The counters, as a frozen copy. */
  stats(): StateHistoryStats {
    const { heldBytes: newestBytes } = this.#newest;
    const heldBytes = this.#coreBytes(this.#live()) + newestBytes;
    return Object.freeze({ states: this.#order.size, rawBytes: this.#rawBytes, heldBytes, newestBytes });
  }

  // ── bounds ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @param copyBytes what the newest state's copy takes, or will take */
  #isOver(disk: Disk, copyBytes: number): boolean {
    return this.#coreBytes(disk) + copyBytes > this.#maxBytes;
  }

  /** Whether the bounds can be kept with a stored state. */
  #mayFit(disk: Disk, state: State, copyBytes: number): boolean {
    return !this.#isOver(disk, copyBytes) || this.#fitsAlone(disk, state, copyBytes);
  }

  /** Whether a stored state would keep within maxBytes if all others were evicted. */
  #fitsAlone(disk: Disk, { base, pages, starts }: State, copyBytes: number): boolean {
    this.#coreBytes(disk);
    const staying = this.#core.number(HELD.metadataBytes);
    const left = this.#maxBytes - this.#emptyBytes - staying - metadataBytes(pages) - bytesOfList(starts) - copyBytes;
    return zspageBytesMax(disk, pages, CHAIN_SIZE) <= left || zspageBytes(disk, base, pages) <= left;
  }

  /** Whether a state that ran out of memory at its page `done` would fit if all others were evicted. */
  #canFit(disk: Disk, bytes: Uint8Array, state: State, done: number): boolean {
    const alone = this.#canFitAlone(disk, bytes, state);
    if (this.#othersBytes <= 0) return alone;
    // It is not known what the rest of the state would share with others on the pool.
    const { payload } = bytesOf(disk, bytes, state, done, LZ4_LEVEL);
    if (alone && payload <= this.#ownBytes) return true;
    this.#measureOwn(disk);
    return this.#othersBytes > 0 ? payload <= this.#ownBytes : alone;
  }

  /** The same on a pool without objects of others. */
  #canFitAlone(disk: Disk, bytes: Uint8Array, state: State): boolean {
    const left = this.#roomAlone(disk, state);
    if (zspageBytesMax(disk, state.pages, disk.pool.shared ? CHAIN_MAX : CHAIN_SIZE) <= left) return true;
    return bytesOf(disk, bytes, state, 0, LZ4_LEVEL).zspages <= left;
  }

  /**
   * Bytes available for a state's zspages if all others were evicted, on a pool without objects of others. Valid only
   * after an allocation has failed.
   */
  #roomAlone({ core, address, pool }: Disk, { pages }: State): number {
    const { raw } = core;
    const held = raw.zramHeldBytes(address);
    const staying = this.#emptyBytes + core.number(HELD.metadataBytes);
    raw.poolStats(pool.address);
    const [handles, unusedCells, limitPages] = [POOL.handles, POOL.unusedCellBytes, POOL.limitPages].map((n) =>
      core.number(n),
    );
    const chunks = handles * CELLS_OF_PAGE_BYTES + unusedCells;
    // The allocation failed because the pool is at its limit, or because memory cannot grow further.
    const atLimit = limitPages !== 0 && (raw.poolTotalPages(pool.address) >>> 0) + CHAIN_MAX > limitPages;
    const memory = atLimit ? raw.limitBytes() : core.reservedBytes();
    const regions = Math.ceil(memory / REGION_BYTES) * REGION_OWN_BYTES;
    const others = raw.usedBytes() - raw.lentBytes() - held - unusedCells;
    const inMemory = memory - regions - others - Math.max(chunks, pages * CELLS_OF_PAGE_BYTES) - tableBytes(pages);
    const inPool = limitPages === 0 ? Infinity : limitPages * PAGE_SIZE;
    return Math.min(inPool, Math.min(inMemory, this.#maxBytes - metadataBytes(pages)) - staying);
  }

  /** Evicts another state for the one that is being pushed. False when there is no other. */
  #makeRoom(disk: Disk): boolean {
    // Memory that compaction frees, also that of others on the pool, serves as well.
    if (disk.pool.shared && this.#core.raw.poolCompact(disk.pool.address) > 0) return true;
    if (this.#order.size < 2) return false;
    this.#drop(disk, this.#order.victim());
    return true;
  }

  #drop(disk: Disk, state: State): void {
    this.#forget(state);
    this.#erase(disk, state);
  }

  #forget(state: State): void {
    this.#order.remove(state);
    this.#rawBytes -= state.length;
    this.#cutBytes -= bytesOfList(state.starts);
  }

  /** Frees a state's pages, and compacts the pool, so that scattered free objects leave no zspage half empty. */
  #erase(disk: Disk, state: State): void {
    this.#core.raw.zramDiscard(disk.address, state.base, state.pages);
    if (this.#readers > 0) this.#left.push(state);
    else this.#space.give(state.base, state.pages);
    if (!disk.pool.shared) this.#core.raw.poolCompact(disk.pool.address);
  }

  #coreBytes(disk: Disk): number {
    return this.#core.raw.zramHeldBytes(disk.address) + this.#cutBytes;
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Frees everything, 0.2 µs for each page of each state. Calling it again does nothing. */
  destroy(): void {
    if (!this.#disk) return;
    this.#disk.end();
    this.#disk = undefined;
    this.#newest.drop();
    this.#order.clear();
    if (this.#sharedPool) ZsPool.detach(this.#sharedPool, this);
    this.#onEnd();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #live(): Disk {
    if (this.#disk) return this.#disk;
    throw new ZramError('EINVAL', 'this StateHistory was destroyed.');
  }

  #state(id: unknown): State {
    const state = this.#order.find(id);
    if (state) return state;
    throw new ZramError(
      'EINVAL',
      `state ${describe(id)} does not exist: it was never pushed here, was deleted, or was evicted.`,
    );
  }
}

/** Of a list that is a state's own: segments are few, or all states'. */
function bytesOfList(starts: Starts): number {
  return 'byteLength' in starts ? starts.byteLength : 0;
}

/** @throws ZramError EINVAL: it cannot hold that state */
function checkHolding(out: Uint8Array | undefined, held: State): void {
  if (out && lengthOf(out) >= held.length) return;
  const given = out ? `an array of ${lengthOf(out)} bytes` : 'no array';
  throw new ZramError(
    'EINVAL',
    `out must be the array that holds state ${held.id}, ${held.length} bytes, not ${given}.`,
  );
}

/** @param gone states that were evicted in vain */
function noRoom(why: string, gone = 0): ZramError {
  const others = gone === 0 ? 'the other states are unchanged' : `${gone} states were evicted in vain`;
  return new ZramError('ENOMEM', `cannot store the state: ${why}. Nothing was stored, and ${others}.`);
}
