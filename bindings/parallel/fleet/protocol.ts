/**
 * The messages between the caller's thread and a worker.
 *
 * Pages are sent in parcels: one buffer with a page of records, the operations in order, followed by the pages that are
 * written or read. The worker overwrites the first word of each record with its result and returns the parcel. A
 * message costs 10 to 20 µs on each side, a page in a parcel well under 1 µs. Where memory is shared, most parcels need
 * none (mailbox.ts). Everything else (starting, statistics, merging) is a message of its own, and is carried out after
 * the parcels that were sent before it.
 *
 * Parcels and questions are numbered separately, from 0 for each worker, and each answer carries its number: a worker
 * may be a caller's own, and send answers twice or without being asked.
 */
import { PAGE_SIZE } from '../../base/arguments.js';
import type { ZramErrorCode } from '../../base/errors.js';
import { describe, textOf } from '../../base/messages.js';
import type { ZramOptions } from '../../device/options.js';

/** How parcels are cut. */
export interface ParcelShape {
  /** Of each worker: a power of 2, at most 256. */
  readonly parcels: number;
  readonly pages: number;
  /** Pages behind those for what other workers have compressed: as many, or none. */
  readonly blocks: number;
}
/**
 * A parcel is about a millisecond of work for a worker, so that the message adds only a few per cent. Two are at the worker,
 * one is being filled, one on its way back.
 */
export const TRANSFERRED: ParcelShape = { parcels: 4, pages: 128, blocks: 0 };
/**
 * In a mailbox a parcel costs next to nothing, so they are small: a worker without work soon has some. There are many, so that
 * a worker whose core another thread has for a while does not keep the caller's thread from sending work to the others.
 */
export const SHARED: ParcelShape = { parcels: 32, pages: 32, blocks: 32 };
/** Records of a parcel, which fill a page. More than pages, since fills and discards carry no page. */
export const PARCEL_RECORDS = 256;
/** 32-bit words of a record: operation (later its result), page index, and two operands. */
export const RECORD_WORDS = 4;

export function parcelBytes({ pages, blocks }: ParcelShape): number {
  return (1 + pages + blocks) * PAGE_SIZE;
}

/**
 * Stores page `operand 0` of the parcel at the index. The operation's word has a number more above `OPERATION_BITS`: one from
 * `RAW` on, another one at each use of the parcel, or the length of the block that another worker has made of the page
 * meanwhile (stealing.ts). An operand would not do: those of other operations may be any number.
 */
export const WRITE = 1;
export const RAW = 2 ** 13;
/** Stores a page filled with one 64-bit value, whose low and high words are the operands. */
export const FILL = 2;
/** Reads the page at the index to page `operand 0` of the parcel. */
export const READ = 3;
/** Frees `operand 0` pages, from the index on. */
export const DISCARD = 4;
/**
 * Reads a span of pages, from the index on, to the memory with the number of operand 0, from the byte of operand 1 on: those
 * that the worker owns. The operation's word has two numbers more: above `OPERATION_BITS` the parcel's page that holds the
 * span's owners, a byte each, and above `SPAN_SHIFT` the pages of the span. Where a page fails, the second word becomes its
 * place in the span.
 */
export const READ_TO = 5;
export const OPERATION_BITS = 8;
export const OPERATION_MASK = (1 << OPERATION_BITS) - 1;
/** After so many uses of a parcel the numbers of its WRITEs repeat. */
export const USES = 2 ** (32 - OPERATION_BITS) - RAW;
export const SPAN_SHIFT = 16;
export const SPAN_PAGES = 256;

/** Results of a record. They differ from all operations, so that a record that was not carried out is detected. */
export const DONE = 16;
export const NO_ROOM = 17;
/** The stored data does not decompress. */
export const DAMAGED = 18;
/** The compressor failed on the page. */
export const NOT_COMPRESSED = 19;
/** The platform does not have the compressor. */
export const UNSUPPORTED = 20;
/** Never sent: set by the caller's thread for records of a worker that died. */
export const DIED = 21;
/** Never sent: set when the caller's array can no longer take the page. */
export const NO_TARGET = 22;

