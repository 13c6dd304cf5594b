/**
 * The second part of a connection: requests and replies. Requests are served one after the other, in the order in which
 * they came. Payloads stream, page by page, in both directions; nothing is held but what is in the buffers of `Output`
 * and the socket's last piece.
 */
import { errnoOf } from './errno.js';
import { Payload } from './payload.js';
import type { Agreement, Step } from './handshake.js';
import type { Input } from './input.js';
import type { Output } from './output.js';
import { Command, CommandFlag, Errno, PAYLOAD_MAX, REQUEST_BYTES, REQUEST_MAGIC } from './protocol.js';
import { Reading } from './reading.js';
import { NO_CONTEXT, Replies, type Cookie } from './replies.js';
import { statusOf } from './status.js';

const PAGE_BYTES = 4096;
/** Bytes that are zeroed or discarded at a time: a request may ask for 4 GiB of them, and others wait meanwhile. */
const ZEROES_STEP = 16 * 2 ** 20;
/**
 * Bytes of the disk that requests without a payload may go over, one after the other, before others have their turn:
 * thousands of them come in one piece.
 */
const TURN_BYTES = 64 * 2 ** 20;
/** What a look at the extents costs, however few there are, in bytes gone over. */
const STATUS_BYTES = 64 * 1024;

const { FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO } = CommandFlag;
/** The flags that each command may have, by its number. */
const FLAGS_KNOWN: readonly number[] = [
  FUA | DF, // READ
  FUA, // WRITE
  0, // DISC, which has no reply
  FUA, // FLUSH
  FUA, // TRIM
  FUA, // CACHE
  FUA | NO_HOLE | FAST_ZERO, // WRITE_ZEROES
  FUA | REQ_ONE, // BLOCK_STATUS
];

interface Request {
  flags: number;
  type: number;
  readonly cookie: Cookie;
  offset: number;
  length: number;
}

export class Transmission {
  readonly #input: Input;
  readonly #replies: Replies;
  readonly #agreement: Agreement;
  readonly #request: Request = { flags: 0, type: 0, cookie: { high: 0, low: 0 }, offset: 0, length: 0 };
  readonly #payload: Payload;
  readonly #reading: Reading;
  #state: 'request' | 'payload' | 'reading' | 'zeroing' | 'answering' = 'request';
  /** What the request in hand failed with. */
  #errno: Errno | 0 = 0;
  /** Bytes that are zeroed or discarded. */
  #zeroed = 0;
  /** Bytes gone over in this turn. */
  #turn = 0;

  constructor(input: Input, output: Output, agreement: Agreement) {
    this.#input = input;
    this.#agreement = agreement;
    this.#replies = new Replies(output, agreement.structured);
    this.#payload = new Payload(agreement.opened.writable);
    this.#reading = new Reading(agreement.opened.device, this.#replies, this.#request.cookie);
  }

  get exportName(): string {
    return this.#agreement.opened.name;
  }

  step(): Step {
    switch (this.#state) {
      case 'request':
        return this.#readRequest();
      case 'payload':
        return this.#readPayload();
      case 'reading':
        return this.#read();
      case 'zeroing':
        return this.#zero();
      case 'answering':
        return this.#answer();
    }
  }

