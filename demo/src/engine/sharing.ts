/** Which sources share pages with which: from the states of their pages. */
import { MERGED, SAME, type Source, type SourceSharing } from './protocol.js';
import type { PageTable } from './page-table.js';

const SEVERAL = -1;

export function sharingOf(sources: readonly Source[], { states, objects }: PageTable): SourceSharing[] {
  // For each object that several pages have: the one source that has it, or SEVERAL.
  const owners = new Map<number, number>();
  for (const [n, { firstPage, pages }] of sources.entries()) {
    for (let page = firstPage; page < firstPage + pages; page++) {
      if ((states[page]! & MERGED) === 0) continue;
      const owner = owners.get(objects[page]!);
      if (owner === undefined) owners.set(objects[page]!, n);
      else if (owner !== n) owners.set(objects[page]!, SEVERAL);
    }
  }
  return sources.map((source) => {
    let samePages = 0;
    let sharedInside = 0;
    let sharedOutside = 0;
    for (let page = source.firstPage; page < source.firstPage + source.pages; page++) {
      if ((states[page]! & SAME) !== 0) samePages++;
      else if ((states[page]! & MERGED) === 0) continue;
      else if (owners.get(objects[page]!) === SEVERAL) sharedOutside++;
      else sharedInside++;
    }
    const { name, bytes, firstPage, pages } = source;
    return { name, bytes, firstPage, pages, samePages, sharedInside, sharedOutside };
  });
}