/** The word of a WRITE with a number from `RAW` on, or the length of a block. */
export function writeWith(number: number): number {
  return (WRITE | (number << OPERATION_BITS)) >>> 0;
}

/** A parcel's records and pages. Each side makes one over the same bytes. */
export class Parcel {
  readonly words: Uint32Array;
  readonly #views: (Uint8Array | undefined)[] = [];

  /** @param at where it begins in the buffer */
  constructor(
    readonly buffer: ArrayBufferLike,
    readonly at = 0,
  ) {
    this.words = new Uint32Array(buffer, at, PARCEL_RECORDS * RECORD_WORDS);
  }

  page(n: number): Uint8Array {
    return (this.#views[n] ??= new Uint8Array(this.buffer, this.at + (1 + n) * PAGE_SIZE, PAGE_SIZE));
  }

  /** Where the block of a page is, in shared memory. */
  block(page: number): Uint8Array {
    return this.page(SHARED.pages + page);
  }
}

/** The memory that a worker shares with the caller's thread, and for stealing with other workers. */
export interface SharedParcels {
  readonly mailbox: ArrayBufferLike;
  /** All parcels. */
  readonly parcels: ArrayBufferLike;
}

/** A worker's parcels in shared memory, by slot. */
export function parcelsIn(memory: ArrayBufferLike): Parcel[] {
  return Array.from({ length: SHARED.parcels }, (_, slot) => new Parcel(memory, slot * parcelBytes(SHARED)));
}

/** The options of the device in each worker. */
export type DeviceOptions = Omit<ZramOptions, 'pool' | 'backing' | 'compressedWriteback' | 'writebackBatchSize'>;

/** The calls of a device that every worker carries out. `undo` reverts an `init`. */
export type ControlName = 'init' | 'undo' | 'reset' | 'idle' | 'recompress' | 'merge' | 'compact' | 'stats';

export type ToWorker =
  | {
      /** The number of the question. */
      ask: number;
      start: { module: object; maxMemory: number | undefined; device: DeviceOptions };
      /** The worker as an owner of pages. */
      owner: number;
      /** If memory is shared: the worker's own, and that of workers which it helps. */
      shared: (SharedParcels & { others: readonly SharedParcels[] }) | undefined;
    }
  /** `buffer` is transferred. Where memory is shared, this only says that parcels are in the mailbox. */
  | { parcel: number; records: number; buffer: ArrayBufferLike | undefined }
  /** Memory of the caller's that is read to; undefined: it will not be read to any more. */
  | { memory: number; buffer: ArrayBufferLike | undefined }
  | { ask: number; control: ControlName; argument: unknown };

export interface Fault {
  readonly code: ZramErrorCode;
  readonly message: string;
}

export type FromWorker =
  /** Where memory is shared, others may have come back before it, and after it. */
  | { parcel: number; buffer: ArrayBufferLike | undefined }
  | { answer: number; value: unknown }
  | { answer: number; fault: Fault }
  /** An unexpected error in the worker, which ends it. */
  | { fatal: string };

/** The same, before its fields are checked. */
export type Heard =
  | { readonly parcel: unknown; readonly buffer: unknown }
  | { readonly answer: unknown; readonly value: unknown; readonly fault: Fault | undefined }
  | { readonly fatal: string };

/**
 * Reads a worker's message, each field once. Never throws.
 * @returns undefined for a message without any of these fields, which is not part of the protocol
 */
export function readMessage(said: unknown): Heard | undefined {
  if (typeof said !== 'object' || said === null) return undefined;
  try {
    const { parcel, buffer, answer, value, fault, fatal } = said as Record<string, unknown>;
    if (parcel !== undefined) return { parcel, buffer };
    if (answer !== undefined) return { answer, value, fault: fault === undefined ? undefined : readFault(fault) };
    return fatal === undefined ? undefined : { fatal: typeof fatal === 'string' ? fatal : describe(fatal) };
  } catch (error) {
    return { fatal: `it sent a message that cannot be read: ${textOf(error)}` };
  }
}

/** The codes with which a worker's calls can fail. */
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
  return { code: 'EIO', message: 'EIO: a worker refused a call without a valid reason.' };
}
