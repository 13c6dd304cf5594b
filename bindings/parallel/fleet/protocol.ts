/**
 * What the caller's thread and a worker say to each other.
 *
 * Pages travel in parcels: one buffer with a page of records, which say what is to be done in which order, and the pages
 * that are written or read. The worker writes each record's result over its first word and sends the parcel back. A
 * message costs 10 to 20 µs on each side, a page in a parcel well under one. All else (starting, statistics, merging) is
 * a message of its own; messages and parcels arrive in the order in which they were sent.
 *
 * Parcels and questions are numbered, each by themselves and from 0 for each worker, and what comes back says to which it
 * belongs: a worker may be somebody else's, and say what it was not asked, or twice.
 */
import { PAGE_SIZE } from '../../base/arguments.js';
import type { ZramErrorCode } from '../../base/errors.js';
import { describe, textOf } from '../../base/messages.js';
import type { ZramOptions } from '../../device/options.js';

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

/** Results of a record. No number is an operation's: a record that nobody carried out has none of them. */
export const DONE = 16;
export const NO_ROOM = 17;
/** What is stored does not decompress. */
export const DAMAGED = 18;
/** The compressor failed at the page. */
export const NOT_COMPRESSED = 19;
/** The platform has no such compressor. */
export const UNSUPPORTED = 20;
/** Never sent: the caller's own, for the records of a worker that died. */
export const DIED = 21;
/** The same, for pages that their caller's array takes no longer. */
export const NO_TARGET = 22;

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

/** The calls of a device that every worker carries out. `undo` takes back an `init`, as if it had not been. */
export type ControlName = 'init' | 'undo' | 'reset' | 'idle' | 'recompress' | 'merge' | 'compact' | 'stats';

export type ToWorker =
  | {
      /** The number of the question. */
      ask: number;
      start: { module: object; maxMemory: number | undefined; device: DeviceOptions };
      /** The buffers of the parcels, where memory can be shared. */
      shared: ArrayBufferLike[] | undefined;
    }
  /** `buffer`: where memory cannot be shared; it is transferred. Else `shared[slot]` is the parcel's. */
  | { parcel: number; slot: number; records: number; buffer: ArrayBufferLike | undefined }
  | { ask: number; control: ControlName; argument: unknown };

export interface Fault {
  readonly code: ZramErrorCode;
  readonly message: string;
}

export type FromWorker =
  | { parcel: number; buffer: ArrayBufferLike | undefined }
  | { answer: number; value: unknown }
  | { answer: number; fault: Fault }
  /** The worker came to something that must not happen: it is at its end. */
  | { fatal: string };

/** The same before it was tested. */
export type Heard =
  | { readonly parcel: unknown; readonly buffer: unknown }
  | { readonly answer: unknown; readonly value: unknown; readonly fault: Fault | undefined }
  | { readonly fatal: string };

/**
 * What a worker said, each field read once. Does not throw.
 * @returns undefined for what has none of our words: it was meant for somebody else
 */
export function readMessage(said: unknown): Heard | undefined {
  if (typeof said !== 'object' || said === null) return undefined;
  try {
    const { parcel, buffer, answer, value, fault, fatal } = said as Record<string, unknown>;
    if (parcel !== undefined) return { parcel, buffer };
    if (answer !== undefined) return { answer, value, fault: fault === undefined ? undefined : readFault(fault) };
    return fatal === undefined ? undefined : { fatal: typeof fatal === 'string' ? fatal : describe(fatal) };
  } catch (error) {
    return { fatal: `it sent what cannot be read: ${textOf(error)}` };
  }
}

/** Those that a worker's own calls can end with. */
const CODES: readonly unknown[] = [
  'EINVAL',
  'EBUSY',
  'ENOMEM',
  'ENOSPC',
  'EIO',
  'EAGAIN',
  'EOPNOTSUPP',
] satisfies ZramErrorCode[];

function readFault(fault: unknown): Fault {
  const { code, message } = (fault ?? {}) as Record<string, unknown>;
  if (CODES.includes(code) && typeof message === 'string') return { code: code as ZramErrorCode, message };
  return { code: 'EIO', message: 'EIO: a worker refused a call, and did not say why.' };
}
