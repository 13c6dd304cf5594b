/**
 * A read in progress. Pages are decoded into the buffer that is sent. What fits in one buffer is read before its reply
 * is begun, so that an error is an error reply; of a longer one, structured replies have a chunk for each buffer, while
 * a simple reply, or one that must not be fragmented, has begun when a later page fails: then the connection ends.
 */
import type { NbdDevice } from './exports.js';
import { errnoOf } from './errno.js';
import type { Step } from './handshake.js';
import type { Errno } from './protocol.js';
import { writeDataHead, writeSimple, type Replies } from './replies.js';

const PAGE_BYTES = 4096;
/** Least that a read is cut into: what a page and its header need. */
const PART_MIN = 64 * 1024;

export class Reading {
  readonly #device: NbdDevice;
  readonly #replies: Replies;
  #cookie = 0n;
  #offset = 0;
  #left = 0;
  /** One head for all of it. */
  #whole = false;
  #headWritten = false;

  constructor(device: NbdDevice, replies: Replies) {
    this.#device = device;
    this.#replies = replies;
  }

  begin(cookie: bigint, offset: number, length: number, dontFragment: boolean): void {
    this.#cookie = cookie;
    this.#offset = offset;
    this.#left = length;
    this.#whole = dontFragment || !this.#replies.structured;
    this.#headWritten = false;
  }

  step(): Step | 'done' {
    const head = this.#headWritten ? 0 : this.#replies.dataHeaderBytes;
    const room = this.#replies.room(head + Math.min(this.#left, PART_MIN));
    if (room === undefined) return 'blocked';
    const bytes = this.#partOf(room.length - head);
    try {
      this.#read(room.subarray(head, head + bytes), bytes);
    } catch (error) {
      return this.#failed(errnoOf(error));
    }
    if (head > 0) this.#writeHead(room, bytes);
    this.#replies.add(head + bytes);
    this.#offset += bytes;
    this.#left -= bytes;
    if (this.#left === 0) return 'done';
    this.#headWritten = this.#whole;
    return 'again';
  }

  /** As many bytes as fit, ending with a page. */
  #partOf(room: number): number {
    if (this.#left <= room) return this.#left;
    const end = this.#offset + room;
    return end - (end % PAGE_BYTES) - this.#offset;
  }

  #read(target: Buffer, bytes: number): void {
    if (bytes === 0) return;
    if (this.#offset % PAGE_BYTES === 0 && bytes % PAGE_BYTES === 0)
      this.#device.readPages(this.#offset / PAGE_BYTES, bytes / PAGE_BYTES, target);
    else this.#device.read(this.#offset, bytes, target);
  }

  #writeHead(room: Buffer, bytes: number): void {
    if (!this.#replies.structured) writeSimple(room, this.#cookie, 0);
    else {
      const covered = this.#whole ? this.#left : bytes;
      writeDataHead(room, this.#cookie, covered === this.#left, this.#offset, covered);
    }
  }

  #failed(errno: Errno): Step | 'done' {
    if (this.#headWritten) return 'end';
    return this.#replies.failed(this.#cookie, errno) ? 'done' : 'blocked';
  }
}
