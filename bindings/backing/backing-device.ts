/**
 * A backing as used by a device with its snapshots and clones: which reads and writes are in progress, whether a page
 * that is read is the one that was written, and which blocks must not be used.
 *
 * A backing is foreign code on foreign storage. It is given arrays of its own, and what it returns is copied before it
 * is checked.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf, lengthOf, setBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import type { Core } from '../core/core.js';
import { CODEC_FOREIGN, CODEC_PAGE } from '../core/layout.js';
import type { AsyncBacking, Backing } from './backing.js';
import { Arena, padded, type Chunk } from './batches.js';
import { checksumOf, checksumStaged, notWhatWasWritten, PLAIN, SlotRecords, type StoredForm } from './slot-records.js';
import { Transport } from './transport.js';

/** A device in the core that refers to blocks. */
interface DeviceInCore {
  readonly core: Core;
  readonly address: number;
}

/** A page to be written, as it is, or its object. */
export interface Written {
  /** A private copy, which the backing may keep. */
  readonly bytes: Uint8Array;
  /** How many they are, also when the backing has detached them. */
  readonly length: number;
  readonly codec: number;
  /** It is the object as the device stored it, be it a page that does not compress. */
  readonly asObject: boolean;
  readonly checksum: number;
  /** Where the bytes are, if others of the batch are there, too. */
  readonly chunk: Chunk | undefined;
}

/** A write of it. */
export interface SlotWrite extends Written {
  readonly slot: number;
}

/** A read of a slot, from its start until its page has been used. */
export interface Reading {
  readonly slot: number;
  /** Filled by the backing: a page, or an object that is `form.length` long. */
  readonly page: Uint8Array;
  readonly form: StoredForm;
  /** The slot was written since the read began: it belongs to another page now. */
  stale: boolean;
  failure: ZramError | undefined;
  /** Where the page is, if others of the batch are there, too. */
  readonly chunk: Chunk | undefined;
  /** The backing has filled the page, of a batch, and does not use it any more. */
  isFilled: boolean;
  /** Another read of the slot. */
  next: Reading | undefined;
}

