/**
 * A read in progress. Pages are decoded into the buffer that is sent. What fits in one buffer is read before its reply
 * is begun, so that an error is an error reply; of a longer one, structured replies have a chunk for each buffer, while
 * a simple reply, or one that must not be fragmented, has begun when a later page fails: then the connection ends.
 */
import type { NbdDevice } from './exports.js';
import { errnoOf } from './errno.js';
import type { Step } from './handshake.js';
import type { Errno } from './protocol.js';
import type { Cookie, Replies } from './replies.js';

const PAGE_BYTES = 4096;
/** Least that a read is cut into: what a page and its header need. */
const PART_MIN = 64 * 1024;

export class Reading {
  readonly #device: NbdDevice;
  readonly #replies: Replies;
  readonly #cookie: Cookie;
  #offset = 0;
  #left = 0;
  /** One head for all of it. */
  #whole = false;
  #headWritten = false;

  /** @param cookie of the request in hand */
  constructor(device: NbdDevice, replies: Replies, cookie: Cookie) {
    this.#device = device;
    this.#replies = replies;
    this.#cookie = cookie;
  }

  begin(offset: number, length: number, dontFragment: boolean): void {
    this.#offset = offset;
    this.#left = length;
    this.#whole = dontFragment || !this.#replies.structured;
    this.#headWritten = false;
  }

  step(): Step | 'done' {
    const { output } = this.#replies;
    const head = this.#headWritten ? 0 : this.#replies.dataHeaderBytes;
    if (!output.room(head + Math.min(this.#left, PART_MIN))) return 'blocked';
    const bytes = this.#partOf(output.left - head);
    const at = output.used + head;
    try {
      this.#read(output.buffer.part(at, bytes), bytes);
    } catch (error) {
      return this.#failed(errnoOf(error));
    }
    if (head > 0) this.#writeHead(bytes);
    output.add(head + bytes);
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
    if (this.#offset % PAGE_BYTES !== 0 || bytes % PAGE_BYTES !== 0) this.#device.read(this.#offset, bytes, target);
    else if (bytes === PAGE_BYTES) this.#device.readPage(this.#offset / PAGE_BYTES, target);
    else this.#device.readPages(this.#offset / PAGE_BYTES, bytes / PAGE_BYTES, target);
  }

  #writeHead(bytes: number): void {
    if (!this.#replies.structured) this.#replies.writeSimple(this.#cookie, 0);
    else {
      const covered = this.#whole ? this.#left : bytes;
      this.#replies.writeDataHead(this.#cookie, covered === this.#left, this.#offset, covered);
    }
  }

  #failed(errno: Errno): Step | 'done' {
    if (this.#headWritten) return 'end';
    return this.#replies.failed(this.#cookie, errno) ? 'done' : 'blocked';
  }
}