  #readRequest(): Step {
    const input = this.#input;
    if (!input.next(REQUEST_BYTES)) return 'more';
    const { taken, takenAt: at } = input;
    // Whoever sends anything else is out of step, and so would be all that follows.
    if (taken.readUInt32BE(at) !== REQUEST_MAGIC) return 'end';
    const request = this.#request;
    request.flags = taken.readUInt16BE(at + 4);
    request.type = taken.readUInt16BE(at + 6);
    request.cookie.high = taken.readUInt32BE(at + 8);
    request.cookie.low = taken.readUInt32BE(at + 12);
    // Beyond 2^53 this rounds, and no disk is that long.
    request.offset = taken.readUInt32BE(at + 16) * 2 ** 32 + taken.readUInt32BE(at + 20);
    request.length = taken.readUInt32BE(at + 24);
    if (request.type === Command.DISC) return 'end';
    this.#errno = this.#check();
    return this.#begin();
  }

  /** What is wrong with the request, before anything is done. */
  #check(): Errno | 0 {
    const { type, flags, offset, length } = this.#request;
    const { opened, allocation, structured } = this.#agreement;
    const known = FLAGS_KNOWN[type];
    if (known === undefined || (flags & ~known) !== 0) return Errno.EINVAL;
    if ((flags & CommandFlag.DF) !== 0 && !structured) return Errno.EINVAL;
    if (type === Command.FLUSH) return 0;
    const writes = type === Command.WRITE || type === Command.TRIM || type === Command.WRITE_ZEROES;
    if (writes && opened.writable === undefined) return Errno.EPERM;
    if (offset + length > opened.size) return writes && type !== Command.TRIM ? Errno.ENOSPC : Errno.EINVAL;
    if ((type === Command.READ || type === Command.WRITE) && length > PAYLOAD_MAX) return Errno.EOVERFLOW;
    if (type === Command.BLOCK_STATUS && (!allocation || length === 0)) return Errno.EINVAL;
    return 0;
  }

  #begin(): Step {
    const { type, offset, length, flags } = this.#request;
    // A write's payload comes whether the write is refused or not.
    if (type === Command.WRITE) {
      this.#payload.begin(offset, length, this.#errno);
      this.#state = 'payload';
    } else if (type === Command.READ && this.#errno === 0 && length > 0) {
      this.#reading.begin(offset, length, (flags & CommandFlag.DF) !== 0);
      this.#state = 'reading';
    } else if ((type === Command.WRITE_ZEROES || type === Command.TRIM) && this.#errno === 0) {
      this.#zeroed = 0;
      this.#state = 'zeroing';
    } else this.#state = 'answering';
    return 'again';
  }

  get #writable() {
    const { writable } = this.#agreement.opened;
    if (writable === undefined) throw new Error('a write to what is read only was not refused');
    return writable;
  }

  #readPayload(): Step {
    this.#payload.take(this.#input);
    if (!this.#payload.done) return 'more';
    this.#errno = this.#payload.errno;
    this.#state = 'answering';
    return 'again';
  }

  #zero(): Step {
    const { type, offset, length } = this.#request;
    const from = offset + this.#zeroed;
    // Steps end with a page, so that no page is split by them.
    const bytes = Math.min(length - this.#zeroed, ZEROES_STEP - (from % PAGE_BYTES));
    try {
      if (type === Command.TRIM) this.#writable.discard(from, bytes);
      else this.#writable.writeZeroes(from, bytes);
    } catch (error) {
      this.#errno = errnoOf(error);
    }
    this.#zeroed += bytes;
    if (this.#zeroed === length || this.#errno !== 0) this.#state = 'answering';
    return this.#went(bytes);
  }

  /** Others have their turn when enough was done. */
  #went(bytes: number): Step {
    this.#turn += bytes;
    if (this.#turn < TURN_BYTES) return 'again';
    this.#turn = 0;
    return 'pause';
  }

  #read(): Step {
    const step = this.#reading.step();
    if (step === 'done') {
      this.#state = 'request';
      return 'again';
    }
    return step;
  }

  #answer(): Step {
    const { type, cookie } = this.#request;
    let answered: boolean;
    if (this.#errno !== 0) answered = this.#replies.failed(cookie, this.#errno, this.#message());
    else if (type === Command.BLOCK_STATUS) return this.#answerStatus();
    else if (type === Command.READ) answered = this.#replies.nothing(cookie);
    else answered = this.#replies.done(cookie);
    if (!answered) return 'blocked';
    this.#state = 'request';
    return 'again';
  }

  /** Of an error, where its number alone would mislead. */
  #message(): string | undefined {
    const isUntold = this.#request.type === Command.BLOCK_STATUS && !this.#agreement.allocation;
    return isUntold && this.#errno === Errno.EINVAL ? NO_CONTEXT : undefined;
  }

  #answerStatus(): Step {
    const { cookie, offset, length, flags } = this.#request;
    const one = (flags & CommandFlag.REQ_ONE) !== 0;
    try {
      const runs = statusOf(this.#agreement.opened.device, offset, length, one);
      if (!this.#replies.status(cookie, runs)) return 'blocked';
      this.#state = 'request';
      return this.#went(runs.reduce((sum, [bytes]) => sum + bytes, STATUS_BYTES));
    } catch (error) {
      this.#errno = errnoOf(error);
      return 'again';
    }
  }
}
