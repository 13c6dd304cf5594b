/** Images of pages with known repeats, and what is to be found in them, counted without the library. */
import { createHash } from 'node:crypto';

import { Random } from '../support/random.js';

export const PAGE = 4096;

/** How often each content occurs in an image, same-filled pages left out. */
function contents(image: Uint8Array): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at < image.length; at += PAGE) {
    const page = Buffer.from(image.subarray(at, at + PAGE));
    if (page.equals(Buffer.alloc(PAGE, page.subarray(0, 8)))) continue;
    const digest = createHash('sha256').update(page).digest('hex');
    counts.set(digest, (counts.get(digest) ?? 0) + 1);
  }
  return counts;
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** What the report should say about the pages of an image. */
export function facts(image: Uint8Array): { pages: number; same: number; merged: number; sharing: number } {
  const pages = image.length / PAGE;
  const counts = [...contents(image).values()];
  const groups = counts.filter((count) => count > 1);
  return { pages, same: pages - sum(counts), merged: sum(groups) - groups.length, sharing: sum(groups) };
}

/** Pages of each image whose content occurs in each other; on the diagonal: more than once in the image itself. */
export function sharedPages(images: readonly Uint8Array[]): number[][] {
  const all = images.map(contents);
  return all.map((row) =>
    all.map((column) =>
      sum([...row].filter(([digest, count]) => (row === column ? count > 1 : column.has(digest))).map(([, n]) => n)),
    ),
  );
}

/** Pages with known repeats: random ones, such that compress, of one value, and copies of earlier pages. */
export function image(random: Random, pages: number): Buffer {
  const bytes = Buffer.alloc(pages * PAGE);
  for (let page = 0; page < pages; page++) {
    const target = bytes.subarray(page * PAGE, (page + 1) * PAGE);
    const kind = random.below(4);
    if (kind === 0) target.fill(random.below(256));
    else if (kind === 1) random.fill(target);
    else if (kind === 2) random.fill(target.subarray(0, random.between(9, 3500)));
    else bytes.copy(target, 0, random.below(page + 1) * PAGE);
  }
  return bytes;
}
