/** The data of an option, field by field. */
import { STRING_MAX } from './protocol.js';

/** Thrown where an option's data contradict themselves. */
export class Malformed extends Error {}

/** Reads an option's data. */
export class Fields {
  readonly #data: Buffer;
  #at = 0;
  constructor(data: Buffer) {
    this.#data = data;
  }
  #next(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#data.length) throw new Malformed('the data of the option end too early');
    this.#at += bytes;
    return at;
  }
  u16 = (): number => this.#data.readUInt16BE(this.#next(2));
  u32 = (): number => this.#data.readUInt32BE(this.#next(4));
  string(bytes = this.u32()): string {
    if (bytes > STRING_MAX) throw new Malformed(`a string is longer than ${STRING_MAX} bytes`);
    const at = this.#next(bytes);
    return this.#data.toString('utf8', at, at + bytes);
  }
  /** To be called behind the last of them. */
  end(): void {
    if (this.#at !== this.#data.length) throw new Malformed('the data of the option are longer than they say');
  }
}
