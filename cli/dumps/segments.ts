/** Segments as program headers name them: in any order, some of them the same bytes or addresses as others. */
import { PAGE_BYTES } from '../page-list.js';

/** Bytes of a file, and the address of the first. */
export interface Segment {
  readonly offset: number;
  readonly bytes: number;
  readonly address: bigint;
}

/** A segment of which the file may have a part: the first bytes. */
export interface NamedSegment extends Segment {
  /** Bytes of memory, those in the file included. */
  readonly named: bigint;
}

/**
 * Cuts segments so that no bytes of the file are named twice, as a short file could name them for ever, and no address.
 * Of those that overlap, the one that begins first keeps its bytes, or the first of the list if they begin together.
 */
export function namedOnce(segments: readonly Segment[]): {
  /** In the order of their addresses. */
  parts: Segment[];
  bytesRepeated: number;
  /** Of these, the bytes that no part has: other ones stand at their addresses. */
  bytesUnread: number;
} {
  const inFile = cutBy('offset', segments);
  const { parts, bytesRepeated: bytesUnread } = cutBy('address', inFile.parts);
  return { parts, bytesRepeated: inFile.bytesRepeated + bytesUnread, bytesUnread };
}

function cutBy(by: 'address' | 'offset', segments: readonly Segment[]): { parts: Segment[]; bytesRepeated: number } {
  const startOf = ({ address, offset }: Segment) => (by === 'address' ? address : BigInt(offset));
  const order = by === 'address' ? byAddress : (a: Segment, b: Segment) => a.offset - b.offset;
  const parts: Segment[] = [];
  let reached = 0n;
  let bytesRepeated = 0;
  for (const segment of [...segments].sort(order)) {
    const { offset, bytes, address } = segment;
    const start = startOf(segment);
    const known = start < reached ? reached - start : 0n;
    const skipped = known > BigInt(bytes) ? bytes : Number(known);
    bytesRepeated += skipped;
    if (skipped === bytes) continue;
    const part = { offset: offset + skipped, bytes: bytes - skipped, address: address + BigInt(skipped) };
    parts.push(part);
    reached = startOf(part) + BigInt(part.bytes);
  }
  return { parts, bytesRepeated };
}

/** Pages at addresses that segments name and no segment has in the file, each counted once. */
export function pagesMissing(segments: readonly NamedSegment[]): number {
  const sorted = [...segments].sort(byAddress);
  const there = joined(sorted.map(({ address, bytes }) => ({ start: address, end: address + BigInt(bytes) })));
  const named = joined(
    sorted.map(({ address, bytes, named }) => ({ start: address, end: address + most(BigInt(bytes), named) })),
  );
  let [pages, next] = [0, 0];
  for (const { start, end } of named) {
    // What is there is inside of what is named.
    let from = start;
    for (; next < there.length && there[next].start < end; next++) {
      pages += pagesIn(there[next].start - from);
      from = there[next].end;
    }
    pages += pagesIn(end - from);
  }
  return pages;
}

interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Sorted ranges, those that overlap or touch as one. */
function joined(ranges: readonly AddressRange[]): AddressRange[] {
  const found: AddressRange[] = [];
  for (const { start, end } of ranges) {
    const last = found.at(-1);
    if (start === end) continue;
    if (last === undefined || start > last.end) found.push({ start, end });
    else if (end > last.end) found[found.length - 1] = { start: last.start, end };
  }
  return found;
}

const pagesIn = (bytes: bigint): number => Number((bytes + BigInt(PAGE_BYTES - 1)) / BigInt(PAGE_BYTES));
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const byAddress = (a: Segment, b: Segment): number => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0);
