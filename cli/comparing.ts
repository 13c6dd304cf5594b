/** Which pages of two images differ. Packed images are compared by their objects; others are read to their ends. */
import { mebibytes } from './format.js';
import { inChunks, type PageRange } from './held-pages.js';
import { readFully, type Input } from './inputs.js';
import type { PackedImage } from './pack-file.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

export interface Differences {
  readonly bytesA: number;
  readonly bytesB: number;
  readonly ranges: readonly PageRange[];
  /** Pages in all ranges. */
  readonly pages: number;
}

/** Ranges, added in ascending order; neighbours become one. */
class Ranges {
  readonly ranges: { index: number; count: number }[] = [];
  pages = 0;

  add(index: number, count = 1): void {
    if (count <= 0) return;
    const last = this.ranges.at(-1);
    if (last && last.index + last.count === index) last.count += count;
    else this.ranges.push({ index, count });
    this.pages += count;
  }
}

/** The library lists the pages that may differ; only those are read and compared. */
export function comparePacked(a: PackedImage, b: PackedImage): Differences {
  const [pagesA, pagesB] = [pagesOf(a.bytes), pagesOf(b.bytes)];
  const [common, all] = [Math.min(pagesA, pagesB), Math.max(pagesA, pagesB)];
  const found = new Ranges();
  const [chunkA, chunkB] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
  for (const { index, count } of inChunks(within(a.zram.diff(b.zram), common))) {
    read(a, index, count, chunkA);
    read(b, index, count, chunkB);
    for (let page = 0; page < count; page++) {
      if (!samePage(chunkA, chunkB, page * PAGE_BYTES)) found.add(index + page);
    }
  }
  found.add(common, all - common);
  return { bytesA: a.bytes, bytesB: b.bytes, ranges: found.ranges, pages: found.pages };
}

/** Ranges within both images. The last common page is always included, since an image may end in the middle of it. */
function* within(ranges: readonly PageRange[], end: number): Generator<PageRange> {
  for (const { index, count } of ranges) {
    if (index < end - 1) yield { index, count: Math.min(count, end - 1 - index) };
  }
  if (end > 0) yield { index: end - 1, count: 1 };
}

/** Pages of an image, with zeros after its end. */
function read({ zram, bytes }: PackedImage, index: number, count: number, chunk: Buffer): void {
  zram.readPages(index, count, chunk);
  chunk.fill(0, Math.max(0, Math.min(count * PAGE_BYTES, bytes - index * PAGE_BYTES)), count * PAGE_BYTES);
}

export async function compareInputs(a: Input, b: Input, progress: Surroundings['progress']): Promise<Differences> {
  const [chunkA, chunkB] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
  const found = new Ranges();
  let [bytesA, bytesB, index] = [0, 0, 0];
  for (let got = CHUNK_BYTES; got === CHUNK_BYTES;) {
    progress(() => `comparing ${a.name} and ${b.name}: ${mebibytes(index * PAGE_BYTES)}`);
    const [gotA, gotB] = [await readFully(a, chunkA), await readFully(b, chunkB)];
    got = Math.max(gotA, gotB);
    bytesA += gotA;
    bytesB += gotB;
    chunkA.fill(0, gotA);
    chunkB.fill(0, gotB);
    const same = gotA === gotB && chunkA.equals(chunkB);
    for (let at = 0; at < got; at += PAGE_BYTES, index++) {
      // A page that only one of them has differs, even if it is zeros.
      const both = at < gotA && at < gotB;
      if (!same && !(both && samePage(chunkA, chunkB, at))) found.add(index);
    }
    // Pages that only one of them has differ, whatever they hold: if its length is known, they need not be read.
    const longer = gotA < got ? b : gotB < got ? a : undefined;
    if (got < CHUNK_BYTES || longer?.bytes === undefined) continue;
    found.add(index, pagesOf(longer.bytes) - index);
    if (longer === a) bytesA = longer.bytes;
    else bytesB = longer.bytes;
    break;
  }
  return { bytesA, bytesB, ranges: found.ranges, pages: found.pages };
}

const samePage = (a: Buffer, b: Buffer, at: number): boolean =>
  a.compare(b, at, at + PAGE_BYTES, at, at + PAGE_BYTES) === 0;

const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);
