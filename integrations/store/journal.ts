/**
 * Where the store's state is written: a checkpoint with all of it, and behind that a log of what changed. A change becomes
 * part of the state with one record, whose checksum shows whether it was written whole.
 */
import { ZramError } from '../../bindings/base/errors.js';
import { unitsOf } from './blocks.js';
import { crc32 } from './crc32.js';
import { damaged, Input, Output } from './encoding.js';
import type { StoreFile } from './file.js';
import {
  decodeRoot,
  encodeRoot,
  isUnfinished,
  ROOT_BYTES,
  ROOT_ENCODED,
  ROOTS_UNITS,
  VERSION,
  type Root,
} from './root.js';
import { UNIT, type Extent, type Space } from './space.js';

/** Bytes before the entries of a record: salt, number, length, checksum. */
const HEADER_BYTES = 16;
/** Records begin at multiples of it. */
const ALIGNMENT = 8;
/** A log is as long as the checkpoint, so that writing that again costs no more than the log did, within these bounds. */
const LOG_BYTES_MIN = 2 ** 16;
const LOG_BYTES_MAX = 2 ** 22;
/** Bytes of a new store, at most, with a checkpoint of one empty directory: without a root it is one that was not finished. */
const NEW_BYTES_MAX = 2 * ROOT_BYTES + UNIT;

/** The settings that all roots of a store have. */
export type Settings = Pick<Root, 'algorithm' | 'dictionary'>;

/** What was found in a file. */
export interface Found {
  readonly settings: Settings;
  readonly checkpoint: Uint8Array<ArrayBuffer>;
  /** Entries of the log's records, in order. Of the last one nobody knows yet whether all its blocks were written. */
  readonly records: readonly Uint8Array<ArrayBuffer>[];
}

export class Journal {
  #root: Root | undefined;
  /** Which of the two roots is not the newest. */
  #otherRoot = 0;
  /** That one is whole. It goes with the next record: a store whose newest root is damaged must not open as an older state. */
  #hasOldRoot = false;
  /** Generation of the newest root that may have been written. */
  #generation = 0;
  /** Bytes of the log that are records, and their number. */
  #logBytes = 0;
  #records = 0;
  /** Bytes of the last record, to take it back. */
  #lastBytes = 0;

  constructor(
    private readonly file: StoreFile,
    private readonly space: Space,
  ) {
    if (!space.takeAt(0, ROOTS_UNITS)) throw new Error('the space of a journal must be empty');
  }

