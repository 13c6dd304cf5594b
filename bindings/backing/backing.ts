/** Backings: the storage to which pages are written back. */
import { checkBoolean, checkBytes, checkInteger, PAGE_SIZE, UINT32_MAX } from '../base/arguments.js';
import { lengthOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import { claims } from './claims.js';

/**
 * A device of fixed slots, 4096 bytes each, numbered from 0. A call that fails throws. Whatever it throws is reported
 * as an I/O error (`EIO`), and the page stays in memory.
 *
 * A device does not trust its backing. It keeps a checksum of each page that it wrote, so `read` yields that page or
 * `EIO`: an older page, that of another slot, zeros or an unfilled page are detected. A failed `write` may still reach
 * its slot later, so the slot is not given to another page before a write to it has succeeded: such slots are used
 * last, and zeros are written to them first.
 *
 * `slots`, `name`, `read`, `write` and `asynchronous` are read once, when the device is given its backing; the
 * functions are called with the backing as `this`.
 */
export interface Backing {
  /** Number of slots. */
  readonly slots: number;
  /** The name that `backing_dev` shows. */
  readonly name?: string;
  /** Fills `page`, 4096 bytes, from a slot that was written before. It must be filled when the call returns. */
  read(slot: number, page: Uint8Array): void;
  /** Writes `page`, 4096 bytes, to a slot. It must be written when the call returns; the backing may keep `page`. */
  write(slot: number, page: Uint8Array): void;
}

/**
 * A `Backing` with promises, for storage without synchronous calls; the checks are the same. Pages that were written
 * back to it are read with `readAsync()` and `readPagesAsync()`, changed with `writeAsync()` and compared with
 * `diffAsync()`; the synchronous calls throw `EAGAIN` for them. Those of a `Zswap` are loaded with `loadAsync()`.
 *
 * Calls overlap, except for two writes to one slot: as many pages are in flight as the option `writebackBatchSize` says.
 * A backing with `readMany` and `writeMany` gets them in batches, which is what counts where each call is a round trip.
 * A write whose promise is not settled when its device ends, or when the call was aborted, reserves its slot until it is
 * settled, and keeps the backing from other devices.
 *
 * With `objects`, slots hold what the device stores of a page, its compressed object: 1 to 4096 bytes instead of 4096.
 */
export interface AsyncBacking {
  /** Distinguishes it from a `Backing`. */
  readonly asynchronous: true;
  /** Number of slots. */
  readonly slots: number;
  /** The name that `backing_dev` shows. */
  readonly name?: string;
  /** Most pages that `readMany` and `writeMany` should be given at once. Default: 32. */
  readonly batchSize?: number;
  /**
   * `readMany` and `writeMany`, which it must have, are given the objects of pages, in arrays of 1 to 4096 bytes, and
   * `read` and `write` are not called. Default: false.
   */
  readonly objects?: boolean;
  /**
   * False: what `readMany` and `writeMany` were given is not used any more by the backing when they have succeeded, so that
   * the memory serves the next batches, which saves garbage. Default: true.
   */
  readonly keepsArrays?: boolean;
  /** Fills `page`, 4096 bytes, from a slot that was written before. It must be filled when the promise is fulfilled. */
  read(slot: number, page: Uint8Array): Promise<void>;
  /** Writes `page`, 4096 bytes, to a slot. The backing may keep `page`. */
  write(slot: number, page: Uint8Array): Promise<void>;
  /**
   * As `read` of several slots, of which one may be there twice: fills each of `pages`, whose length is that of what was written to the
   * slot. The arrays of a batch may lie in one buffer, which must not be transferred. Used instead of `read`.
   * @returns nothing if all were read; or a list as long, with an error for each slot that was not, else null or undefined.
   * A rejection means that none was read
   */
  readMany?(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown>;
  /**
   * As `readMany`, for who compares what was read with a keyed hash of what was written, as devices do (53 bits): content need
   * not be checked. Used instead of `readMany` by devices.
   */
  readUnchecked?(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown>;
  /** As `write` to several slots, each of which is there once, with arrays and results as of `readMany`. Used instead of `write`. */
  writeMany?(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown>;
  /**
   * Slots whose pages are needed no longer, since they were changed, discarded or brought back. It is told some time
   * later, at the beginning and end of a writeback at the latest; until a slot is written again its content does not
   * matter. Errors are ignored.
   */
  discard?(slots: readonly number[]): void;
}

/** Checks the arguments of the library's own backings: a wrong slot or page is EINVAL before anything has changed. */
export function checkTransfer(slots: number, slot: unknown, page: unknown): void {
  checkInteger(slot, 'slot', 0, slots - 1);
  checkBytes(page, 'page');
  if (lengthOf(page) === PAGE_SIZE) return;
  throw new ZramError('EINVAL', `page must have ${PAGE_SIZE} bytes, not ${lengthOf(page)}.`);
}

export function isAsynchronous(backing: Backing | AsyncBacking): backing is AsyncBacking {
  return (backing as Partial<AsyncBacking>).asynchronous === true;
}

/** The caller's object, by the copy that `readBacking` made of it. */
const origins = new WeakMap<object, object>();

const PROPERTIES = [
  ...['slots', 'name', 'asynchronous', 'read', 'write'],
  ...['batchSize', 'objects', 'keepsArrays', 'readMany', 'readUnchecked', 'writeMany', 'discard'],
] as const;

/** Most pages that a backing may ask to be given at once. */
const BATCH_MAX = 65536;

/**
 * A caller's backing with each property read once: its getters run here and nowhere else.
 * @throws ZramError EINVAL: not a backing
 */
export function readBacking(backing: unknown): Backing | AsyncBacking {
  if (typeof backing === 'object' && backing !== null && origins.has(backing)) return backing as Backing;
  const { slots, name, asynchronous, read, write, ...batches } = propertiesOf(backing);
  if (typeof read !== 'function' || typeof write !== 'function') {
    throw new ZramError('EINVAL', `backing must have slots, read and write, not ${describe(backing)}.`);
  }
  checkInteger(slots, 'backing.slots', 0, UINT32_MAX);
  const call = (method: unknown, given: readonly unknown[]): unknown =>
    Reflect.apply(method as () => unknown, backing, given);
  const made = Object.freeze({
    slots,
    ...(typeof name === 'string' ? { name } : {}),
    read: (slot: number, page: Uint8Array): unknown => call(read, [slot, page]),
    write: (slot: number, page: Uint8Array): unknown => call(write, [slot, page]),
    ...(asynchronous === true ? { asynchronous, ...batchesOf(batches, call) } : {}),
  });
  origins.set(made, backing as object);
  return made;
}

/** What only an asynchronous backing may have. */
function batchesOf(
  {
    batchSize,
    objects = false,
    keepsArrays = true,
    readMany,
    readUnchecked,
    writeMany,
    discard,
  }: Record<string, unknown>,
  call: (method: unknown, given: readonly unknown[]) => unknown,
): Partial<AsyncBacking> {
  checkBoolean(objects, 'backing.objects');
  checkBoolean(keepsArrays, 'backing.keepsArrays');
  if (batchSize !== undefined) checkInteger(batchSize, 'backing.batchSize', 1, BATCH_MAX);
  if (objects && (typeof readMany !== 'function' || typeof writeMany !== 'function')) {
    throw new ZramError('EINVAL', 'a backing of objects must have readMany and writeMany.');
  }
  const batched =
    (method: unknown): NonNullable<AsyncBacking['readMany']> =>
    (slots, pages) =>
      call(method, [slots, pages]) as Promise<unknown>;
  return {
    objects,
    keepsArrays,
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(typeof readMany === 'function' ? { readMany: batched(readMany) } : {}),
    ...(typeof readUnchecked === 'function' ? { readUnchecked: batched(readUnchecked) } : {}),
    ...(typeof writeMany === 'function' ? { writeMany: batched(writeMany) } : {}),
    ...(typeof discard === 'function' ? { discard: (slots) => void call(discard, [slots]) } : {}),
  };
}

function propertiesOf(backing: unknown): Record<string, unknown> {
  try {
    const given = (backing ?? {}) as Record<string, unknown>;
    return Object.fromEntries(PROPERTIES.map((name) => [name, given[name]]));
  } catch (error) {
    throw new ZramError('EINVAL', `cannot read the properties of backing: ${textOf(error)}.`);
  }
}

export function checkBacking(backing: unknown): asserts backing is Backing | AsyncBacking {
  readBacking(backing);
}

/** @throws ZramError EBUSY: it is in use already */
export function claimBacking(backing: Backing | AsyncBacking): void {
  const { backings } = claims();
  const origin = origins.get(backing) ?? backing;
  if (backings.has(origin)) throw new ZramError('EBUSY', 'the backing is in use by another device or zswap.');
  backings.add(origin);
}

export function releaseBacking(backing: Backing | AsyncBacking): void {
  claims().backings.delete(origins.get(backing) ?? backing);
}
