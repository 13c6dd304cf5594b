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
import { checkBytes, checkInteger, outFor, PAGE_SIZE, readOptions, UINT32_MAX } from './base/arguments.js';
import { lengthOf, viewOf } from './base/bytes.js';
import { ZramError } from './base/errors.js';
import { describe, sentenceOf } from './base/messages.js';
import { parseSize, type Size } from './base/size.js';
import { checkCore, type Core } from './core/core.js';
import { Host } from './core/host.js';
import { ENGINE_OPTIONS, type EngineOptions } from './core/options.js';
import { noMemoryForDevice, Disk } from './device/disk.js';
import { PoolLease } from './device/pool-lease.js';
import { PageSpace } from './history/page-space.js';
import { clipped, pagesOf, piecesOf, readSegments, startsOf } from './history/segments.js';
import { State, StateOrder } from './history/state-order.js';
import {
  bytesOf,
  CELLS_OF_PAGE_BYTES,
  metadataBytes,
  tableBytes,
  zspageBytes,
  zspageBytesMax,
} from './history/state-size.js';
import { ZsPool } from './zs-pool.js';

/** The options of a history. */
export interface StateHistoryOptions {
  /** Most states; beyond that, the policy selects the one to evict. Default: any number. */
  maxStates?: number | undefined;
  /**
   * Most bytes held (`heldBytes`): states are evicted until a new one fits. Not with `pool`, which has a `limit` of its
   * own. Default: only the engine's `maxMemory`.
   */
  maxBytes?: Size | undefined;
  /**
   * Which state is evicted when there are too many; never the newest.
   *
   * - `'oldest'` (default): the one that was pushed first.
   * - `'thin'`: keeps states the more sparsely, the older they are. The oldest is kept as well; of the others, the one
   *   is evicted whose neighbours have the lowest ratio of ages, counted in pushes. So distances grow with age by about
   *   a constant factor, and n states reach back for a number of pushes that is exponential in n.
   */
  policy?: 'oldest' | 'thin' | undefined;
  /**
   * Where large buffers begin inside a state: offsets in bytes, ascending. The bytes from each offset on are stored
   * from a page boundary on, and so match other states wherever they are in them. Offsets beyond a state's end are
   * ignored. Default: a state is one piece.
   */
  segments?: readonly number[] | undefined;
  /** A pool of the same engine to store objects in, instead of one of its own (`engine.createStateHistory` only). */
  pool?: ZsPool | undefined;
}

/** The options of one state. */
export interface PushOptions {
  /** As `StateHistoryOptions.segments`, for this state only; an offset beyond its end is `EINVAL`. */
  segments?: readonly number[] | undefined;
}

/** The counters of a history. */
export interface StateHistoryStats {
  /** Number of states. */
  readonly states: number;
  /** Sum of their lengths in bytes. */
  readonly rawBytes: number;
  /**
   * All memory that they take, in bytes: compressed pages, tables, handles, index, and unfilled space in the allocator.
   * With `pool` the whole pool counts.
   */
  readonly heldBytes: number;
}

