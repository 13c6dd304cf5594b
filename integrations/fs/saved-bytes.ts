/** Numbers, text and bytes of the list of inodes in a save file: docs/format.md has their form. */
import { ZramError } from '../../bindings/base/errors.js';

/** Bytes of a piece that is handed on. */
const PIECE_BYTES = 64 * 1024;
/** Most bytes of a number: seven bits each, of 53. */
const NUMBER_BYTES_MAX = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class SavedBytesWriter {
  #bytes = new Uint8Array(2 * PIECE_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Whether there is a piece to be taken. */
  get full(): boolean {
    return this.#at >= PIECE_BYTES;
  }

  /** What was written since the last piece. */
  take(): Uint8Array<ArrayBuffer> {
    const piece = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return piece;
  }

  /** A whole number below 2^53. */
  number(value: number): void {
    this.#makeRoom(NUMBER_BYTES_MAX);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 128;
    this.#bytes[this.#at++] = rest;
  }

  /** A number of 64 bits with fractions. */
  float(value: number): void {
    this.#makeRoom(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** Its length in bytes, and UTF-8. */
  text(text: string): void {
    const bytes = encoder.encode(text);
    this.number(bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #makeRoom(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * this.#bytes.length + length);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

export class SavedBytesReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Bytes that are left: no list can have more entries. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** @param most is refused beyond */
  number(what: string, most = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      if (this.#at >= this.#bytes.length) throw this.wrong('it ends within a record');
      const byte = this.#bytes[this.#at++];
      value += (byte & 127) * unit;
      if (byte < 128) break;
      if (unit === 128 ** (NUMBER_BYTES_MAX - 1)) throw this.wrong('a number has too many bytes');
    }
    if (value > most) throw this.wrong(`${what} is ${value}, beyond ${most}`);
    return value;
  }

  float(): number {
    if (this.left < 8) throw this.wrong('it ends within a record');
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  /** @param most bytes */
  text(what: string, most: number): string {
    const length = this.number(`the length of ${what}`, most);
    const bytes = this.bytes(length);
    try {
      return decoder.decode(bytes);
    } catch {
      throw this.wrong(`${what} is not UTF-8`);
    }
  }

  bytes(length: number): Uint8Array {
    if (this.left < length) throw this.wrong('it ends within a record');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** The error for a list that is damaged, with the place. */
  wrong(what: string): ZramError {
    return damaged(`${what}, at byte ${this.#at} of it`);
  }
}

export function damaged(what: string): ZramError {
  return new ZramError('EINVAL', `the save file’s list of inodes is damaged: ${what}.`);
}