export class BackingDevice {
  /** Pages read and written (bd_reads, bd_writes). */
  reads = 0;
  writes = 0;
  /** A writeback is in progress. Only one at a time, of the device, its snapshots and its clones. */
  writing = false;
  readonly transport: Transport;
  #users = 1;
  readonly #devices = new Set<DeviceInCore>();
  #records: SlotRecords | undefined;
  /** Slots that hold something, for a backing that wants to know which no longer do. */
  readonly #held = new Set<number>();
  /** Codecs of objects on the backing, as bits: they must stay known to the engine. */
  #codecs = 0;
  /** By slot, the newest read of it. */
  readonly #readings = new Map<number, Reading>();
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
    this.transport = new Transport(backing, true);
  }

  // ── users ──────────────────────────────────────────────────────────────────────────────────────────────────────

  retain(): this {
    this.#users++;
    return this;
  }

  release(close = true): void {
    if (--this.#users > 0) return;
    this.#tellDiscarded([...this.#held]); // by writes that were over after the last device
    this.transport.release();
    if (close) this.owned?.destroy();
  }

  /** A device, snapshot or clone may refer to blocks from now on. */
  join(device: DeviceInCore): void {
    const { core } = device;
    this.#records ??= new SlotRecords(core);
    this.#devices.add(device);
    core.codecUsers.add(this.#codecsInUse);
  }

  readonly #codecsInUse = (): number => this.#codecs;

  /** To be called before the device ends. The last one releases all blocks. */
  leave(device: DeviceInCore): void {
    this.#devices.delete(device);
    if (this.#devices.size > 0) return;
    const { core, address } = device;
    core.codecUsers.delete(this.#codecsInUse);
    this.#tellDiscarded([...this.#held]);
    for (const cells of [this.#suspects, this.#tried, this.#unsettled]) {
      for (const cell of cells) core.raw.zramDropBlock(address, cell);
    }
    this.#suspects = [];
    this.#tried = [];
    this.#unsettled.clear();
  }

  /** Tells the backing which slots hold nothing any more. @param device any that refers to its blocks */
  tellFreed({ core, address }: DeviceInCore): void {
    if (this.#held.size === 0) return;
    const freed: number[] = [];
    for (let cell = core.raw.zramFreedBlock(address, 0); cell !== 0; cell = core.raw.zramFreedBlock(address, cell)) {
      const slot = core.raw.zramBlockNumber(cell) >>> 0;
      if (this.#held.has(slot)) freed.push(slot);
    }
    this.#tellDiscarded(freed);
  }

  #tellDiscarded(slots: readonly number[]): void {
    for (const slot of slots) this.#held.delete(slot);
    this.transport.discard(slots);
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
  read(slot: number, core: Core): Uint8Array | undefined {
    const reading = this.begin(slot);
    try {
      this.transport.readNow(slot, reading.page);
    } catch (error) {
      reading.failure = failed('read', slot, error);
    } finally {
      this.end(reading);
    }
    return this.pageOf(reading, core);
  }

  /** Reads a slot of an asynchronous backing into `reading`, which holds the page or the failure until its `end`. */
  async fill(reading: Reading): Promise<void> {
    const { slot, page } = reading;
    try {
      await this.transport.read(slot, page);
      reading.isFilled = true;
    } catch (error) {
      reading.failure = failed('read', slot, error);
    }
  }

  /** As `fill`, of a batch, for a backing that takes them. */
  async fillMany(readings: readonly Reading[]): Promise<void> {
    const failures = await this.transport.readMany(
      readings.map(({ slot }) => slot),
      readings.map(({ page }) => page),
    );
    for (const [n, reading] of readings.entries()) {
      const failure = failures[n];
      if (failure) reading.failure = failed('read', reading.slot, failure.reason);
      else reading.isFilled = true;
    }
  }

  /** @param arena where its page is, of a batch */
  begin(slot: number, arena?: Arena): Reading {
    const form = this.#records?.formOf(slot) ?? PLAIN;
    const length = this.transport.objects ? form.length : PAGE_SIZE;
    const reading = {
      slot,
      page: arena?.take(length) ?? new Uint8Array(length),
      form,
      stale: false,
      failure: undefined,
      chunk: arena?.chunk,
      isFilled: false,
      next: this.#readings.get(slot),
    };
    this.#readings.set(slot, reading);
    return reading;
  }

  /** What was read is not used any more. */
  end(reading: Reading): void {
    const { slot, next } = reading;
    if (reading.isFilled) reading.chunk?.release();
    let before = this.#readings.get(slot);
    if (before === reading) {
      if (next) this.#readings.set(slot, next);
      else this.#readings.delete(slot);
      return;
    }
    while (before && before.next !== reading) before = before.next;
    if (before) before.next = next;
  }

  /**
   * The page that was read, valid until the next call of the core; undefined when the slot was written meanwhile.
   * @param blockOf a codec: an object of it is not decoded, but given as it is
   * @throws ZramError EIO: the backing failed, or the page is not the one that was written to the slot
   */
  pageOf({ slot, page, form, stale, failure }: Reading, core: Core, blockOf?: number): Uint8Array | undefined {
    if (stale) return undefined;
    if (failure) throw failure;
    const { codec, length } = form;
    if (lengthOf(page) < length) throw failed('read', slot, 'it detached (transferred) the page');
    // A copy: the backing may have kept a reference.
    setBytes(core.page(), lengthOf(page) === length ? page : viewOf(page, 0, length));
    this.reads++;
    if (!this.#records?.holdsStaged(slot, length)) throw notWhatWasWritten(slot);
    if (codec === CODEC_PAGE) return core.page();
    if (codec === blockOf) return core.page().subarray(0, length);
    if (codec >= CODEC_FOREIGN) return core.codecs.decode(codec, core.page(), length);
    const decoded = core.decodeStaged(length);
    if (decoded) return decoded;
    throw new ZramError('EIO', `the backing's slot ${slot} holds an object that does not decompress.`);
  }

  /** The object that a slot holds; undefined if it was written as a page. */
  objectIn(slot: number): StoredForm | undefined {
    return this.#records?.isObject(slot) ? this.#records.formOf(slot) : undefined;
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A page as it is, of which this makes a copy. */
  pageToWrite(core: Core, page: Uint8Array): Written {
    const bytes = copyOf(page);
    const checksum = checksumOf(core, bytes);
    return { bytes, length: PAGE_SIZE, codec: CODEC_PAGE, asObject: false, checksum, chunk: undefined };
  }

  /** The object that is on the first staging page. @param arena for batches */
  objectToWrite(core: Core, length: number, codec: number, arena: Arena | undefined): Written {
    const bytes = arena?.take(length) ?? new Uint8Array(length);
    bytes.set(length === PAGE_SIZE ? core.page() : core.page().subarray(0, length));
    return { bytes, length, codec, asObject: true, checksum: checksumStaged(core, length), chunk: arena?.chunk };
  }

  /** @throws ZramError EIO */
  write(write: SlotWrite): void {
    this.#beginWrite(write.slot);
    try {
      this.transport.writeNow(write.slot, padded(write.bytes));
    } catch (error) {
      throw failed('write', write.slot, error);
    }
    this.#written(write);
  }

  /**
   * Writes a batch: one page, where the backing takes no more.
   * @returns for each undefined or a ZramError EIO; never rejected
   */
  async writeMany(writes: readonly SlotWrite[]): Promise<readonly (ZramError | undefined)[]> {
    const { transport } = this;
    for (const write of writes) this.#beginWrite(write.slot);
    // A batch before this one may have transferred the buffer.
    const isWhole = writes.map(({ bytes, length }) => bytes.length === length);
    const bytes = writes.map((write) => (transport.objects ? write.bytes : padded(write.bytes)));
    const failures = await transport.writeMany(
      writes.map(({ slot }) => slot),
      bytes,
    );
    return writes.map((write, n) => {
      const failure = failures[n];
      if (failure) return failed('write', write.slot, failure.reason);
      if (!isWhole[n]) return failed('write', write.slot, 'it detached (transferred) the page');
      this.#written(write);
      write.chunk?.release();
      return undefined;
    });
  }

  #beginWrite(slot: number): void {
    for (let reading = this.#readings.get(slot); reading; reading = reading.next) reading.stale = true;
  }

  #written({ slot, checksum, codec, length, asObject }: SlotWrite): void {
    (this.#records as SlotRecords).set(slot, checksum, { codec, length }, asObject);
    this.#codecs |= 1 << codec;
    if (this.transport.wantsDiscards) this.#held.add(slot);
    this.writes++;
  }
}

function failed(what: string, slot: number, error: unknown): ZramError {
  return new ZramError('EIO', `the backing cannot ${what} slot ${slot}: ${textOf(error)}`);
}
