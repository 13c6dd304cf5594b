/** What writing a byte range makes of the pages of a disk, and its extents: the obviously right way, byte by byte. */
import fc from 'fast-check';
import type { Extent } from '../../bindings/index.js';
import { PAGE_SIZE } from './pages.js';

/** The calls that write a range of bytes. */
export const RANGE_CALLS = ['write', 'writeChanged', 'writeZeroes'] as const;
export type RangeCall = (typeof RANGE_CALLS)[number];

/** A page that a call comes by. */
export interface PageOfRange {
  readonly index: number;
  readonly fate: 'stored' | 'freed' | 'left';
  /** 4096 bytes: what it holds afterwards. */
  readonly after: Uint8Array;
}

/** The pages of a range, in order, as a call changes them. @param bytes of the disk, before */
export function pagesOfRange(call: RangeCall, bytes: Uint8Array, offset: number, data: Uint8Array): PageOfRange[] {
  const pages: PageOfRange[] = [];
  const end = offset + data.length;
  if (data.length === 0) return pages;
  for (let start = offset - (offset % PAGE_SIZE); start < end; start += PAGE_SIZE) {
    const before = bytes.subarray(start, start + PAGE_SIZE);
    const after = before.map((byte, n) => (start + n < offset || start + n >= end ? byte : data[start + n - offset]));
    const whole = start >= offset && start + PAGE_SIZE <= end;
    const same = before.every((byte, n) => byte === after[n]);
    const fate = call === 'writeZeroes' && whole ? 'freed' : call !== 'write' && same ? 'left' : 'stored';
    pages.push({ index: start / PAGE_SIZE, fate, after });
  }
  return pages;
}

/** @param stored whether a page holds something */
export function extentsOfModel(
  bytes: Uint8Array,
  stored: (page: number) => boolean,
  offset: number,
  length: number,
): Extent[] {
  const extents: { offset: number; length: number; kind: Extent['kind'] }[] = [];
  for (let at = offset; at < offset + length;) {
    const page = Math.floor(at / PAGE_SIZE);
    const next = Math.min((page + 1) * PAGE_SIZE, offset + length);
    const zeros = bytes.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE).every((byte) => byte === 0);
    const kind = stored(page) ? (zeros ? 'zero' : 'data') : 'hole';
    const last = extents.at(-1);
    if (last?.kind === kind) last.length += next - at;
    else extents.push({ offset: at, length: next - at, kind });
    at = next;
  }
  return extents;
}

/** Records of journals and logs, one after the other: each begins in the page in which the last one ended. */
export function recordOffset(diskPages: number): fc.Arbitrary<number> {
  return fc.nat({ max: diskPages - 2 }).map((n) => 512 + n * 4104);
}

/** Small pieces, near each other. */
export function pieceOffset(): fc.Arbitrary<number> {
  return fc.nat({ max: 80 }).map((n) => 3 * PAGE_SIZE + n * 100);
}

export const pieceLength = fc.oneof(fc.nat({ max: 200 }), fc.constantFrom(1, 4104, 4120));
