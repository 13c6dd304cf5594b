/**
 * Where the stored bytes of a sparse file belong: GNU's four notations (its manual, "Storing Sparse Files").
 *
 * GNU's own header (type S) has a table in the header block and in blocks behind it; pax headers have the pairs one by one
 * (0.0), in one text (0.1), or before the content (1.0).
 */
import { BLOCK, numberField, isZeroBlock } from './tar-fields.js';
import { refusal } from './refusal.js';
import { wholeNumber } from './tar-pax.js';

/** A part of a file that is stored: where it is in the file, and how many bytes. */
export interface Part {
  offset: number;
  length: number;
}

/** Parts of one file at most: each takes 24 bytes of a tar, and some more here. */
export const PARTS_MAX = 1 << 20;

/** GNU's header block: four pairs of two numbers of twelve bytes. */
const OLD_TABLE_AT = 386;
const OLD_TABLE_PAIRS = 4;
const OLD_IS_EXTENDED_AT = 482;
const OLD_REAL_SIZE_AT = 483;
/** A block behind it: 21 pairs. */
const EXTENSION_PAIRS = 21;
const EXTENSION_IS_EXTENDED_AT = 504;
const NUMBER_BYTES = 12;
const NEWLINE = 0x0a;

/**
 * Parts in order, apart from each other, inside the file, and together as many bytes as are stored.
 * @throws EBADMSG
 */
export function checkParts(parts: readonly Part[], stored: number, size: number, where: string): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of parts) {
    if (offset < end || length > size - offset) {
      throw refusal('EBADMSG', `the map of the sparse file ${where} is not in order, or leads beyond its size`);
    }
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) {
    throw refusal('EBADMSG', `the map of the sparse file ${where} has ${sum} bytes, and ${stored} are stored`);
  }
}

function checkCount(count: number, where: string): void {
  if (count <= PARTS_MAX) return;
  throw refusal('E2BIG', `the sparse file ${where} has more than ${PARTS_MAX} parts; store it without --sparse`);
}

/** A table of GNU's own header: in its block, and in those behind it. */
export class OldTable {
  readonly parts: Part[] = [];
  readonly realSize: number;
  /** Whether another block with more of the table comes next. */
  continues: boolean;
  readonly #where: string;

  constructor(header: Uint8Array, where: string) {
    this.#where = where;
    this.realSize = this.#number(header, OLD_REAL_SIZE_AT);
    this.#take(header, OLD_TABLE_AT, OLD_TABLE_PAIRS);
    this.continues = header[OLD_IS_EXTENDED_AT] !== 0;
  }

  extend(block: Uint8Array): void {
    this.#take(block, 0, EXTENSION_PAIRS);
    this.continues = block[EXTENSION_IS_EXTENDED_AT] !== 0;
    checkCount(this.parts.length, this.#where);
  }

  #take(block: Uint8Array, at: number, pairs: number): void {
    for (let pair = 0; pair < pairs; pair++, at += 2 * NUMBER_BYTES) {
      if (isZeroBlock(block.subarray(at, at + 2 * NUMBER_BYTES))) continue;
      this.parts.push({ offset: this.#number(block, at), length: this.#number(block, at + NUMBER_BYTES) });
    }
  }

  #number(block: Uint8Array, at: number): number {
    const value = numberField(block, [at, NUMBER_BYTES], `the map of the sparse file ${this.#where}`);
    if (value >= 0) return value;
    throw refusal('EBADMSG', `the map of the sparse file ${this.#where} has a negative number`);
  }
}

/** Of numbers that alternate: offset, length. */
export function partsOf(numbers: readonly string[], where: string): Part[] {
  checkCount(numbers.length / 2, where);
  const what = `the map of the sparse file ${where}`;
  if (numbers.length % 2 !== 0) throw refusal('EBADMSG', `${what} ends with half a part`);
  const parts: Part[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    parts.push({ offset: wholeNumber(numbers[at], what), length: wholeNumber(numbers[at + 1], what) });
  }
  return parts;
}

/** The map before the content, version 1.0: a count, then the pairs, a line each, padded to whole blocks. */
export class MapReader {
  #text = '';
  readonly #lines: string[] = [];
  readonly #where: string;
  /** Lines of the whole map, once the first is known. */
  #needed: number | undefined;

  constructor(where: string) {
    this.#where = where;
  }

  /** Takes a block. @returns the parts, once the map is whole */
  push(block: Uint8Array): Part[] | undefined {
    let from = 0;
    while (this.#needed === undefined || this.#lines.length < this.#needed) {
      const end = block.indexOf(NEWLINE, from);
      this.#text += String.fromCharCode(...block.subarray(from, end === -1 ? BLOCK : end));
      if (this.#text.length > BLOCK) throw refusal('EBADMSG', `the map of the sparse file ${this.#where} is none`);
      if (end === -1) return undefined;
      this.#line(this.#text);
      this.#text = '';
      from = end + 1;
    }
    return partsOf(this.#lines, this.#where);
  }

  #line(text: string): void {
    if (this.#needed !== undefined) {
      this.#lines.push(text);
      return;
    }
    const count = wholeNumber(text, `the number of parts of the sparse file ${this.#where}`);
    checkCount(count, this.#where);
    this.#needed = 2 * count;
  }
}

/** The text of a map of version 1.0, padded. */
export function mapText(parts: readonly Part[]): string {
  const text = [parts.length, ...parts.flatMap(({ offset, length }) => [offset, length])].join('\n') + '\n';
  return text.padEnd(Math.ceil(text.length / BLOCK) * BLOCK, '\0');
}