  /** The units behind checkpoint and log. */
  get end(): number {
    return Math.max(0, ...(this.#root ? extentsOf(this.#root) : []).map(({ unit, units }) => unit + units));
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * What is in the file; undefined: it is empty, or a new store that was not finished.
   * @throws ZramError EINVAL: it is something else, or of another version; EIO: it is damaged
   */
  read(): Found | undefined {
    const root = this.#readRoots();
    if (!root) return undefined;
    this.#root = root;
    this.#generation = root.generation;
    const { checkpointUnit, checkpointBytes, logUnit, logUnits } = root;
    const { size } = this.file;
    // A log need not have been written, nor one before it.
    const isWithin =
      checkpointUnit * UNIT + checkpointBytes <= size &&
      logUnits * UNIT <= LOG_BYTES_MAX &&
      logUnit * UNIT <= size + 2 * LOG_BYTES_MAX;
    if (!isWithin || !this.#take(checkpointUnit, unitsOf(checkpointBytes)) || !this.#take(logUnit, logUnits)) {
      throw damaged('its root names places that are not there');
    }
    const checkpoint = this.#bytesAt(checkpointUnit, checkpointBytes);
    if (checkpoint.length < checkpointBytes || crc32(checkpoint) !== root.checkpointCrc) {
      throw damaged('the checkpoint is not what was written');
    }
    return { settings: root, checkpoint, records: this.#readLog(root) };
  }

  #take(unit: number, units: number): boolean {
    return units === 0 || this.space.takeAt(unit, units);
  }

  #bytesAt(unit: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.file.read(bytes, unit * UNIT));
  }

  #readRoots(): Root | undefined {
    const bytes = this.#bytesAt(0, 2 * ROOT_BYTES);
    const places = [0, ROOT_BYTES].map((at) => bytes.subarray(at, at + ROOT_BYTES));
    const roots = places.map((place) => decodeRoot(place));
    const unknown = roots.find((root) => typeof root === 'number');
    if (typeof unknown === 'number') {
      throw new ZramError('EINVAL', `the store has version ${unknown} of the format; this library knows ${VERSION}.`);
    }
    const [first, second] = roots as (Root | undefined)[];
    this.#otherRoot = first && !(second && second.generation > first.generation) ? 1 : 0;
    const newest = this.#otherRoot === 1 ? first : second;
    this.#hasOldRoot = first !== undefined && second !== undefined;
    if (newest) return newest;
    if (this.file.size <= NEW_BYTES_MAX && isUnfinished(bytes)) return undefined;
    throw new ZramError('EINVAL', 'the file is no store of zram-wasm, or both of its roots are damaged.');
  }

  #readLog({ logUnit, logUnits, salt }: Root): Uint8Array<ArrayBuffer>[] {
    const log = this.#bytesAt(logUnit, logUnits * UNIT);
    const records: Uint8Array<ArrayBuffer>[] = [];
    for (;;) {
      const entries = recordAt(log, this.#logBytes, salt, records.length);
      if (!entries) break;
      records.push(entries);
      this.#lastBytes = recordBytes(entries.length);
      this.#logBytes += this.#lastBytes;
    }
    this.#records = records.length;
    // Behind a record that was not written whole there is none.
    for (let at = this.#logBytes + ALIGNMENT; at + HEADER_BYTES <= log.length; at += ALIGNMENT) {
      const number = numberAt(log, at, salt);
      if (number > records.length && number < 2 ** 22 && recordAt(log, at, salt, number)) {
        throw damaged('a record in the middle of the log is not what was written');
      }
    }
    return records;
  }

  /** Takes the last record back, for good: some of its blocks were not written, but may be by chance some day. */
  dropLast(): void {
    this.#records--;
    this.#logBytes -= this.#lastBytes;
    this.file.write(new Uint8Array(HEADER_BYTES), (this.#root as Root).logUnit * UNIT + this.#logBytes);
    this.file.flush();
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether entries of so many bytes fit the log. */
  hasRoom(bytes: number): boolean {
    const { logUnits = 0 } = this.#root ?? {};
    return this.#logBytes + recordBytes(bytes) <= logUnits * UNIT;
  }

  /** Adds a record. It counts when `keepRecord` is called, which follows the flush. @returns its bytes */
  writeRecord(entries: Uint8Array): number {
    const { salt, logUnit } = this.#root as Root;
    const out = new Output();
    for (const number of [salt, this.#records, entries.length, 0]) out.u32(number);
    out.raw(entries);
    const crc = crc32(out.bytes());
    out.patch32(HEADER_BYTES - 4, crc);
    out.raw(new Uint8Array(recordBytes(entries.length) - out.length));
    if (this.#hasOldRoot) this.file.write(new Uint8Array(ROOT_ENCODED), this.#otherRoot * ROOT_BYTES);
    this.file.write(out.bytes(), logUnit * UNIT + this.#logBytes);
    return out.length;
  }

  keepRecord(bytes: number): void {
    this.#hasOldRoot = false;
    this.#records++;
    this.#logBytes += bytes;
    this.#lastBytes = bytes;
  }

  /** Takes space for a checkpoint and a new log. `writeCheckpoint`, a flush and `writeRoot` follow. */
  plan(entries: Uint8Array, settings: Settings): Root {
    const logBytes = Math.min(LOG_BYTES_MAX, Math.max(LOG_BYTES_MIN, entries.length));
    const [units, logUnits] = [unitsOf(entries.length), unitsOf(logBytes)];
    const checkpointUnit = this.space.take(units);
    return {
      generation: this.#generation + 1,
      salt: crypto.getRandomValues(new Uint32Array(1))[0],
      checkpointUnit,
      checkpointBytes: entries.length,
      checkpointCrc: crc32(entries),
      logUnit: this.space.take(logUnits),
      logUnits,
      dictionary: settings.dictionary,
      algorithm: settings.algorithm,
    };
  }

  writeCheckpoint({ checkpointUnit }: Root, entries: Uint8Array<ArrayBuffer>): void {
    this.file.write(entries, checkpointUnit * UNIT);
  }

  /** Writes the root, which counts when `keepRoot` is called, which follows the flush. */
  writeRoot(root: Root): void {
    this.#generation = root.generation;
    this.file.write(encodeRoot(root), this.#otherRoot * ROOT_BYTES);
  }

  /** @returns what the root before it took */
  keepRoot(root: Root): Extent[] {
    const old = this.#root ? extentsOf(this.#root) : [];
    this.#hasOldRoot = this.#root !== undefined;
    this.#root = root;
    this.#otherRoot = 1 - this.#otherRoot;
    [this.#logBytes, this.#records, this.#lastBytes] = [0, 0, 0];
    return old;
  }
}

/** Checkpoint and log of a root. */
export function extentsOf({ checkpointUnit, checkpointBytes, logUnit, logUnits }: Root): Extent[] {
  return [
    { unit: checkpointUnit, units: unitsOf(checkpointBytes) },
    { unit: logUnit, units: logUnits },
  ];
}

function recordBytes(entries: number): number {
  return Math.ceil((HEADER_BYTES + entries) / ALIGNMENT) * ALIGNMENT;
}

function numberAt(log: Uint8Array<ArrayBuffer>, at: number, salt: number): number {
  const view = new DataView(log.buffer, log.byteOffset + at, 8);
  return view.getUint32(0, true) === salt ? view.getUint32(4, true) : -1;
}

/** The entries of a record; undefined if it is not there, or not whole. */
function recordAt(
  log: Uint8Array<ArrayBuffer>,
  at: number,
  salt: number,
  number: number,
): Uint8Array<ArrayBuffer> | undefined {
  if (at + HEADER_BYTES > log.length) return undefined;
  const input = new Input(log.subarray(at));
  if (input.u32() !== salt || input.u32() !== number) return undefined;
  const [length, crc] = [input.u32(), input.u32()];
  if (length > input.left) return undefined;
  const header = log.slice(at, at + HEADER_BYTES);
  header.fill(0, HEADER_BYTES - 4);
  const entries = input.raw(length);
  return crc32(entries, crc32(header)) === crc ? entries : undefined;
}
