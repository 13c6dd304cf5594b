/**
 * What holds of any file that is read as a dump: the pages are bytes that its tables name, each address and each byte
 * of the file once; the counts fit; and all of it takes little memory.
 */
import v8 from 'node:v8';

import { dumpIn, type DumpInput, type Reading } from '../../../cli/dump-input.js';
import { Places, type Dump } from '../../../cli/dumps/dump.js';
import { FILL, NO_PAGE, PLAIN, pagesOfExtent, type Extent, type Extents } from '../../../cli/dumps/extents.js';
import { BytesSource } from '../../cli/dumps/reading.js';

const PAGE = 4096;
/** Pages that are read of a file: a bitmap of a few bytes may stand for gigabytes of zeros. */
const PAGES_MAX = 256;
const CHUNK_PAGES = 16;
/** Allocated for one file; what is not needed any more may not have been collected. */
const BYTES_MAX = 16 * 1024 * 1024;

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}

const heap = (): number => {
  const { used_heap_size, external_memory } = v8.getHeapStatistics();
  return used_heap_size + external_memory;
};

export class Checker {
  readonly #chunk = Buffer.alloc(CHUNK_PAGES * PAGE);
  readonly #places = new Places(CHUNK_PAGES);
  readonly #pages = Buffer.alloc((PAGES_MAX + CHUNK_PAGES) * PAGE);
  readonly #expected = Buffer.alloc((PAGES_MAX + CHUNK_PAGES) * PAGE);
  /** The most that was allocated for one file. */
  bytesMax = 0;

  /** @returns how the file was read @throws CliError if it is refused; an Error if something does not hold */
  async read(bytes: Buffer, knowsLength: boolean, reading: Reading): Promise<'raw' | 'read' | 'truncated'> {
    const before = heap();
    let input: DumpInput | undefined;
    let pages = 0;
    try {
      input = await dumpIn({ kind: 'file', name: 'bytes' }, new BytesSource(bytes, knowsLength), reading);
      if (input !== undefined) pages = await this.#takeOut(input);
    } finally {
      this.#charge(heap() - before);
    }
    if (input === undefined) return 'raw';
    this.#check(input.dump, bytes, pages, knowsLength);
    await input.close();
    return input.dump.truncated === undefined ? 'read' : 'truncated';
  }

  /** Less than nothing if memory was collected meanwhile. */
  #charge(bytes: number): void {
    this.bytesMax = Math.max(this.bytesMax, bytes);
    expect(bytes <= BYTES_MAX, `it took ${bytes} bytes`);
  }

  /** Reads pages until there are none or too many; returns how many. */
  async #takeOut(input: DumpInput): Promise<number> {
    const [chunk, places] = [this.#chunk, this.#places];
    let [count, space, page] = [0, 0, -1];
    while (count < PAGES_MAX) {
      chunk.fill(0xa5); // not zeros: what is not written shows
      const got = await input.nextPages(chunk, places);
      if (got === 0) return count;
      chunk.copy(this.#pages, count * PAGE, 0, got * PAGE);
      count += got;
      if (input.dump.spaces.length === 0) continue;
      for (let i = 0; i < got; i++) {
        const [s, p] = [places.spaces[i], places.pages[i]];
        expect(s > space || (s === space && p > page), `page ${p} of ${s} comes behind ${page} of ${space}`);
        expect(s < input.dump.spaces.length && Number.isSafeInteger(p), `page ${p} of ${s} cannot be`);
        expect(s > 0 || p < input.dump.memoryPages, `page ${p} lies behind the memory's end`);
        [space, page] = [s, p];
      }
    }
    return count;
  }

  #check(dump: Dump, file: Buffer, pages: number, knowsLength: boolean): void {
    const { facts, extents } = dump;
    if (pages < PAGES_MAX) expect(pages === dump.pages, `${dump.pages} pages were told, and ${pages} came`);
    const { bytesOutside, pagesNotInDump, pagesRepeated } = facts;
    for (const count of [dump.pages, dump.bytesPadded, dump.memoryPages, bytesOutside, pagesNotInDump, pagesRepeated])
      expect(Number.isFinite(count) && count >= 0 && Math.floor(count) === count, `${count} is no count`);
    expect(
      facts.remainders.every((one) => one >= 0 && one < PAGE),
      `remainders ${facts.remainders.join()}`,
    );
    if (knowsLength) expect(bytesOutside <= file.length, `${bytesOutside} bytes of ${file.length} are outside`);
    if (extents === undefined) return;
    expect(facts.extents === extents.length, `${extents.length} extents, not ${facts.extents}`);
    checkApart(extents, file.length);
    const expected = this.#fill(extents, file, pages);
    const same = expected.equals(this.#pages.subarray(0, pages * PAGE));
    expect(same, 'the pages are not the bytes that the extents name');
  }

  /** The first pages of extents, made in another way than their cursor does. */
  #fill(extents: Extents, file: Buffer, pages: number): Buffer {
    const expected = this.#expected.fill(0, 0, pages * PAGE).subarray(0, pages * PAGE);
    let [next, last] = [0, undefined as Extent | undefined];
    for (const extent of extents) {
      const { offset, bytes, page, space, shift, encoding } = extent;
      const isLast = last !== undefined && page !== NO_PAGE && space === last.space;
      if (isLast && page === endOf(last!) - 1) next -= 1;
      const at = next * PAGE + shift;
      if (encoding === PLAIN) file.copy(expected, Math.min(at, expected.length), offset, offset + bytes);
      else if (encoding === FILL) expected.fill(file[offset], at, Math.min(at + bytes, expected.length));
      next += pagesOfExtent(extent);
      last = extent;
      if (next >= pages + 1) break;
    }
    return expected;
  }
}

/** The page behind the last one of an extent. */
const endOf = (extent: Extent): number => extent.page + pagesOfExtent(extent);

/** No address and no byte of the file is in two extents; all are in order, and in the file. */
function checkApart(extents: Extents, length: number): void {
  const inFile: Extent[] = [];
  let last: Extent | undefined;
  for (const extent of extents) {
    const { offset, bytes, page, space, shift, encoding } = extent;
    expect(bytes > 0 && offset >= 0 && shift >= 0 && shift < PAGE, `an extent of ${bytes} bytes at ${offset}`);
    const end = encoding === PLAIN ? offset + bytes : encoding === FILL ? offset + 1 : 0;
    expect(end <= length, `an extent ends at ${end}, behind the file's end`);
    if (encoding === PLAIN) inFile.push(extent);
    if (last !== undefined && last.space === space && page !== NO_PAGE) {
      const distance = (page - last.page) * PAGE + shift - last.shift;
      expect(distance >= last.bytes, `page ${page} is named twice`);
    }
    expect(last === undefined || space >= last.space, 'spaces are in no order');
    last = extent;
  }
  inFile.sort((a, b) => a.offset - b.offset);
  let reached = 0;
  for (const { offset, bytes } of inFile) {
    expect(offset >= reached, `byte ${offset} is named twice`);
    reached = offset + bytes;
  }
}
