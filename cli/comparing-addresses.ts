/**
 * Which pages of two dumps differ, by the addresses that they had: two dumps of one process or machine have the same
 * pages at other places of their files as soon as one mapping was added.
 */
import { DumpInput } from './dump-input.js';
import { compareSpaces, MEMORY } from './dumps/extents.js';
import { Places } from './dumps/dump.js';
import { mebibytes } from './format.js';
import { readFully, type Input } from './inputs.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

const CHUNK_PAGES = CHUNK_BYTES / PAGE_BYTES;

export interface AddressRange {
  /** The address space, where it is not the memory. */
  readonly space?: string;
  /** Number of the first page: its address divided by 4096. */
  readonly index: number;
  readonly count: number;
}

export interface AddressDifferences {
  readonly bytesA: number;
  readonly bytesB: number;
  /** Pages that differ, and pages that only one of them has. */
  readonly ranges: readonly AddressRange[];
  /** Pages in all ranges. */
  readonly pages: number;
  readonly pagesOnlyInA: number;
  readonly pagesOnlyInB: number;
  /** Pages at all addresses that one of them has, or both. */
  readonly pagesTotal: number;
}

/** Whether an input's pages have addresses. */
export function hasAddresses(input: Input): input is DumpInput {
  return input instanceof DumpInput && input.dump.spaces.length > 0;
}

/** One of the two is such as `hasAddresses`; of a raw image, offsets are addresses. */
export async function compareByAddress(
  a: Input,
  b: Input,
  progress: Surroundings['progress'],
): Promise<AddressDifferences> {
  const [sideA, sideB] = [new Side(a), new Side(b)];
  const found = new Found();
  let [onlyInA, onlyInB, total] = [0, 0, 0];
  // One after the other: what is being opened while the other one fails would stay open.
  await sideA.load();
  await sideB.load();
  while (!sideA.ended || !sideB.ended) {
    const order = sideA.ended ? 1 : sideB.ended ? -1 : sideA.compare(sideB);
    if (order < 0) onlyInA += 1;
    if (order > 0) onlyInB += 1;
    if (order !== 0 || !sideA.page.equals(sideB.page)) found.add(order > 0 ? sideB : sideA);
    total += 1;
    if (order <= 0 && sideA.advance()) await sideA.load();
    if (order >= 0 && sideB.advance()) await sideB.load();
    if (total % CHUNK_PAGES === 0)
      progress(() => `comparing ${a.name} and ${b.name}: ${mebibytes(total * PAGE_BYTES)}`);
  }
  const [bytesA, bytesB] = [sideA.bytes, sideB.bytes];
  const counts = { pagesOnlyInA: onlyInA, pagesOnlyInB: onlyInB, pagesTotal: total };
  return { bytesA, bytesB, ranges: found.ranges, pages: found.pages, ...counts };
}

/** The pages of one input, a chunk at a time. */
class Side {
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  readonly #places = new Places(CHUNK_PAGES);
  readonly #names: readonly string[];
  #count = 0;
  #at = 0;
  /** Pages before the chunk. */
  #before = 0;
  bytes = 0;

  constructor(readonly input: Input) {
    this.#names = hasAddresses(input) ? input.dump.spaces : [MEMORY];
  }

  get ended(): boolean {
    return this.#count === 0;
  }

  get space(): string {
    return this.#names[this.#places.spaces[this.#at] ?? 0] ?? MEMORY;
  }

  get index(): number {
    return this.#places.pages[this.#at] ?? 0;
  }

  get page(): Buffer {
    return this.#chunk.subarray(this.#at * PAGE_BYTES, (this.#at + 1) * PAGE_BYTES);
  }

  /** Goes to the next page; true if it is in the next chunk. */
  advance(): boolean {
    this.#at += 1;
    return this.#at === this.#count;
  }

  async load(): Promise<void> {
    this.#before += this.#count;
    this.#at = 0;
    if (hasAddresses(this.input)) {
      this.#count = await this.input.nextPages(this.#chunk, this.#places);
      this.bytes += this.#count * PAGE_BYTES;
      return;
    }
    const got = await readFully(this.input, this.#chunk);
    this.bytes += got;
    this.#count = Math.ceil(got / PAGE_BYTES);
    this.#chunk.fill(0, got, this.#count * PAGE_BYTES);
    for (let page = 0; page < this.#count; page++) this.#places.pages[page] = this.#before + page;
  }

  /** Whose page comes first: below 0 this side's. */
  compare(other: Side): number {
    return rank(this.space, other.space) || this.index - other.index;
  }
}

const rank = (a: string, b: string): number =>
  a === b ? 0 : a === MEMORY ? -1 : b === MEMORY ? 1 : compareSpaces(a, b);

/** Ranges that are added in their order; neighbours become one. */
class Found {
  readonly ranges: { space?: string; index: number; count: number }[] = [];
  pages = 0;

  add({ space, index }: Side): void {
    this.pages += 1;
    const last = this.ranges.at(-1);
    if (last !== undefined && (last.space ?? MEMORY) === space && last.index + last.count === index) last.count += 1;
    else this.ranges.push(space === MEMORY ? { index, count: 1 } : { space, index, count: 1 });
  }
}
