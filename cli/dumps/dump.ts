/** A dump that was understood: what is in it, and its pages in the order of their addresses. */
import { plural } from '../format.js';
import { PAGE_BYTES } from '../page-list.js';
import type { DumpFacts, Format } from './contents.js';
import {
  continuesPage,
  FILL,
  NO_PAGE,
  PLAIN,
  pagesOfExtent,
  remaindersOf,
  type Extent,
  type Extents,
} from './extents.js';
import type { Reader } from './reader.js';

/** Pages by their addresses, in ascending order of space and page. */
export interface PageCursor {
  /** Fills `out` from its start with whole pages, and `places` with where they are; returns how many, 0 at the end. */
  next(out: Uint8Array, places?: Places): Promise<number>;
}

/** Where pages are: the numbers of their address spaces, and of the pages in these. */
export class Places {
  readonly spaces: Uint32Array;
  readonly pages: Float64Array;

  constructor(count: number) {
    this.spaces = new Uint32Array(count);
    this.pages = new Float64Array(count);
  }
}

export interface Dump {
  readonly facts: DumpFacts;
  readonly pages: number;
  /** Zeros that fill up pages of which the dump has a part. */
  readonly bytesPadded: number;
  /** Where the pages of the first address space end; 0 where the format knows no addresses. */
  readonly memoryPages: number;
  /** Names of the address spaces; empty where the format knows no addresses. */
  readonly spaces: readonly string[];
  /** Where the pages stand in the file as they are; undefined where that is not so for all bytes that are pages. */
  readonly extents: Extents | undefined;
  /** Things to know about it: sentences without their full stops. */
  readonly notes: readonly string[];
  /** The sentence that says where the file ended too early. */
  readonly truncated: string | undefined;
  cursor(): PageCursor;
  /** Gives back what it holds beside its source. No page can be read any more. */
  close?(): Promise<void>;
}

/** What a format has found in a file whose pages stand there as they are. */
export interface Findings {
  readonly format: Format;
  readonly extents: Extents;
  readonly pagesNotInDump?: number;
  readonly pagesRepeated?: number;
  /** Bytes of pages that are named again and not read. */
  readonly bytesRepeated?: number;
  readonly notes?: readonly string[];
  readonly truncated?: string | undefined;
}

/** A dump by its extents, which are sorted by address, and name each address once. */
export function dumpOf(reader: Reader, findings: Findings): Dump {
  const { format, extents, notes = [], truncated } = findings;
  const { pagesNotInDump = 0, pagesRepeated = 0, bytesRepeated = 0 } = findings;
  let [pages, memory, inFile, addressed, memoryPages] = [0, 0, bytesRepeated, true, 0];
  let before: Extent | undefined;
  for (const extent of extents) {
    pages += pagesOfExtent(extent) - (before !== undefined && continuesPage(before, extent) ? 1 : 0);
    before = extent;
    memory += extent.bytes;
    inFile += extent.encoding === PLAIN ? extent.bytes : extent.encoding === FILL ? 1 : 0;
    addressed &&= extent.page !== NO_PAGE;
    if (addressed && extent.space === 0) memoryPages = Math.max(memoryPages, extent.page + pagesOfExtent(extent));
  }
  return {
    facts: {
      format,
      extents: extents.length,
      remainders: remaindersOf(extents),
      bytesOutside: Math.max(0, (reader.bytes ?? inFile) - inFile),
      pagesNotInDump,
      pagesRepeated,
    },
    pages,
    bytesPadded: pages * PAGE_BYTES - memory,
    memoryPages: addressed ? memoryPages : 0,
    spaces: addressed ? extents.spaces : [],
    extents,
    notes,
    truncated,
    cursor: () => new ExtentCursor(reader, extents),
  };
}

/** The pages of extents, one extent after the other. */
class ExtentCursor implements PageCursor {
  #extent = 0;
  /** Pages of this extent that were given out. */
  #done = 0;

  constructor(
    readonly reader: Reader,
    readonly extents: Extents,
  ) {}

  async next(out: Uint8Array, places?: Places): Promise<number> {
    const room = Math.floor(out.length / PAGE_BYTES);
    let filled = 0;
    while (filled < room && this.#extent < this.extents.length) {
      const extent = this.extents.at(this.#extent);
      const left = pagesOfExtent(extent) - this.#done;
      const count = Math.min(room - filled, left);
      await this.#read(extent, out.subarray(filled * PAGE_BYTES, (filled + count) * PAGE_BYTES));
      for (let page = 0; places !== undefined && page < count; page++) {
        places.spaces[filled + page] = extent.space;
        places.pages[filled + page] = extent.page + this.#done + page;
      }
      filled += count;
      this.#done += count;
      if (count === left) await this.#end(extent, out.subarray((filled - 1) * PAGE_BYTES, filled * PAGE_BYTES));
    }
    return filled;
  }

  /** Goes to the next extent, and takes into the last page of this one what later ones have of it. */
  async #end(extent: Extent, page: Uint8Array): Promise<void> {
    for (let last = extent; ;) {
      this.#extent += 1;
      this.#done = 0;
      if (this.#extent === this.extents.length) return;
      const next = this.extents.at(this.#extent);
      if (!continuesPage(last, next)) return;
      await this.#take(next, 0, page.subarray(next.shift, next.shift + next.bytes));
      this.#done = 1;
      if (pagesOfExtent(next) > 1) return;
      last = next;
    }
  }

  /** Whole pages of an extent from the next one on, with zeros before its start and behind its end. */
  async #read(extent: Extent, out: Uint8Array): Promise<void> {
    const { bytes, shift } = extent;
    const start = this.#done * PAGE_BYTES - shift;
    const [from, to] = [Math.max(start, 0), Math.min(start + out.length, bytes)];
    out.fill(0, 0, from - start);
    out.fill(0, to - start);
    await this.#take(extent, from, out.subarray(from - start, to - start));
  }

  /** Bytes of an extent from its byte `from` on. */
  async #take({ offset, encoding }: Extent, from: number, part: Uint8Array): Promise<void> {
    if (encoding === PLAIN) await this.reader.fill(offset + from, part, 'a page');
    else if (encoding === FILL) part.fill((await this.reader.exactly(offset, 1, 'a page'))[0]);
    else part.fill(0);
  }
}

/** The sentence about a file that ends before its pages do. */
export function endsEarly({ name }: Reader, end: number, pagesMissing?: number): string {
  const are = pagesMissing === 1 ? 'is' : 'are';
  const missing = pagesMissing === undefined ? '' : `: ${plural(pagesMissing, 'page')} of it ${are} missing`;
  return `'${name}' is truncated: it ends at byte ${end}, before its memory does${missing}`;
}
