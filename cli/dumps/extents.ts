/**
 * Where the pages of a dump lie: extents of its file, and the addresses that they had in memory.
 *
 * An address is kept as the number of its page and the place inside it: page numbers of 64-bit addresses are below 2^52,
 * hence exact as numbers, which addresses themselves are not (a kernel's begin with 0xff11 or 0xffffffff).
 */
import { CliError } from '../errors.js';
import { PAGE_BYTES } from '../page-list.js';

/** How the bytes of an extent stand in the file. */
export const PLAIN = 0;
/** One byte, which all bytes of the extent equal. */
export const FILL = 1;
/** Not at all: the format knows them to be zeros. */
export const ZEROS = 2;
export type Encoding = typeof PLAIN | typeof FILL | typeof ZEROS;

/** The page of an extent whose format knows no addresses. */
export const NO_PAGE = -1;
/** The first address space of every dump, its memory. It is not named where it is told, and no other one is called so. */
export const MEMORY = '';

/** The order of address spaces beside the memory: the same for all dumps, that they can be compared side by side. */
export const compareSpaces = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

export interface Extent {
  /** Where it begins in the file. */
  readonly offset: number;
  /** Bytes of memory. */
  readonly bytes: number;
  /** The page of its first byte, or NO_PAGE. */
  readonly page: number;
  /** Where in that page it begins. */
  readonly shift: number;
  /** Number of its address space. */
  readonly space: number;
  readonly encoding: Encoding;
}

/** Numbers that an extent takes: offset, bytes, page, and the three small ones in one. */
const FIELDS = 4;
const ENCODINGS = 4;
/** Most extents of a file: a stream of zeros takes 9 bytes for each, and here 32. Those of 256 GiB, page by page, are fewer. */
export const EXTENTS_MAX = 2 ** 26;

/** A list of extents: a stream of a large guest has one for each page, so that objects would take a gigabyte. */
export class Extents {
  /** Names of the address spaces. */
  readonly spaces: string[] = [MEMORY];
  length = 0;
  #fields = new Float64Array(64 * FIELDS);

  /** @param name of the file, for the message if it has too many */
  constructor(readonly name = '') {}

  /** Adds bytes that stand in the file as they are, at an address if one is known. */
  addPlain(offset: number, bytes: number, address?: bigint): void {
    const [page, shift] = address === undefined ? [NO_PAGE, 0] : pageAndShift(address);
    this.add({ offset, bytes, page, shift, space: 0, encoding: PLAIN });
  }

  add(extent: Extent): void {
    if (this.length * FIELDS === this.#fields.length) this.#grow();
    this.#put(this.length, extent);
    this.length += 1;
  }

  /** @param index below `length` */
  at(index: number): Extent {
    const at = index * FIELDS;
    const small = this.#field(at + 3);
    const spaceAndShift = Math.floor(small / ENCODINGS);
    return {
      offset: this.#field(at),
      bytes: this.#field(at + 1),
      page: this.#field(at + 2),
      shift: spaceAndShift % PAGE_BYTES,
      space: Math.floor(spaceAndShift / PAGE_BYTES),
      encoding: (small % ENCODINGS) as Encoding,
    };
  }

  *[Symbol.iterator](): Generator<Extent> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }

