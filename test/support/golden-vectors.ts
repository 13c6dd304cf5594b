/**
 * Pages whose size in zram is known from a live kernel (Linux 6.18, lz4 at its default level 1, chain 8).
 *
 * They separate the kernel's LZ4 from others: the four "end rule" pages are 4 bytes smaller in liblz4, which lets one
 * more position start a match at the end of a page.
 */
import { imul } from './random.js';
const PAGE_BYTES = 4096;

export interface GoldenVector {
  readonly name: string;
  readonly page: Uint8Array;
  /** What compr_data_size grows by when the page is stored at level 1; 4096 for a page that is stored raw. */
  readonly comprSize: number;
}

function bytes(byteAt: (index: number) => number): Uint8Array {
  return Uint8Array.from({ length: PAGE_BYTES }, (_, i) => byteAt(i));
}

/** The linear congruential generator of the C standard's example, on 32 bits. */
function lcg(start: number): () => number {
  let x = start;
  return () => (x = (imul(x, 1103515245) + 12345) >>> 0);
}

function lcgPage(start: number, mask: number): Uint8Array {
  const next = lcg(start);
  return bytes(() => (next() >>> 16) & mask);
}

/** Records that hardly repeat, a run of zeros, and a copy of early bytes where only the kernel stops searching. */
function endRulePage(start: number): Uint8Array {
  const next = lcg(start);
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  for (let at = 0; at < PAGE_BYTES; at += 4) {
    view.setUint32(at, imul((next() >>> 16) % 40000, 2654435761) >>> 0, true);
  }
  page.fill(0, 1000, 4000);
  page.copyWithin(4084, 100, 107);
  return page;
}

const ALPHABET = new TextEncoder().encode('abcdefgh12345678');

export const GOLDEN_VECTORS: readonly GoldenVector[] = [
  { name: 'one, then zeros', page: bytes((i) => (i === 0 ? 1 : 0)), comprSize: 27 },
  { name: 'zeros, then one', page: bytes((i) => (i === PAGE_BYTES - 1 ? 1 : 0)), comprSize: 26 },
  { name: '16 bytes repeated', page: bytes((i) => ALPHABET[i % 16]), comprSize: 42 },
  { name: 'bytes counting up', page: bytes((i) => i & 255), comprSize: 281 },
  { name: 'multiplicative hash', page: bytes((i) => imul(i, 2654435761) >>> 24), comprSize: 2264 },
  { name: 'LCG of 2 bits', page: lcgPage(7, 3), comprSize: 2897 },
  { name: 'LCG of 4 bits, stored raw', page: lcgPage(1, 15), comprSize: 4096 },
  { name: 'end rule, start 20', page: endRulePage(20), comprSize: 1123 },
  { name: 'end rule, start 26', page: endRulePage(26), comprSize: 1122 },
  { name: 'end rule, start 83', page: endRulePage(83), comprSize: 1123 },
  { name: 'end rule, start 274', page: endRulePage(274), comprSize: 1123 },
];
