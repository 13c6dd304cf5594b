/** Numbers and texts as bytes, little-endian. */
import { ZramError } from '../../bindings/base/errors.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Output {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  /** What was put in. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.length, value, true);
    this.length += 2;
  }

  u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
  }

  f64(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    this.u16(bytes.length);
    this.raw(bytes);
  }

  /** Overwrites a number that was put in before. */
  patch32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  #room(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + bytes));
    larger.set(this.bytes());
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

export class Input {
  readonly #view: DataView;
  #at = 0;

  constructor(private readonly bytes: Uint8Array<ArrayBuffer>) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  #take(bytes: number): number {
    if (bytes > this.left) throw damaged('it ends too early');
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  u8(): number {
    return this.bytes[this.#take(1)];
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  raw(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  text(): string {
    const bytes = this.raw(this.u16());
    try {
      return decoder.decode(bytes);
    } catch {
      throw damaged('a name in it is not UTF-8');
    }
  }

  /** A count of things of so many bytes each, which must be there. */
  count(bytesEach: number): number {
    const count = this.u32();
    if (count * bytesEach > this.left) throw damaged('it ends too early');
    return count;
  }
}

export function damaged(how: string): ZramError {
  return new ZramError('EIO', `the store is damaged: ${how}.`);
}
