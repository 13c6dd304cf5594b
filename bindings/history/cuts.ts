/** Where a state is cut: at the segments that were named and, if its content decides, inside them as well. */
import { PAGE_SIZE } from '../base/arguments.js';
import { viewOf } from '../base/bytes.js';
import type { Core } from '../core/core.js';
import { piecesOf, type Starts } from './segments.js';

/**
 * Cuts the segments of a state further, so that each part fits a page and an insertion moves no cut but those near it.
 * Reads all bytes, 1 ms a MiB.
 */
export function cutByContent(core: Core, bytes: Uint8Array, segments: Starts): Starts {
  const starts: number[] = [];
  for (const { at, length } of piecesOf({ starts: segments, length: bytes.length })) {
    if (length === 0) starts.push(at);
    for (let done = 0; done < length;) done += cutSome(core, bytes, at + done, at + length, starts);
  }
  return bytes.length <= UINT32_END ? Uint32Array.from(starts) : Float64Array.from(starts);
}

const UINT32_END = 2 ** 32;

/** Cuts what fits the staging pages. Returns the bytes that are in parts then. */
function cutSome(core: Core, bytes: Uint8Array, from: number, end: number, starts: number[]): number {
  const length = Math.min(end - from, core.stagingPages * PAGE_SIZE);
  core.staging().set(viewOf(bytes, from, from + length));
  const parts = core.raw.contentCuts(length, Number(from + length === end));
  const lengths = core.words();
  let at = from;
  for (let n = 0; n < parts; n++) {
    starts.push(at);
    at += lengths[n];
  }
  return at - from;
}
