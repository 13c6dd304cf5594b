/**
 * A backing as used by a device with its snapshots and clones: which reads and writes are in progress, whether a page
 * that is read is the one that was written, and which blocks must not be used.
 *
 * A backing is foreign code on foreign storage. It is given arrays of its own, and what it returns is copied before it
 * is checked.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf, lengthOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import type { Core } from '../core/core.js';
import {
  claimBacking,
  isAsynchronous,
  readBacking,
  releaseBacking,
  type AsyncBacking,
  type Backing,
} from './backing.js';
import { Checksums } from './checksums.js';

/** A device in the core that refers to blocks. */
interface DeviceInCore {
  readonly core: Core;
  readonly address: number;
}

/** A read of a slot, from its start until its page has been used. */
export interface Reading {
  readonly slot: number;
  /** Filled by the backing. */
  readonly page: Uint8Array;
  /** The slot was written since the read began: it belongs to another page now. */
  stale: boolean;
  failure: ZramError | undefined;
}

export class BackingDevice {
  /** Pages read and written (bd_reads, bd_writes). */
  reads = 0;
  writes = 0;
  /** A writeback is in progress. Only one at a time, of the device, its snapshots and its clones. */
  writing = false;
  /** Its properties as they were when it was claimed. */
  readonly backing: Backing | AsyncBacking;
  readonly asynchronous: boolean;
  #users = 1;
  readonly #devices = new Set<DeviceInCore>();
  #checksums: Checksums | undefined;
  readonly #readings = new Map<number, Set<Reading>>();
  /**
   * Cells of blocks whose last write failed. Their content is unknown, and a late write may still change it, so they
   * are not given to a page before a write to them has succeeded.
   */
  #suspects: number[] = [];
  /** Suspects that the current writeback has tried already. */
  #tried: number[] = [];
  /** Cells of blocks whose write is still pending although the call or device that began it has ended. */
  readonly #unsettled = new Set<number>();

  /** @param owned what to close with the last user */
  constructor(
    backing: Backing | AsyncBacking,
    readonly owned: { destroy(): void } | undefined,
  ) {
    this.backing = readBacking(backing);
    this.asynchronous = isAsynchronous(this.backing);
    claimBacking(this.backing);
  }

  // ── users ──────────────────────────────────────────────────────────────────────────────────────────────────────

  retain(): this {
    this.#users++;
    return this;
  }

