/**
 * Decodes LZO1X, in which makedumpfile and QEMU compress pages. The library decodes what a zram device made, pages of
 * 4096 bytes; blocks of a dump have up to 64 KiB, and distances that a page has not.
 *
 * Written from the description of the format: https://docs.kernel.org/staging/lzo.html.
 */

/** First bytes above this one are a number of literals. */
const FIRST_LITERALS = 17;
/** Distances of the long matches begin behind it; a match at it is the end. */
const FAR = 16384;

/** @returns bytes written to `out` @throws RangeError if the block is damaged or does not fit */
export function decodeLzo(block: Uint8Array, out: Uint8Array): number {
  return new Decoder(block, out).run();
}

class Decoder {
  #at = 0;
  #end = 0;

  constructor(
    readonly block: Uint8Array,
    readonly out: Uint8Array,
  ) {}

  run(): number {
    /** Literals that came right before: up to 3 of an instruction, 4 if they were a run of their own. */
    let before = 0;
    if (this.block.length > 0 && this.block[0] > FIRST_LITERALS) {
      const count = this.#byte() - FIRST_LITERALS;
      this.#literals(count);
      before = Math.min(count, 4);
    }
    for (;;) {
      const code = this.#byte();
      let bits = code;
      if (code >= 64) {
        this.#match((code >> 5) + 1, 8 * this.#byte() + ((code >> 2) & 7) + 1);
      } else if (code >= 16) {
        const isFar = code < 32;
        const length = (isFar ? this.#length(code & 7, 7) : this.#length(code & 31, 31)) + 2;
        bits = this.#byte();
        const distance = 64 * this.#byte() + (bits >> 2);
        const far = FAR + 2048 * (code & 8) + distance;
        if (isFar && far === FAR) return this.#finish(length, bits);
        this.#match(length, isFar ? far : distance + 1);
      } else if (before === 0) {
        this.#literals(this.#length(code, 15) + 3);
        before = 4;
        continue;
      } else {
        const distance = 4 * this.#byte() + (code >> 2) + 1;
        if (before === 4) this.#match(3, distance + 2048);
        else this.#match(2, distance);
      }
      before = bits & 3;
      this.#literals(before);
    }
  }

  #finish(length: number, bits: number): number {
    if (length !== 3 || bits !== 0) throw new RangeError('its end is damaged');
    if (this.#at !== this.block.length) throw new RangeError('bytes follow its end');
    return this.#end;
  }

  #byte(): number {
    if (this.#at === this.block.length) throw new RangeError('it ends too early');
    return this.block[this.#at++];
  }

  /** The low bits of an instruction; if all are 0, `most` and the bytes that follow, of which zeros stand for 255. */
  #length(bits: number, most: number): number {
    if (bits > 0) return bits;
    for (let length = most; ; length += 255) {
      const byte = this.#byte();
      if (byte > 0) return length + byte;
    }
  }

  #literals(count: number): void {
    const end = this.#at + count;
    if (end > this.block.length) throw new RangeError('it ends too early');
    this.#checkRoom(count);
    for (let at = this.#at; at < end; at++) this.out[this.#end++] = this.block[at];
    this.#at = end;
  }

  /** Byte by byte: a match may reach into what it makes. */
  #match(length: number, distance: number): void {
    if (distance > this.#end) throw new RangeError('a match begins before it');
    this.#checkRoom(length);
    for (let end = this.#end + length; this.#end < end; this.#end++)
      this.out[this.#end] = this.out[this.#end - distance];
  }

  #checkRoom(count: number): void {
    if (this.#end + count > this.out.length) throw new RangeError('it has more bytes than a page');
  }
}
