/// <reference lib="esnext.disposable" preserve="true" />
/**
 * StateHistory: many similar states in little memory, for rewind, undo and time travel.
 *
 * All states stand on one device with deduplication, a range of pages each. A page of a new state is compared with the page at
 * the same place in the newest one; where that is equal, the new state's slot holds the same handle. Any other page is looked
 * for in the deduplication index, which knows the pages of all states, before it is compressed. One device, since one for each
 * state takes four frames or more of its own, which is more than many a state takes that compresses well.
 */
import { PAGE_SIZE, checkBytes, checkInteger, checkOptions, outFor } from './arguments.js';
import { viewOf } from './bytes.js';
import { checkCore, type Core } from './core.js';
import { Engine, ENGINE_OPTIONS, type EngineOptions } from './engine.js';
import { ZramError } from './errors.js';
import { PageSpace } from './page-space.js';
import { PoolLease } from './pool-lease.js';
import { clipped, pagesOf, piecesOf, startsOf, type Segmented } from './segments.js';
import { describe, parseSize, type Size } from './size.js';
import { metadataBytes, zspageBytes } from './state-size.js';
import { StoredPages, sentenceOf } from './stored-pages.js';
import { noMemoryForDevice } from './zram-state.js';
import { ZsPool } from './zs-pool.js';

/** What a history is made with. */
export interface StateHistoryOptions {
  /** Most states: one more, and the policy says which goes. Default: any number. */
  maxStates?: number | undefined;
  /**
   * Most bytes held (`heldBytes`): states go until a new one has room. Not with `pool`, which has a `limit` of its own.
   * Default: none but the engine's `maxMemory`.
   */
  maxBytes?: Size | undefined;
  /**
   * Which state goes when there are too many; the newest never does.
   *
   * - `'oldest'` (default): the one that was pushed first.
   * - `'thin'`: the older, the sparser. The oldest stays too; of the others that one goes whose neighbours are closest to each
   *   other in ratio of age, where age counts pushes. So distances grow with age, about by a constant factor, and n states
   *   reach back for a number of pushes that is exponential in n.
   */
  policy?: 'oldest' | 'thin' | undefined;
  /**
   * Where large buffers begin inside a state: offsets in bytes, ascending. What begins at such an offset is kept from a page
   * boundary on, and so matches other states wherever it stands in them. Offsets behind a state's end are left out.
   * Default: a state is one piece.
   */
  segments?: readonly number[] | undefined;
  /** A pool of the same engine to live on, instead of one of its own (`engine.createStateHistory` only). */
  pool?: ZsPool | undefined;
}

/** What belongs to one state. */
export interface PushOptions {
  /** As `StateHistoryOptions.segments`, for this state; an offset behind its end is `EINVAL`. */
  segments?: readonly number[] | undefined;
}

/** The figures of a history. */
export interface StateHistoryStats {
  /** States that are held. */
  readonly states: number;
  /** Sum of their lengths in bytes. */
  readonly rawBytes: number;
  /**
   * Bytes of memory that they take, all of it: compressed pages, tables, handles and index, and what the allocator has not
   * filled. With `pool` the whole pool counts.
   */
  readonly heldBytes: number;
}

interface State extends Segmented {
  /** Its first page on the device. */
  readonly base: number;
}

const OPTIONS = ['maxStates', 'maxBytes', 'policy', 'segments'] as const;
const POLICIES = ['oldest', 'thin'] as const;
/** Pages of the device: all that 32 bits can name. It is sparse. */
const DISK_PAGES = 2 ** 32 - 1;
const LZ4_LEVEL = 1;
/** Short chains: a class that holds few objects then wastes little. States of a few MiB take a fifth less than with 8, of 64 MiB 2 % more. */
const CHAIN_SIZE = 4;
const WHOLE: readonly number[] = [0];

