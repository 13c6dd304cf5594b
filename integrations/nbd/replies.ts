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

/** Bytes in front of a chunk's data: its header and the offset. */
const DATA_HEADER_BYTES = CHUNK_HEADER_BYTES + 8;

export class Replies {
  readonly #output: Output;
  readonly structured: boolean;

  constructor(output: Output, structured: boolean) {
    this.#output = output;
    this.structured = structured;
  }

  /** Bytes in front of the data of a read. */
  get dataHeaderBytes(): number {
    return this.structured ? DATA_HEADER_BYTES : SIMPLE_REPLY_BYTES;
  }

  room(least: number): Buffer | undefined {
    return this.#output.room(least);
  }

  /** What was put into the room is to be sent. */
  add(bytes: number): void {
    this.#output.add(bytes);
  }

  /** A reply without data. False: there is no room now. */
  done(cookie: bigint): boolean {
    // Only reads and status must be answered in chunks, and clients take both.
    return this.#simple(cookie, 0);
  }

  #simple(cookie: bigint, errno: number): boolean {
    const room = this.#output.room(SIMPLE_REPLY_BYTES);
    if (room === undefined) return false;
    writeSimple(room, cookie, errno);
    this.#output.add(SIMPLE_REPLY_BYTES);
    return true;
  }

  /** A reply that says what failed. False: there is no room now. */
  failed(cookie: bigint, errno: Errno): boolean {
    if (!this.structured) return this.#simple(cookie, errno);
    const message = MESSAGES[errno];
    const length = 6 + message.length;
    const room = this.#output.room(CHUNK_HEADER_BYTES + length);
    if (room === undefined) return false;
    writeChunk(room, cookie, Chunk.ERROR, CHUNK_DONE, length);
    room.writeUInt32BE(errno, CHUNK_HEADER_BYTES);
    room.writeUInt16BE(message.length, CHUNK_HEADER_BYTES + 4);
    room.write(message, CHUNK_HEADER_BYTES + 6, 'latin1');
    this.#output.add(CHUNK_HEADER_BYTES + length);
    return true;
  }

  /** What is allocated: pairs of a length and its flags. False: there is no room now. */
  status(cookie: bigint, extents: readonly (readonly [number, number])[]): boolean {
    const length = 4 + 8 * extents.length;
    const room = this.#output.room(CHUNK_HEADER_BYTES + length);
    if (room === undefined) return false;
    writeChunk(room, cookie, Chunk.BLOCK_STATUS, CHUNK_DONE, length);
    let at = room.writeUInt32BE(BASE_ALLOCATION_ID, CHUNK_HEADER_BYTES);
    for (const [bytes, flags] of extents) at = room.writeUInt32BE(flags, room.writeUInt32BE(bytes, at));
    this.#output.add(CHUNK_HEADER_BYTES + length);
    return true;
  }

  /** The reply to a read of no bytes. False: there is no room now. */
  nothing(cookie: bigint): boolean {
    if (!this.structured) return this.#simple(cookie, 0);
    const room = this.#output.room(CHUNK_HEADER_BYTES);
    if (room === undefined) return false;
    writeChunk(room, cookie, Chunk.NONE, CHUNK_DONE, 0);
    this.#output.add(CHUNK_HEADER_BYTES);
    return true;
  }
}

export function writeSimple(room: Buffer, cookie: bigint, errno: number): void {
  room.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
  room.writeUInt32BE(errno, 4);
  room.writeBigUInt64BE(cookie, 8);
}

export function writeChunk(room: Buffer, cookie: bigint, type: number, flags: number, length: number): void {
  room.writeUInt32BE(STRUCTURED_REPLY_MAGIC, 0);
  room.writeUInt16BE(flags, 4);
  room.writeUInt16BE(type, 6);
  room.writeBigUInt64BE(cookie, 8);
  room.writeUInt32BE(length, 16);
}

/** The head of a chunk of data. */
export function writeDataHead(room: Buffer, cookie: bigint, last: boolean, offset: number, bytes: number): void {
  writeChunk(room, cookie, Chunk.OFFSET_DATA, last ? CHUNK_DONE : 0, 8 + bytes);
  room.writeUInt32BE(Math.floor(offset / 2 ** 32), CHUNK_HEADER_BYTES);
  room.writeUInt32BE(offset >>> 0, CHUNK_HEADER_BYTES + 4);
}