  release(close = true): void {
    if (--this.#users > 0) return;
    releaseBacking(this.backing);
    if (close) this.owned?.destroy();
  }

  /** A device, snapshot or clone may refer to blocks from now on. */
  join(device: DeviceInCore): void {
    this.#checksums ??= new Checksums(device.core);
    this.#devices.add(device);
  }

  /** To be called before the device ends. The last one releases all blocks. */
  leave(device: DeviceInCore): void {
    this.#devices.delete(device);
    if (this.#devices.size > 0) return;
    const { core, address } = device;
    for (const cells of [this.#suspects, this.#tried, this.#unsettled]) {
      for (const cell of cells) core.raw.zramDropBlock(address, cell);
    }
    this.#suspects = [];
    this.#tried = [];
    this.#unsettled.clear();
  }

  // ── blocks that are set aside ─────────────────────────────────────────────────────────────────────────────────

  /** Blocks that hold no page and must not be used. */
  get blocksAside(): number {
    return this.#suspects.length + this.#tried.length + this.#unsettled.size;
  }

  /** Writeback begins: each suspect may be tried once. Those that failed most recently come last. */
  beginTrials(): void {
    this.#suspects = [...this.#tried, ...this.#suspects];
    this.#tried = [];
  }

  /** The next suspect to try; undefined when all were tried. */
  takeSuspect(): number | undefined {
    return this.#suspects.pop();
  }

  /** A write to a block failed. @param tried the block was a suspect on trial */
  suspect(cell: number, tried: boolean): void {
    (tried ? this.#tried : this.#suspects).push(cell);
  }

  /** The writer of a block has ended before its write. `settle` is called when that write is over. */
  abandon(cell: number): void {
    if (this.#devices.size > 0) this.#unsettled.add(cell);
  }

  /** The write to an abandoned block is over. */
  settle(cell: number, written: boolean): void {
    if (!this.#unsettled.delete(cell)) return; // the last device has ended
    if (!written) {
      this.suspect(cell, false);
      return;
    }
    for (const { core, address } of this.#devices) {
      core.raw.zramDropBlock(address, cell);
      return;
    }
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads a slot; undefined when it was written meanwhile and thus belongs to another page.
   * @throws ZramError EIO
   */
  read(slot: number): Uint8Array | undefined {
    const reading = this.begin(slot);
    try {
      now(() => this.backing.read(slot, reading.page));
    } catch (error) {
      reading.failure = failed('read', slot, error);
    } finally {
      this.end(reading);
    }
    return this.pageOf(reading);
  }

  /** Reads a slot of an asynchronous backing into `reading`, which holds the page or the failure until its `end`. */
  async fill(reading: Reading): Promise<void> {
    try {
      await this.backing.read(reading.slot, reading.page);
    } catch (error) {
      reading.failure = failed('read', reading.slot, error);
    }
  }

  begin(slot: number): Reading {
    const reading = { slot, page: new Uint8Array(PAGE_SIZE), stale: false, failure: undefined };
    const others = this.#readings.get(slot);
    if (others) others.add(reading);
    else this.#readings.set(slot, new Set([reading]));
    return reading;
  }

  end(reading: Reading): void {
    const readings = this.#readings.get(reading.slot);
    readings?.delete(reading);
    if (readings?.size === 0) this.#readings.delete(reading.slot);
  }

  /**
   * The page that was read; undefined when the slot was written meanwhile.
   * @throws ZramError EIO: the backing failed, or the page is not the one that was written to the slot
   */
  pageOf({ slot, page, stale, failure }: Reading): Uint8Array | undefined {
    if (stale) return undefined;
    if (failure) throw failure;
    if (lengthOf(page) !== PAGE_SIZE) throw failed('read', slot, 'it detached (transferred) the page');
    const copy = copyOf(page); // the backing may have kept a reference
    this.reads++;
    if (this.#checksums?.holds(slot, copy)) return copy;
    throw new ZramError(
      'EIO',
      `the backing's slot ${slot} does not hold the page that was written there: it is an older page, another one or damaged.`,
    );
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @param page the backing may keep it @throws ZramError EIO */
  write(slot: number, page: Uint8Array): void {
    const checksum = this.#beginWrite(slot, page);
    try {
      now(() => this.backing.write(slot, page));
    } catch (error) {
      throw failed('write', slot, error);
    }
    this.#written(slot, checksum);
  }

  /** @param page the backing may keep it @throws ZramError EIO */
  async writeAsync(slot: number, page: Uint8Array): Promise<void> {
    if (!this.asynchronous) {
      this.write(slot, page);
      return;
    }
    const checksum = this.#beginWrite(slot, page);
    try {
      await this.backing.write(slot, page);
    } catch (error) {
      throw failed('write', slot, error);
    }
    this.#written(slot, checksum);
  }

  #beginWrite(slot: number, page: Uint8Array): number {
    for (const reading of this.#readings.get(slot) ?? []) reading.stale = true;
    return (this.#checksums as Checksums).of(page);
  }

  #written(slot: number, checksum: number): void {
    (this.#checksums as Checksums).set(slot, checksum);
    this.writes++;
  }
}

/** Calls a synchronous backing, which must be done when it returns: a promise is an error. */
function now(call: () => unknown): void {
  const result = call();
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then !== 'function') return;
  Reflect.apply(then, result, [() => undefined, () => undefined]);
  throw new TypeError('it returned a promise, so it must have the property asynchronous: true');
}

function failed(what: string, slot: number, error: unknown): ZramError {
  return new ZramError('EIO', `the backing cannot ${what} slot ${slot}: ${textOf(error)}`);
}
