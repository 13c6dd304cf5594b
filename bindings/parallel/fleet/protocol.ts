/**
 * What the caller's thread and a worker say to each other.
 *
 * Pages travel in parcels: one buffer with a page of records, which say what is to be done in which order, and the pages
 * that are written or read. The worker writes each record's result over its first word and sends the parcel back. A
 * message costs 10 to 20 µs on each side, a page in a parcel well under one. All else (starting, statistics, merging) is
 * a message of its own; messages and parcels arrive in the order in which they were sent.
 */
import { PAGE_SIZE } from '../../arguments.js';
import type { EngineMemory } from '../../engine.js';
import type { ZramErrorCode } from '../../errors.js';
import type { ZramOptions } from '../../zram-options.js';
import type { IoStat, MmStat } from '../../zram-stats.js';

/** Pages of a parcel: a millisecond of work for a worker, so that a message is a few per cent of it. */
export const PARCEL_PAGES = 128;
/** Records of a parcel: they fill a page. More than pages, since same-filled content, frees and discards carry none. */
export const PARCEL_RECORDS = 256;
/** 32-bit words of a record: operation (later its result), page index, and two operands. */
export const RECORD_WORDS = 4;
export const PARCEL_BYTES = (1 + PARCEL_PAGES) * PAGE_SIZE;

/** Stores the parcel's page `operand 0` at the index. */
export const WRITE = 1;
/** Stores a page of one 64-bit value, whose low and high words are the operands. */
export const FILL = 2;
/** Reads the page at the index to the parcel's page `operand 0`. */
export const READ = 3;
/** Frees `operand 0` pages from the index on. */
export const DISCARD = 4;

/** Results of a record. */
export const DONE = 0;
export const NO_ROOM = 1;
export const DAMAGED = 2;
/** Never sent: the caller's own, for the records of a worker that died. */
export const DIED = 3;

/** A parcel's records and pages. Made by each side of the same bytes. */
export class Parcel {
  readonly words: Uint32Array;
  readonly #views: (Uint8Array | undefined)[] = [];

  constructor(readonly buffer: ArrayBufferLike) {
    this.words = new Uint32Array(buffer, 0, PARCEL_RECORDS * RECORD_WORDS);
  }

  page(n: number): Uint8Array {
    return (this.#views[n] ??= new Uint8Array(this.buffer, (1 + n) * PAGE_SIZE, PAGE_SIZE));
  }
}

/** The options of the device in each worker. */
export type DeviceOptions = Omit<ZramOptions, 'pool' | 'backing'>;

/** The calls of a device that every worker carries out. */
export type ControlName = 'init' | 'reset' | 'merge' | 'compact' | 'stats';

/** What `stats` gives. */
export interface WorkerFigures {
  readonly mmStat: MmStat;
  readonly ioStat: IoStat;
  readonly memory: EngineMemory;
}

export type ToWorker =
  | {
      start: { module: object; maxMemory: number | undefined; device: DeviceOptions };
      /** The buffers of the parcels, where memory can be shared. */
      shared: ArrayBufferLike[] | undefined;
    }
  /** `buffer`: where memory cannot be shared; it is transferred. */
  | { parcel: number; records: number; buffer: ArrayBufferLike | undefined }
  | { control: ControlName; argument: unknown };

export interface Fault {
  readonly code: ZramErrorCode;
  readonly message: string;
}

export type FromWorker =
  /** To `start`, and to each control in turn. */
  | { value: unknown }
  | { fault: Fault }
  | { parcel: number; buffer: ArrayBufferLike | undefined }
  /** The worker came to something that must not happen: it is at its end. */
  | { fatal: string };
