/**
 * The payload of a write. Whole pages that lie in one piece of the socket go to the device from there; the bytes of a
 * page that came in two pieces, or that the write covers in part, are gathered first, so that each page is written
 * once.
 */
import type { Zram } from '../../bindings/index.js';
import { errnoOf } from './errno.js';
import type { Input } from './input.js';
import type { Errno } from './protocol.js';

const PAGE_BYTES = 4096;

export class Payload {
  readonly #device: Zram | undefined;
  readonly #page = Buffer.allocUnsafeSlow(PAGE_BYTES);
  /** Bytes gathered in `#page`, which begin at `#offset`. */
  #gathered = 0;
  #offset = 0;
  /** Bytes that have yet to come. */
  #left = 0;
  /** What has failed; the rest of the payload goes nowhere. */
  errno: Errno | 0 = 0;

  constructor(device: Zram | undefined) {
    this.#device = device;
  }

  begin(offset: number, length: number, errno: Errno | 0): void {
    this.#offset = offset;
    this.#left = length;
    this.#gathered = 0;
    this.errno = errno;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  /** Takes what has arrived. */
  take(input: Input): void {
    while (this.#left > 0) {
      const part = input.some(this.#left);
      if (part.length === 0) return;
      this.#left -= part.length;
      if (this.errno !== 0 || this.#device === undefined) continue;
      try {
        this.#write(this.#device, part);
      } catch (error) {
        this.errno = errnoOf(error);
      }
    }
  }

  #write(device: Zram, part: Buffer): void {
    for (let at = 0; at < part.length;) {
      const whole = this.#gathered === 0 && this.#offset % PAGE_BYTES === 0 ? (part.length - at) & -PAGE_BYTES : 0;
      if (whole > 0) {
        device.writePages(this.#offset / PAGE_BYTES, part.subarray(at, at + whole));
        this.#offset += whole;
        at += whole;
      } else at += this.#gather(device, part.subarray(at));
    }
  }

  /** @returns the bytes taken, up to the end of their page */
  #gather(device: Zram, part: Buffer): number {
    const toEnd = PAGE_BYTES - ((this.#offset + this.#gathered) % PAGE_BYTES);
    const bytes = Math.min(part.length, toEnd);
    // `#left` has what came already taken off, so it is what comes after `part`.
    const last = bytes === part.length && this.#left === 0;
    if (this.#gathered === 0 && (bytes === toEnd || last)) {
      device.write(this.#offset, part.subarray(0, bytes));
      this.#offset += bytes;
      return bytes;
    }
    part.copy(this.#page, this.#gathered, 0, bytes);
    this.#gathered += bytes;
    if (bytes < toEnd && !last) return bytes;
    const [offset, gathered] = [this.#offset, this.#gathered];
    this.#offset += gathered;
    this.#gathered = 0;
    device.write(offset, this.#page.subarray(0, gathered));
    return bytes;
  }
}