/**
 * A history of states: arrays of bytes that resemble each other, such as the frames of an emulator, the steps of an editor, or
 * the versions of a database's image. What states have in common is stored once, the rest compressed.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class StateHistory {
  readonly #core: Core;
  readonly #onEnd: () => void;
  readonly #sharedPool: ZsPool | undefined;
  readonly #maxStates: number;
  readonly #maxBytes: number;
  readonly #policy: 'oldest' | 'thin';
  readonly #segments: readonly number[];
  readonly #space = new PageSpace(DISK_PAGES);
  /** By id, oldest first, as a Map keeps the order of insertion. */
  readonly #states = new Map<number, State>();
  /** The one pushed last of those that there are; undefined: not known. */
  #newest: State | undefined;
  #lastId = 0;
  #rawBytes = 0;
  /** What it held before the first push. */
  readonly #emptyBytes: number;
  #stored: StoredPages | undefined;
  /** The engine that `StateHistory.create` made for this history alone. */
  #engine: Engine | undefined;

  /** @internal Made by `Engine.createStateHistory` and `StateHistory.create`. */
  constructor(core: Core, options: StateHistoryOptions | undefined, onEnd: () => void) {
    checkCore(core, 'await StateHistory.create() or engine.createStateHistory()');
    checkOptions(options, [...OPTIONS, 'pool'], 'createStateHistory');
    const { maxStates, maxBytes, policy = 'oldest', segments, pool } = options ?? {};
    if (maxStates !== undefined) checkInteger(maxStates, 'maxStates', 1, Number.MAX_SAFE_INTEGER);
    if (!POLICIES.includes(policy)) {
      throw new ZramError('EINVAL', `policy must be 'oldest' or 'thin', not ${describe(policy)}.`);
    }
    if (pool !== undefined && maxBytes !== undefined) {
      throw new ZramError('EINVAL', 'maxBytes needs a pool of its own; a pool that is given has the option limit.');
    }
    this.#core = core;
    this.#onEnd = onEnd;
    this.#sharedPool = pool;
    this.#maxStates = maxStates ?? Infinity;
    this.#maxBytes = maxBytes === undefined ? Infinity : parseSize(maxBytes, 'maxBytes');
    this.#policy = policy;
    this.#segments = segments === undefined ? WHOLE : startsOf(segments, Infinity);
    this.#stored = this.#makePages();
    this.#emptyBytes = this.#heldBytes(this.#stored);
    if (this.#maxBytes < this.#emptyBytes) {
      this.#stored.end();
      throw new ZramError('EINVAL', `maxBytes must be at least the ${this.#emptyBytes} bytes of an empty history.`);
    }
  }

  #makePages(): StoredPages {
    const [core, shared] = [this.#core, this.#sharedPool];
    const pool =
      shared === undefined
        ? PoolLease.own(core, { chainSize: CHAIN_SIZE })
        : PoolLease.of(core, shared, ZsPool.attach(shared, core, this));
    core.makeHashKey();
    const device = core.raw.zramMake(pool.address, DISK_PAGES, LZ4_LEVEL, 1, 0);
    if (device !== 0) return new StoredPages(core, device, DISK_PAGES, pool, undefined, true, false);
    pool.release();
    if (shared) ZsPool.detach(shared, this);
    throw noMemoryForDevice();
  }

  /**
   * Makes an engine with one history; destroying the history destroys the engine.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a history
   */
  static async create(options?: Omit<StateHistoryOptions, 'pool'> & EngineOptions): Promise<StateHistory> {
    checkOptions(options, [...OPTIONS, ...ENGINE_OPTIONS], 'StateHistory.create');
    const { module, maxMemory, compressors, ...rest } = options ?? {};
    const engine = await Engine.create({ module, maxMemory, compressors });
    const history = engine.createStateHistory(rest);
    history.#engine = engine;
    return history;
  }

  // ── states ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Adds a state. Then, where there are too many, others go as the policy says.
   * @param bytes any number of them; they are copied
   * @returns the state's id: a number that is larger than those before it, and never used again
   * @throws ZramError ENOMEM: the engine's maxMemory or the pool's limit is reached, or the state alone would take more than
   * maxBytes; EINVAL: wrong bytes or segments. The states that there are stay
   */
  push(bytes: Uint8Array, options?: PushOptions): number {
    const stored = this.#live();
    checkBytes(bytes, 'bytes');
    checkOptions(options, ['segments'], 'push');
    const { length } = bytes;
    const given = options?.segments;
    const starts = given === undefined ? clipped(this.#segments, length) : startsOf(given, length);
    const base = this.#space.take(pagesOf(starts, length));
    if (base === undefined) throw noRoom('the 16 TiB that a history can name are in use');
    const state = { length, base, starts };
    if (!this.#write(stored, bytes, state)) {
      this.#erase(stored, state);
      throw noRoom("the engine's maxMemory or the pool's limit is reached");
    }
    if (this.#isOver(stored) && !this.#fitsAlone(stored, state)) {
      this.#erase(stored, state);
      throw noRoom(`it would alone take more than maxBytes, ${this.#maxBytes} bytes`);
    }
    const id = ++this.#lastId;
    this.#states.set(id, state);
    this.#newest = state;
    this.#rawBytes += length;
    while (this.#states.size > 1 && (this.#states.size > this.#maxStates || this.#isOver(stored))) {
      this.#drop(stored, this.#victim());
    }
    return id;
  }

  /** Stores a state's pages; false when there is no room for all of them. */
  #write(stored: StoredPages, bytes: Uint8Array, state: State): boolean {
    const newest = this.#findNewest();
    const others = newest ? [...piecesOf(newest)] : [];
    let n = 0;
    for (const piece of piecesOf(state)) {
      const other = others[n++];
      const like = newest && other ? { page: newest.base + other.page, pages: other.pages } : undefined;
      const part = viewOf(bytes, piece.at, piece.at + piece.length);
      if (!this.#writePiece(stored, state.base + piece.page, part, like)) return false;
    }
    return true;
  }

  #findNewest(): State | undefined {
    if (!this.#newest) for (const state of this.#states.values()) this.#newest = state;
    return this.#newest;
  }

  /** @param like pages that are likely to be equal, in order */
  #writePiece(stored: StoredPages, index: number, bytes: Uint8Array, like?: { page: number; pages: number }): boolean {
    const core = this.#core;
    const pages = Math.ceil(bytes.length / PAGE_SIZE);
    const alike = Math.min(like?.pages ?? 0, pages);
    for (let done = 0; done < pages;) {
      const count = Math.min((done < alike ? alike : pages) - done, core.stagingPages);
      const part = viewOf(bytes, done * PAGE_SIZE, (done + count) * PAGE_SIZE);
      core.staging().set(part);
      if (part.length < count * PAGE_SIZE) core.staging().fill(0, part.length, count * PAGE_SIZE);
      const written =
        like && done < alike
          ? core.raw.zramWriteLike(stored.address, index + done, count, like.page + done)
          : core.raw.zramWritePages(stored.address, index + done, count, 0);
      if (written !== count) return false;
      done += count;
    }
    return true;
  }

  /**
   * Reads a state back.
   * @param id as `push` returned it
   * @param out array to fill, as long as the state or longer; it is returned
   * @throws ZramError EINVAL: there is no such state (any more), or `out` is too short; EIO: what is stored is damaged
   */
  get(id: number, out?: Uint8Array): Uint8Array {
    const stored = this.#live();
    const state = this.#state(id);
    const to = outFor(out, state.length);
    for (const { at, length, page } of piecesOf(state)) {
      try {
        stored.read((state.base + page) * PAGE_SIZE, length, to.subarray(at, at + length));
      } catch (error) {
        if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
        throw new ZramError('EIO', `state ${id} cannot be read: ${sentenceOf(error)}`);
      }
    }
    return to;
  }

  /** A state's length in bytes. */
  sizeOf(id: number): number {
    this.#live();
    return this.#state(id).length;
  }

  /**
   * Lets go of a state; what no other state has in common with it comes free.
   * @throws ZramError EINVAL: there is no such state (any more)
   */
  delete(id: number): void {
    const stored = this.#live();
    this.#state(id);
    this.#drop(stored, id);
  }

  /** The ids of all states, oldest first. */
  ids(): number[] {
    this.#live();
    return [...this.#states.keys()];
  }

  /** What is held, as a frozen copy. */
  stats(): StateHistoryStats {
    const heldBytes = this.#heldBytes(this.#live());
    return Object.freeze({ states: this.#states.size, rawBytes: this.#rawBytes, heldBytes });
  }

  // ── bounds ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #isOver(stored: StoredPages): boolean {
    return this.#heldBytes(stored) > this.#maxBytes;
  }

  /** Whether a state has room when all others have gone. */
  #fitsAlone(stored: StoredPages, { base, starts, length }: State): boolean {
    const pages = pagesOf(starts, length);
    this.#heldBytes(stored);
    const staying = this.#core.number(0);
    const left = this.#maxBytes - this.#emptyBytes - staying - metadataBytes(pages);
    // For a small state the worst case, a zspage for each page, is answer enough.
    return pages * CHAIN_SIZE * PAGE_SIZE <= left || zspageBytes(stored, base, pages) <= left;
  }

  /** The state that goes next, of two or more. */
  #victim(): number {
    const oldest = this.#states.keys().next().value as number;
    if (this.#policy === 'oldest') return oldest;
    const ids = [...this.#states.keys()];
    const age = (n: number): number => this.#lastId + 1 - ids[n];
    let victim = oldest; // where there are two
    let least = Infinity;
    for (let n = 1; n < ids.length - 1; n++) {
      const ratio = age(n - 1) / age(n + 1);
      if (ratio < least) [least, victim] = [ratio, ids[n]];
    }
    return victim;
  }

  #drop(stored: StoredPages, id: number): void {
    const state = this.#state(id);
    this.#states.delete(id);
    if (state === this.#newest) this.#newest = undefined;
    this.#rawBytes -= state.length;
    this.#erase(stored, state);
  }

  /** Frees a state's pages. Of objects that went here and there no zspage stays half empty: held is what is needed. */
  #erase(stored: StoredPages, { base, starts, length }: State): void {
    const pages = pagesOf(starts, length);
    this.#core.raw.zramDiscard(stored.address, base, pages);
    this.#space.give(base, pages);
    if (!stored.pool.shared) this.#core.raw.poolCompact(stored.pool.address);
  }

  #heldBytes(stored: StoredPages): number {
    return this.#core.raw.zramHeldBytes(stored.address);
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Frees everything. Calling it again does nothing. */
  destroy(): void {
    if (!this.#stored) return;
    this.#stored.end();
    this.#stored = undefined;
    this.#states.clear();
    if (this.#sharedPool) ZsPool.detach(this.#sharedPool, this);
    this.#onEnd();
    this.#engine?.destroy();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #live(): StoredPages {
    if (this.#stored) return this.#stored;
    throw new ZramError('EINVAL', 'this StateHistory was destroyed.');
  }

  #state(id: unknown): State {
    const state = this.#states.get(id as number);
    if (state) return state;
    throw new ZramError(
      'EINVAL',
      `there is no state ${describe(id)}: it was never pushed here, was deleted, or made room.`,
    );
  }
}

function noRoom(why: string): ZramError {
  return new ZramError(
    'ENOMEM',
    `no room for the state: ${why}. Nothing was stored, and the other states are as they were.`,
  );
}
