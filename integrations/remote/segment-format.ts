/**
 * A segment: some hundreds of values in one object, since a request to an object store costs as much as a MiB. Values
 * first, so that it is written in one go; then the index and a footer of fixed length, so that who has the object's size gets
 * the index with one request for its end.
 *
 * ```text
 * 0        8 bytes  89 5A 53 47 0D 0A 1A 0A
 * 8        values, one after the other, in the order of the index
 * …        index: for each value its key (16 bytes) and its length (2), 1 to 4096
 * size-24  4  version, 1
 *          4  number of values
 *          4  CRC-32 of the index
 *          4  CRC-32 of the 12 bytes before this
 *          8  89 5A 53 47 0D 0A 1A 0A
 * ```
 *
 * Numbers are little-endian. The values have no checksum of their own: their keys are one.
 */
import { ZramError } from '../../bindings/base/errors.js';
import { crc32 } from '../store/crc32.js';
import { KEY_SIZE } from './tier.js';

const MAGIC = Uint8Array.of(0x89, 0x5a, 0x53, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const VERSION = 1;
const HEADER_SIZE = MAGIC.length;
export const ENTRY_SIZE = KEY_SIZE + 2;
export const FOOTER_SIZE = 24;
/** A page as it is; blocks are shorter. */
export const VALUE_SIZE_MAX = 4096;

/** The index of a segment. */
export interface SegmentIndex {
  /** Keys with lengths, {@link ENTRY_SIZE} bytes each. */
  readonly entries: Uint8Array;
  readonly count: number;
}

/** Collects values into the bytes of a segment. */
export class SegmentBuilder {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = HEADER_SIZE;
  #entries = new Uint8Array(64 * ENTRY_SIZE);
  count = 0;

  /** @param room bytes that it is likely to hold; it grows */
  constructor(room: number) {
    this.#bytes = new Uint8Array(room);
    this.#bytes.set(MAGIC);
  }

  /** Bytes of the values. */
  get valueBytes(): number {
    return this.#length - HEADER_SIZE;
  }

  /** Puts a value in, which is copied. Returns where it will be. */
  add(key: Uint8Array, value: Uint8Array): number {
    const at = this.#length;
    this.#bytes = withRoom(this.#bytes, at + value.length);
    this.#bytes.set(value, at);
    this.#length += value.length;
    const entry = this.count++ * ENTRY_SIZE;
    this.#entries = withRoom(this.#entries, entry + ENTRY_SIZE);
    this.#entries.set(key, entry);
    view(this.#entries).setUint16(entry + KEY_SIZE, value.length, true);
    return at;
  }

  /** The segment's bytes. The builder is not used again. */
  finish(): Uint8Array<ArrayBuffer> {
    const indexSize = this.count * ENTRY_SIZE;
    const size = this.#length + indexSize + FOOTER_SIZE;
    const bytes = withRoom(this.#bytes, size).subarray(0, size);
    const index = bytes.subarray(this.#length, this.#length + indexSize);
    index.set(this.#entries.subarray(0, indexSize));
    const footer = bytes.subarray(size - FOOTER_SIZE);
    const fields = view(footer);
    fields.setUint32(0, VERSION, true);
    fields.setUint32(4, this.count, true);
    fields.setUint32(8, crc32(index), true);
    fields.setUint32(12, crc32(footer.subarray(0, 12)), true);
    footer.set(MAGIC, 16);
    return bytes;
  }
}

/**
 * Reads the index from the end of a segment. Nothing of it is used before its checksums are right.
 * @param size bytes of the segment
 * @param tail its last bytes, {@link FOOTER_SIZE} or more, or all
 * @returns the index, or the number of bytes of the end that are needed
 * @throws ZramError EIO: it is no segment, is damaged or of another version
 */
export function readIndex(size: number, tail: Uint8Array): SegmentIndex | number {
  if (size < HEADER_SIZE + FOOTER_SIZE || tail.length < FOOTER_SIZE || tail.length > size) throw damaged('too short');
  const footer = tail.subarray(tail.length - FOOTER_SIZE);
  const fields = view(footer);
  if (!MAGIC.every((byte, n) => footer[16 + n] === byte)) throw damaged('it does not end as one');
  if (fields.getUint32(12, true) !== crc32(footer.subarray(0, 12))) throw damaged('the checksum of its end is wrong');
  if (fields.getUint32(0, true) !== VERSION) throw damaged(`its version is ${fields.getUint32(0, true)}`);
  const count = fields.getUint32(4, true);
  const needed = count * ENTRY_SIZE + FOOTER_SIZE;
  if (needed > size - HEADER_SIZE) throw damaged('its index is longer than it');
  if (needed > tail.length) return needed;
  const entries = tail.slice(tail.length - needed, tail.length - FOOTER_SIZE);
  if (fields.getUint32(8, true) !== crc32(entries)) throw damaged('the checksum of its index is wrong');
  checkLengths(entries, count, size - HEADER_SIZE - needed);
  return { entries, count };
}

function checkLengths(entries: Uint8Array, count: number, valueBytes: number): void {
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const length = lengthAt(entries, n);
    if (length < 1 || length > VALUE_SIZE_MAX) throw damaged(`a value of ${length} bytes`);
    sum += length;
  }
  if (sum !== valueBytes) throw damaged('its values are not as long as it says');
}

/** Bytes of a segment's end that most likely hold its index: those of values of 512 bytes or more. */
export function likelyTail(size: number): number {
  return Math.min(size, FOOTER_SIZE + ENTRY_SIZE * Math.ceil(size / 512));
}

/** Calls for each value, in their order. */
export function eachValue(
  index: SegmentIndex,
  call: (key: Uint8Array, offset: number, length: number, n: number) => void,
): void {
  let offset = HEADER_SIZE;
  for (let n = 0; n < index.count; n++) {
    const length = lengthAt(index.entries, n);
    call(index.entries.subarray(n * ENTRY_SIZE, n * ENTRY_SIZE + KEY_SIZE), offset, length, n);
    offset += length;
  }
}

function lengthAt(entries: Uint8Array, n: number): number {
  const at = n * ENTRY_SIZE + KEY_SIZE;
  return entries[at] | (entries[at + 1] << 8);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function withRoom(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (size <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(2 * bytes.length, size));
  larger.set(bytes);
  return larger;
}

function damaged(how: string): ZramError {
  return new ZramError('EIO', `a segment is damaged, or is none: ${how}.`);
}