const OPTIONS = ['maxStates', 'maxBytes', 'policy', 'segments'] as const;
const POLICIES = ['oldest', 'thin'] as const;
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
  /** Bytes held by the empty history, without the zspages of others. */
  readonly #emptyBytes: number;
  #disk: Disk | undefined;

  /** @internal Made by `Engine.createStateHistory` and `StateHistory.create`. */
  constructor(core: Core, options: StateHistoryOptions | undefined, onEnd: () => void) {
    checkCore(core, 'await StateHistory.create() or engine.createStateHistory()');
    const given = readOptions(options, [...OPTIONS, 'pool'], 'createStateHistory');
    const { maxStates, maxBytes, policy = 'oldest', segments, pool } = given;
    if (maxStates !== undefined) checkInteger(maxStates, 'maxStates', 1, Number.MAX_SAFE_INTEGER);
    if (!POLICIES.includes(policy)) {
      throw new ZramError('EINVAL', `policy must be 'oldest' or 'thin', not ${describe(policy)}.`);
    }
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
    this.#disk = this.#makePages();
    const { address } = this.#disk.pool;
    this.#emptyBytes = this.#heldBytes(this.#disk) - (core.raw.poolTotalPages(address) >>> 0) * PAGE_SIZE;
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
   * It takes about as long as copying the bytes, plus some microseconds for each evicted state. For a state that may be
   * too large for the whole limit it takes twice as long, since its size is determined before others are evicted.
   * @param bytes any number of bytes; they are copied
   * @returns the state's id: a number larger than all before it, and never used again
   * @throws ZramError ENOMEM: the state does not fit in maxBytes, the engine's maxMemory or the pool's limit even if
   * all others are evicted, to within 64 KiB and two percent; the other states are kept. Only on a pool with objects of
   * others may states have been evicted in vain, as it is not known what they share with those. EINVAL: wrong bytes or
   * segments
   */
  push(bytes: Uint8Array, options?: PushOptions): number {
    const { segments } = readOptions(options, ['segments'], 'push');
    const given = segments === undefined ? undefined : readSegments(segments);
    checkBytes(bytes, 'bytes');
    const content = viewOf(bytes, 0, lengthOf(bytes));
    const { length } = content;
    const starts = given === undefined ? clipped(this.#segments, length) : startsOf(given, length);
    const disk = this.#live();
    const before = this.#order.size;
    const state = this.#begin(length, starts);
    return this.#counting(disk, () => {
      const why = this.#write(disk, content, state) ?? this.#makeSmall(disk, state);
      if (why === undefined) return state.id;
      this.#drop(disk, state);
      this.#lastId--;
      throw noRoom(why, before - this.#order.size);
    });
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

  /** Adds a new, empty state. It is the newest, so it cannot be evicted. */
  #begin(length: number, starts: readonly number[]): State {
    const pages = pagesOf(starts, length);
    const base = this.#space.take(pages);
    if (base === undefined) throw noRoom('all 16 TiB that a history can address are in use');
    const state = new State(++this.#lastId, base, pages, length, starts);
    this.#order.add(state);
    this.#rawBytes += length;
    return state;
  }

  /** Stores a new state's pages. Returns the reason if there is not enough memory for all of them. */
  #write(disk: Disk, bytes: Uint8Array, state: State): string | undefined {
    const like = state.older;
    const others = like ? [...piecesOf(like)] : [];
    let n = 0;
    let fits = false;
    for (const piece of piecesOf(state)) {
      const other = others[n++];
      const alike = like && other ? { page: like.base + other.page, pages: other.pages } : undefined;
      const part = viewOf(bytes, piece.at, piece.at + piece.length);
      for (let done = 0; done < piece.pages;) {
        done = this.#writePiece(disk, state.base + piece.page, part, done, alike);
        if (done === piece.pages) break;
        fits ||= this.#canFit(disk, bytes, state, piece.page + done);
        if (!fits || !this.#makeRoom(disk)) return "the engine's maxMemory or the pool's limit is reached";
      }
    }
    return undefined;
  }

  /**
   * Stores pages of a piece, from the page `from` on. Returns how many are stored then: all, or as many as memory
   * allows.
   * @param like pages that are likely to be equal, in order
   */
  #writePiece(
    disk: Disk,
    index: number,
    bytes: Uint8Array,
    from: number,
    like?: { page: number; pages: number },
  ): number {
    const core = this.#core;
    const pages = Math.ceil(bytes.length / PAGE_SIZE);
    const alike = Math.min(like?.pages ?? 0, pages);
    for (let done = from; done < pages;) {
      const count = Math.min((done < alike ? alike : pages) - done, core.stagingPages);
      const part = viewOf(bytes, done * PAGE_SIZE, (done + count) * PAGE_SIZE);
      core.staging().set(part);
      if (part.length < count * PAGE_SIZE) core.staging().fill(0, part.length, count * PAGE_SIZE);
      const written =
        like && done < alike
          ? core.raw.zramWriteLike(disk.address, index + done, count, like.page + done)
          : core.raw.zramWritePages(disk.address, index + done, count, 0);
      done += written;
      if (written < count) return done;
    }
    return pages;
  }

  /** After a push: evicts others until the bounds hold. Returns the reason if the new state alone exceeds them. */
  #makeSmall(disk: Disk, state: State): string | undefined {
    if (this.#isOver(disk) && !this.#fitsAlone(disk, state)) {
      return `it alone exceeds maxBytes, ${this.#maxBytes} bytes`;
    }
    while (this.#order.size > 1 && (this.#order.size > this.#maxStates || this.#isOver(disk))) {
      this.#drop(disk, this.#order.victim());
    }
    return undefined;
  }

  /**
   * Reads a state back.
   * @param id as `push` returned it
   * @param out array to fill, as long as the state or longer; it is returned
   * @throws ZramError EINVAL: the state does not exist (any more), or `out` is too short; EIO: the stored data is
   * damaged
   */
  get(id: number, out?: Uint8Array): Uint8Array {
    if (out !== undefined) checkBytes(out, 'out');
    const disk = this.#live();
    const state = this.#state(id);
    const to = outFor(out, state.length);
    this.#readers++;
    try {
      for (const { at, length, page } of piecesOf(state)) {
        disk.read((state.base + page) * PAGE_SIZE, length, viewOf(to, at, at + length));
      }
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
      throw new ZramError('EIO', `cannot read state ${id}: ${sentenceOf(error)}`);
    } finally {
      if (--this.#readers === 0) for (const { base, pages } of this.#left.splice(0)) this.#space.give(base, pages);
    }
    this.#live();
    this.#state(id); // if it was evicted meanwhile, zeros were read
    return to;
  }

  /** A state's length in bytes. */
  sizeOf(id: number): number {
    this.#live();
    return this.#state(id).length;
  }

  /**
   * Deletes a state; memory that it does not share with other states is freed.
   * @throws ZramError EINVAL: the state does not exist (any more)
   */
  delete(id: number): void {
    const disk = this.#live();
    const state = this.#state(id);
    this.#counting(disk, () => this.#drop(disk, state));
  }

  /** The ids of all states, oldest first. 0.1 µs for each: 100 ms for a million. */
  ids(): number[] {
    this.#live();
    return this.#order.ids();
  }

  /** The counters, as a frozen copy. */
  stats(): StateHistoryStats {
    const heldBytes = this.#heldBytes(this.#live());
    return Object.freeze({ states: this.#order.size, rawBytes: this.#rawBytes, heldBytes });
  }

  // ── bounds ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #isOver(disk: Disk): boolean {
    return this.#heldBytes(disk) > this.#maxBytes;
  }

  /** Whether a stored state would keep within maxBytes if all others were evicted. */
  #fitsAlone(disk: Disk, { base, pages }: State): boolean {
    this.#heldBytes(disk);
    const staying = this.#core.number(HELD.metadataBytes);
    const left = this.#maxBytes - this.#emptyBytes - staying - metadataBytes(pages);
    return zspageBytesMax(disk, pages, CHAIN_SIZE) <= left || zspageBytes(disk, base, pages) <= left;
  }

  /** Whether a state that ran out of memory at its page `done` would fit if all others were evicted. */
  #canFit(disk: Disk, bytes: Uint8Array, state: State, done: number): boolean {
    if (this.#othersBytes > 0) {
      // It is not known what others on the pool share with the states, nor what the rest of the state would share with
      // them.
      return bytesOf(disk, bytes, state, done, LZ4_LEVEL).payload <= this.#ownBytes;
    }
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
    const others = raw.usedBytes() - held - unusedCells;
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
  }

  /** Frees a state's pages, and compacts the pool, so that scattered free objects leave no zspage half empty. */
  #erase(disk: Disk, state: State): void {
    this.#core.raw.zramDiscard(disk.address, state.base, state.pages);
    if (this.#readers > 0) this.#left.push(state);
    else this.#space.give(state.base, state.pages);
    if (!disk.pool.shared) this.#core.raw.poolCompact(disk.pool.address);
  }

  #heldBytes(disk: Disk): number {
    return this.#core.raw.zramHeldBytes(disk.address);
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Frees everything, 0.2 µs for each page of each state. Calling it again does nothing. */
  destroy(): void {
    if (!this.#disk) return;
    this.#disk.end();
    this.#disk = undefined;
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

/** @param gone states that were evicted in vain */
function noRoom(why: string, gone = 0): ZramError {
  const others = gone === 0 ? 'the other states are unchanged' : `${gone} states were evicted in vain`;
  return new ZramError('ENOMEM', `cannot store the state: ${why}. Nothing was stored, and ${others}.`);
}
