/** What a history's calls are given, and what they return. */
import type { Size } from '../base/size.js';
import type { ZsPool } from '../zs-pool.js';
import type { ByteRange } from './ranges.js';

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
  /**
   * Where states are cut into the pages that are compared and shared.
   *
   * - `'fixed'` (default): every 4096 bytes from the beginning of a segment. It costs least, and suits memory and disks,
   *   in which nothing moves.
   * - `'content'`: after 1024 to 4096 bytes, where the content decides. What is inserted or removed then changes the pages
   *   around it and no others, as suits texts and documents. A push takes 1 ms more for each MiB, and a byte takes more
   *   memory if nothing moves.
   */
  cuts?: 'fixed' | 'content' | undefined;
  /**
   * Whether the newest state is kept uncompressed as well, so that `push` compares with it instead of decompressing, 0.3
   * µs a page instead of 2, and `get` copies what other states have in common with it. It takes the state's length, in
   * JavaScript's memory, and counts in `heldBytes`. If a state fits in `maxBytes` only without it, it is given up.
   * Default: where it takes at most a quarter of `maxBytes` and of the engine's `maxMemory`.
   */
  keepNewest?: boolean | undefined;
  /** A pool of the same engine to store objects in, instead of one of its own (`engine.createStateHistory` only). */
  pool?: ZsPool | undefined;
}

/** The options of one state. */
export interface PushOptions {
  /** As `StateHistoryOptions.segments`, for this state only; an offset beyond its end is `EINVAL`. */
  segments?: readonly number[] | undefined;
  /**
   * All bytes that may differ from those at the same offset of the newest state, as ranges in any order. Pages without
   * any are not looked at, and get what the newest state has there; so a byte that changed and is not in a range may read
   * as it was before. What is beyond the end of the newest state, or in a segment that begins at another offset there, is
   * always looked at. Default: every byte may differ.
   */
  dirty?: readonly ByteRange[] | undefined;
  /**
   * Compares the pages that `dirty` leaves out with the newest state first, for tests of the caller: it takes as long as
   * `get`. A difference is `EINVAL`, and nothing is stored. Default: false.
   */
  verify?: boolean | undefined;
}

/** The options of reading a state. */
export interface GetOptions {
  /**
   * The id of a state that `out` holds already, from its first byte on: only what differs is read and written. If `out`
   * holds anything else, the result is a mixture of both.
   */
  holding?: number | undefined;
  /**
   * Compares `out` with the state `holding` first, for tests of the caller: it takes as long as reading that. A
   * difference is `EINVAL`, and `out` stays as it was. Default: false.
   */
  verify?: boolean | undefined;
}

/** The counters of a history. */
export interface StateHistoryStats {
  /** Number of states. */
  readonly states: number;
  /** Sum of their lengths in bytes. */
  readonly rawBytes: number;
  /**
   * All memory that they take, in bytes: compressed pages, tables, handles, index, unfilled space in the allocator, and
   * `newestBytes`. With `pool` the whole pool counts.
   */
  readonly heldBytes: number;
  /** Bytes of the newest state as it is kept uncompressed; 0: it is not. */
  readonly newestBytes: number;
}
