/** What the rows of the growth test are made of. */
import type { Zram } from '../../bindings/index.js';
import { engineOf } from '../support/raw-core.js';
import type { Engine, ZramOptions } from '../../bindings/index.js';

export const PAGE_SIZE = 4096;
const BATCH = 64;

export function newEngine(): Engine {
  return engineOf('release');
}

/** Bytes that differ for each number, and compress well. */
export function contentOf(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const words = new DataView(bytes.buffer);
  words.setUint32(0, Math.imul(number + 1, 0x9e3779b1));
  words.setUint32(length - 4, number);
  return bytes;
}

/** Writes `count` pages from `index` on; page n holds content `number(n)`. */
export function fill(zram: Zram, index: number, count: number, number: (n: number) => number = (n) => n): void {
  const pages = new Uint8Array(BATCH * PAGE_SIZE);
  for (let done = 0; done < count; done += BATCH) {
    const batch = Math.min(BATCH, count - done);
    for (let n = 0; n < batch; n++) pages.set(contentOf(number(done + n), PAGE_SIZE), n * PAGE_SIZE);
    zram.writePages(index + done, pages.subarray(0, batch * PAGE_SIZE));
  }
}

/** A device with `count` pages at its beginning. */
export function device(count: number, options: ZramOptions = {}, number?: (n: number) => number): Zram {
  const zram = newEngine().createZram({ disksize: 4 * count * PAGE_SIZE, ...options });
  fill(zram, 0, count, number);
  return zram;
}

/** The numbers below `count`, in an order that has nothing to do with them. */
export function shuffled(count: number): number[] {
  const numbers = Array.from({ length: count }, (_, n) => n);
  let state = 1;
  for (let n = count - 1; n > 0; n--) {
    state = Math.imul(state, 1664525) + 1013904223;
    const other = (state >>> 8) % (n + 1);
    [numbers[n], numbers[other]] = [numbers[other], numbers[n]];
  }
  return numbers;
}
