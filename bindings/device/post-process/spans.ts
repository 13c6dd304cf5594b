/** Lists of pages and ranges, as callers give them. */
import { checkInteger, readList } from '../../base/arguments.js';
import { ZramError } from '../../base/errors.js';
import type { KernelProfile } from '../../base/kernel.js';
import { describe } from '../../base/messages.js';
import type { Disk } from '../disk.js';
import type { PageSpan } from './picks.js';

/** Pages, and ranges given by their first and last page. */
export type PageList = readonly (number | readonly [number, number])[];

/** Copies a list, reading each element once. */
export function readPages(given: unknown, name: string): unknown {
  return readList(given, name)?.map((one) => readList(one, 'a range of pages') ?? one) ?? given;
}

/**
 * The ranges of a list that was read.
 * @throws ZramError EINVAL: no list of pages; ERANGE: a range ends before it begins, or as the kernel has it for pages
 * outside the disk
 */
export function spansOf(pages: Disk, list: unknown, name: string, kernel: KernelProfile): readonly PageSpan[] {
  if (!Array.isArray(list))
    throw new ZramError('EINVAL', `${name} must be a list of pages and ranges, not ${describe(list)}.`);
  return disjoint(list.map((one: unknown) => rangeOf(pages, one, kernel)));
}

/** The ranges as given; if some overlap, their union in ascending order, so that no page is processed twice. */
function disjoint(ranges: readonly PageSpan[]): readonly PageSpan[] {
  const joined: [number, number][] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = joined.at(-1);
    if (before && first <= before[1]) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined.length === ranges.length ? ranges : joined;
}

function rangeOf(pages: Disk, one: unknown, kernel: KernelProfile): PageSpan {
  const [first, last, ...more] = (Array.isArray(one) ? one : [one, one]) as unknown[];
  if (more.length > 0)
    throw new ZramError('EINVAL', 'a range of pages must be its first and its last page, and nothing else.');
  const [from, to] = [indexOf(pages, first, kernel), indexOf(pages, last, kernel)];
  if (from <= to) return [from, to];
  throw new ZramError('ERANGE', `a range of pages must not end before it begins, as ${from}-${to} does.`);
}

function indexOf(pages: Disk, index: unknown, kernel: KernelProfile): number {
  checkInteger(index, 'a page index', 0, Number.MAX_SAFE_INTEGER);
  if (index < pages.pages) return index;
  throw new ZramError(kernel.writebackOutside, `the disk has ${pages.pages} pages: page ${index} is out of range.`);
}
