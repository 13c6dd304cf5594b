/** Replies to requests, simple or structured as was agreed, made where they are sent from. */
import type { Output } from './output.js';
import {
  BASE_ALLOCATION_ID,
  Chunk,
  CHUNK_DONE,
  CHUNK_HEADER_BYTES,
  Errno,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from './protocol.js';

/** For people who read a client's log; by the specification it may be empty. */
const MESSAGES: Record<Errno, string> = {
  [Errno.EPERM]: 'the export is read only',
  [Errno.EIO]: 'the stored page cannot be read',
  [Errno.EINVAL]: 'the request is beyond the disk, or has flags that were not agreed on',
  [Errno.ENOSPC]: 'no memory is left for the page, or it lies beyond the disk',
  [Errno.EOVERFLOW]: 'the request is longer than 32 MiB',
  [Errno.ESHUTDOWN]: 'the device is gone',
};

/** Of BLOCK_STATUS, by a client that did not ask for `base:allocation`. */
export const NO_CONTEXT = 'no context was chosen (base:allocation), so there is no status';

/** Bytes in front of a chunk's data: its header and the offset. */
const DATA_HEADER_BYTES = CHUNK_HEADER_BYTES + 8;

/** The eight bytes by which a client knows its request again, as two numbers. */
export interface Cookie {
  high: number;
  low: number;
}

export class Replies {
  readonly output: Output;
  readonly structured: boolean;

  constructor(output: Output, structured: boolean) {
    this.output = output;
    this.structured = structured;
  }

  /** Bytes in front of the data of a read. */
  get dataHeaderBytes(): number {
    return this.structured ? DATA_HEADER_BYTES : SIMPLE_REPLY_BYTES;
  }

  /** A reply without data. False: there is no room now. */
  done(cookie: Cookie): boolean {
    // Only reads and status must be answered in chunks, and clients take both.
    return this.#simple(cookie, 0);
  }

  #simple(cookie: Cookie, errno: number): boolean {
    if (!this.output.room(SIMPLE_REPLY_BYTES)) return false;
    this.writeSimple(cookie, errno);
    this.output.add(SIMPLE_REPLY_BYTES);
    return true;
  }

  /** A reply that says what failed. False: there is no room now. */
  failed(cookie: Cookie, errno: Errno, message = MESSAGES[errno]): boolean {
    if (!this.structured) return this.#simple(cookie, errno);
    const length = 6 + message.length;
    const at = this.#chunk(cookie, Chunk.ERROR, length);
    if (at < 0) return false;
    const { bytes, fields } = this.output.buffer;
    fields.setUint32(at, errno);
    fields.setUint16(at + 4, message.length);
    bytes.write(message, at + 6, 'latin1');
    this.output.add(CHUNK_HEADER_BYTES + length);
    return true;
  }

  /** What is allocated: pairs of a length and its flags. False: there is no room now. */
  status(cookie: Cookie, extents: readonly (readonly [number, number])[]): boolean {
    const length = 4 + 8 * extents.length;
    const at = this.#chunk(cookie, Chunk.BLOCK_STATUS, length);
    if (at < 0) return false;
    const { fields } = this.output.buffer;
    fields.setUint32(at, BASE_ALLOCATION_ID);
    let to = at + 4;
    for (const [bytes, flags] of extents) {
      fields.setUint32(to, bytes);
      fields.setUint32(to + 4, flags);
      to += 8;
    }
    this.output.add(CHUNK_HEADER_BYTES + length);
    return true;
  }

  /** The reply to a read of no bytes. False: there is no room now. */
  nothing(cookie: Cookie): boolean {
    if (!this.structured) return this.#simple(cookie, 0);
    if (this.#chunk(cookie, Chunk.NONE, 0) < 0) return false;
    this.output.add(CHUNK_HEADER_BYTES);
    return true;
  }

  /** The header of the one chunk of a reply. @returns where its payload begins; -1: there is no room now */
  #chunk(cookie: Cookie, type: number, length: number): number {
    if (!this.output.room(CHUNK_HEADER_BYTES + length)) return -1;
    this.#writeChunk(cookie, type, CHUNK_DONE, length);
    return this.output.used + CHUNK_HEADER_BYTES;
  }

  /** The head of a simple reply, where the output is; it is not added. */
  writeSimple(cookie: Cookie, errno: number): void {
    const { fields } = this.output.buffer;
    const { used } = this.output;
    fields.setUint32(used, SIMPLE_REPLY_MAGIC);
    fields.setUint32(used + 4, errno);
    fields.setUint32(used + 8, cookie.high);
    fields.setUint32(used + 12, cookie.low);
  }

  #writeChunk(cookie: Cookie, type: number, flags: number, length: number): void {
    const { fields } = this.output.buffer;
    const { used } = this.output;
    fields.setUint32(used, STRUCTURED_REPLY_MAGIC);
    fields.setUint16(used + 4, flags);
    fields.setUint16(used + 6, type);
    fields.setUint32(used + 8, cookie.high);
    fields.setUint32(used + 12, cookie.low);
    fields.setUint32(used + 16, length);
  }

  /** The head of a chunk of data, where the output is; it is not added. */
  writeDataHead(cookie: Cookie, last: boolean, offset: number, bytes: number): void {
    this.#writeChunk(cookie, Chunk.OFFSET_DATA, last ? CHUNK_DONE : 0, 8 + bytes);
    const { fields } = this.output.buffer;
    const at = this.output.used + CHUNK_HEADER_BYTES;
    fields.setUint32(at, Math.floor(offset / 2 ** 32));
    fields.setUint32(at + 4, offset >>> 0);
  }
}
