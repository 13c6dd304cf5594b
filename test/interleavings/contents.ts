/**
 * What is written: contents that are told apart in each of their parts, and stand at their own places in a page, so that
 * bytes of another write, another page's place or half a write are seen.
 */
import { Random } from '../support/random.js';
import { fail } from '../support/model-checks.js';
import type { ContentSet } from './register.js';

const PAGE_SIZE = 4096;

export const PAGES = 8;
/** Where the parts of a page begin. Odd sizes, a few bytes at both ends. */
export const CUTS = [0, 3, 700, 2048, 4093];
export const PART_COUNT = CUTS.length;
/** Of the whole disk. */
export const PARTS = PAGES * PART_COUNT;
/** Number 0 is zeros: what was never written, or was discarded. */
export const CONTENTS = 24;

const pages: readonly Uint8Array[] = Array.from({ length: CONTENTS }, (_, content) => {
  const random = new Random(content, 'contents');
  const page = new Uint8Array(PAGE_SIZE);
  if (content === 0) return page;
  if (content % 6 === 1) return page.fill(content); // same-filled
  if (content % 3 === 2)
    random.fill(page); // does not compress
  else for (let n = 0; n < PAGE_SIZE; n++) page[n] = 65 + ((n >> 3) % (3 + content)) + (random.chance(5) ? 32 : 0);
  for (const cut of CUTS) page[cut] = content;
  return page;
});

function boundsOf(part: number): [from: number, to: number] {
  const inPage = part % PART_COUNT;
  return [CUTS[inPage], CUTS[inPage + 1] ?? PAGE_SIZE];
}

/** Parts that follow each other, filled with a content. */
export function fillParts(content: number, first: number, count: number): Uint8Array<ArrayBuffer> {
  const pieces = Array.from({ length: count }, (_, n) => pages[content].subarray(...boundsOf(first + n)));
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Which content each part has. */
export function contentsOf(bytes: Uint8Array, first: number, count: number): ContentSet[] {
  let at = 0;
  return Array.from({ length: count }, (_, n) => {
    const [from, to] = boundsOf(first + n);
    const content = bytes[at];
    const found = bytes.subarray(at, at + to - from);
    const expected = content < CONTENTS ? pages[content].subarray(from, to) : undefined;
    if (!expected || Buffer.compare(found, expected) !== 0) {
      fail(
        `part ${(first + n) % PART_COUNT} of page ${Math.floor((first + n) / PART_COUNT)} holds what was never written`,
      );
    }
    at += to - from;
    return 1 << content;
  });
}
