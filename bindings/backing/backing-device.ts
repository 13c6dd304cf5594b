/**
 * A backing as a device uses it, with its snapshots and clones: who reads and writes at the moment, whether what comes back is
 * what was written, and which blocks must not be used.
 *
 * A backing is somebody else's code and somebody else's storage. It is given arrays of its own, and what it gives is copied
 * before it is checked.
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

/** A read of a slot: under way, or its page is being looked at. */
export interface Reading {
  readonly slot: number;
  /** Filled by the backing. */
  readonly page: Uint8Array;
  /** The slot was written since: it is another page's. */
  stale: boolean;
  failure: ZramError | undefined;
}

export class BackingDevice {
  /** Pages read and written (bd_reads, bd_writes). */
  reads = 0;
  writes = 0;
  /** Somebody writes pages back: one at a time, of the device, its snapshots and its clones. */
  writing = false;
  /** As it was when it was claimed. */
  readonly backing: Backing | AsyncBacking;
  readonly asynchronous: boolean;
  #users = 1;
  readonly #devices = new Set<DeviceInCore>();
  #checksums: Checksums | undefined;
  readonly #readings = new Map<number, Set<Reading>>();
  /**
   * Cells of blocks whose last write failed: what is there now, or will be, nobody knows. Nobody is given them before a write
   * to them succeeded.
   */
  #suspects: number[] = [];
  /** Those of them that were tried by the writeback under way. */
  #tried: number[] = [];
  /** Cells of blocks that are being written although whoever wrote has ended. */
  readonly #unsettled = new Set<number>();

  /** @param owned closed with the last user */
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

  /** To be called before the device ends. With the last one all blocks go. */
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

  // ── blocks that are kept aside ─────────────────────────────────────────────────────────────────────────────────

  /** Blocks that hold no page and are nobody's to use. */
  get blocksAside(): number {
    return this.#suspects.length + this.#tried.length + this.#unsettled.size;
  }

  /** Writeback begins: each block that is kept aside may be tried once. Those that failed lately come last. */
  beginTrials(): void {
    this.#suspects = [...this.#tried, ...this.#suspects];
    this.#tried = [];
  }

  /** A block to try; undefined when there is none left. */
  takeSuspect(): number | undefined {
    return this.#suspects.pop();
  }

  /** A write to a block failed. @param tried it was one to try */
  suspect(cell: number, tried: boolean): void {
    (tried ? this.#tried : this.#suspects).push(cell);
  }

  /** Whoever writes to a block has ended; `settle` tells when that write is over. */
  abandon(cell: number): void {
    if (this.#devices.size > 0) this.#unsettled.add(cell);
  }

  /** A write to a block that was abandoned is over. */
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
   * Reads a slot; undefined when it was written meanwhile: then it is another page's.
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

  /** Asks an asynchronous backing for a slot; `reading` tells what came of it, until its `end`. */
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
   * What was read; undefined when the slot was written meanwhile.
   * @throws ZramError EIO: the backing failed, or this is not what was written to the slot
   */
  pageOf({ slot, page, stale, failure }: Reading): Uint8Array | undefined {
    if (stale) return undefined;
    if (failure) throw failure;
    if (lengthOf(page) !== PAGE_SIZE) throw failed('read', slot, 'it detached (transferred) the page');
    const copy = copyOf(page); // the backing may have kept it
    this.reads++;
    if (this.#checksums?.holds(slot, copy)) return copy;
    throw new ZramError(
      'EIO',
      `what the backing has in slot ${slot} is not what was written there: an older page, another one, or a damaged one.`,
    );
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @param page the backing's to keep @throws ZramError EIO */
  write(slot: number, page: Uint8Array): void {
    const checksum = this.#beginWrite(slot, page);
    try {
      now(() => this.backing.write(slot, page));
    } catch (error) {
      throw failed('write', slot, error);
    }
    this.#written(slot, checksum);
  }

  /** @param page the backing's to keep @throws ZramError EIO */
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

/** A backing that does not say it is asynchronous has to be done when it returns. */
function now(call: () => unknown): void {
  const result = call();
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then !== 'function') return;
  Reflect.apply(then, result, [() => undefined, () => undefined]);
  throw new TypeError('it returned a promise; a backing that does so must have the property asynchronous: true');
}

function failed(what: string, slot: number, error: unknown): ZramError {
  return new ZramError('EIO', `the backing could not ${what} slot ${slot}: ${textOf(error)}`);
}