  /** Sorts by space and address; those of one place, and those without an address, keep their order. */
  sortByAddress(): void {
    // Without an object for each: a stream has millions.
    const spaceAndShift = (index: number) => Math.floor(this.#field(index * FIELDS + 3) / ENCODINGS);
    const space = (index: number) => Math.floor(spaceAndShift(index) / PAGE_BYTES);
    const page = (index: number) => this.#field(index * FIELDS + 2);
    this.#sort((a, b) => space(a) - space(b) || page(a) - page(b) || spaceAndShift(a) - spaceAndShift(b));
  }

  sortByOffset(): void {
    this.#sort((a, b) => this.#field(a * FIELDS) - this.#field(b * FIELDS));
  }

  /** Of sorted extents of one page each, keeps the last of each address; returns how many it has taken out. */
  keepLast(): number {
    let kept = 0;
    for (let index = 0; index < this.length; index++) {
      const [one, next] = [this.at(index), index + 1 < this.length ? this.at(index + 1) : undefined];
      if (next?.page === one.page && next.space === one.space) continue;
      this.#fields.copyWithin(kept * FIELDS, index * FIELDS, (index + 1) * FIELDS);
      kept += 1;
    }
    const repeated = this.length - kept;
    this.length = kept;
    return repeated;
  }

  /** Of sorted extents, takes away from each the bytes at addresses that those before it have; returns how many. */
  keepFirst(): number {
    let [kept, repeated] = [0, 0];
    // Where those before it end.
    let [space, page, shift] = [0, 0, 0];
    for (let index = 0; index < this.length; index++) {
      const extent = this.at(index);
      const known = extent.space === space ? (page - extent.page) * PAGE_BYTES + shift - extent.shift : 0;
      const skipped = Math.min(Math.max(known, 0), extent.bytes);
      repeated += skipped;
      if (skipped === extent.bytes) continue;
      const [bytes, start] = [extent.bytes - skipped, extent.shift + skipped];
      const first = extent.page + Math.floor(start / PAGE_BYTES);
      const rest = { offset: extent.offset + skipped, bytes, page: first, shift: start % PAGE_BYTES };
      this.#put(kept, { ...extent, ...rest });
      kept += 1;
      space = extent.space;
      page = first + Math.floor((rest.shift + bytes) / PAGE_BYTES);
      shift = (rest.shift + bytes) % PAGE_BYTES;
    }
    this.length = kept;
    return repeated;
  }

  #put(index: number, { offset, bytes, page, shift, space, encoding }: Extent): void {
    const at = index * FIELDS;
    this.#fields[at] = offset;
    this.#fields[at + 1] = bytes;
    this.#fields[at + 2] = page;
    this.#fields[at + 3] = (space * PAGE_BYTES + shift) * ENCODINGS + encoding;
  }

  /** Sorts unless it is sorted already, as most dumps are. */
  #sort(compare: (a: number, b: number) => number): void {
    let index = 1;
    while (index < this.length && compare(index - 1, index) <= 0) index++;
    if (index >= this.length) return;
    const order = Uint32Array.from({ length: this.length }, (_, i) => i).sort((a, b) => compare(a, b) || a - b);
    const fields = new Float64Array(this.#fields.length);
    order.forEach((from, to) => {
      fields.set(this.#fields.subarray(from * FIELDS, (from + 1) * FIELDS), to * FIELDS);
    });
    this.#fields = fields;
  }

  #field(at: number): number {
    return this.#fields[at] ?? 0;
  }

  #grow(): void {
    if (this.length >= EXTENTS_MAX)
      throw new CliError(`cannot read '${this.name}': its memory is in more than ${EXTENTS_MAX} pieces`);
    const fields = new Float64Array(this.#fields.length * 2);
    fields.set(this.#fields);
    this.#fields = fields;
  }
}

export function pageAndShift(address: bigint): [page: number, shift: number] {
  return [Number(address / BigInt(PAGE_BYTES)), Number(address % BigInt(PAGE_BYTES))];
}

/** Pages that an extent touches: each is one on the device, filled up with zeros. */
export function pagesOfExtent({ shift, bytes }: Pick<Extent, 'shift' | 'bytes'>): number {
  return Math.ceil((shift + bytes) / PAGE_BYTES);
}

/** Whether an extent begins in the page in which the one before it ends: that page is one, of both. */
export function continuesPage(before: Extent, { page, space }: Extent): boolean {
  return page !== NO_PAGE && space === before.space && page === before.page + pagesOfExtent(before) - 1;
}

/** Most remainders that are told: a stream has all 4096 of them. */
const REMAINDERS_MAX = 8;

/** Where in a page of the file the pages of memory begin: the offsets modulo 4096, most bytes first. */
export function remaindersOf(extents: Extents): number[] {
  const bytesOf = new Map<number, number>();
  for (const { offset, bytes, shift, encoding } of extents) {
    if (encoding !== PLAIN) continue;
    const remainder = (((offset - shift) % PAGE_BYTES) + PAGE_BYTES) % PAGE_BYTES;
    bytesOf.set(remainder, (bytesOf.get(remainder) ?? 0) + bytes);
  }
  return [...bytesOf]
    .sort(([a, bytesOfA], [b, bytesOfB]) => bytesOfB - bytesOfA || a - b)
    .slice(0, REMAINDERS_MAX)
    .map(([remainder]) => remainder);
}
