/** What a decoder of LZ4 blocks must do with any block, beside a decoder that is obviously right. */
import { PAGE_SIZE } from './pages.js';
import type { Random } from './random.js';
import { memoryOf, type RawExports } from './raw-core.js';
import { referenceDecode } from './reference-lz4.js';

const CANARY = 0xa5;

/** Decodes at the exact end of linear memory, with canaries before and between; throws when one was touched. */
export function decodeAtTheEnd(raw: RawExports, end: number, block: Uint8Array, room: number): Uint8Array | undefined {
  const memory = memoryOf(raw);
  const src = end - block.length;
  const dst = src - 64 - room;
  memory.fill(CANARY, dst - 64, src);
  memory.set(block, src);
  const result = raw.lz4Decompress(src, block.length, dst, room);
  for (let at = dst - 64; at < dst; at++) if (memory[at] !== CANARY) throw new Error('wrote before its room');
  for (let at = dst + room; at < src; at++) if (memory[at] !== CANARY) throw new Error('wrote behind its room');
  for (let at = 0; at < block.length; at++) if (memory[src + at] !== block[at]) throw new Error('wrote to its source');
  return result < 0 ? undefined : memory.slice(dst, dst + result);
}

/** Whether the core says that a block at the exact end of linear memory holds a page. */
function holds(raw: RawExports, end: number, block: Uint8Array, page: Uint8Array): boolean {
  const memory = memoryOf(raw);
  const src = end - block.length;
  const at = raw.stagingAddress();
  memory.set(block, src);
  memory.set(page, at);
  const answer = Boolean(raw.lz4Holds(src, block.length, at));
  if (Buffer.compare(memory.subarray(at, at + PAGE_SIZE), page) !== 0) throw new Error('wrote to the page');
  return answer;
}

/** A block holds what it decodes to, if that is a page, and no page that differs from it in a bit. */
export function expectHolds(
  raw: RawExports,
  end: number,
  block: Uint8Array,
  decoded: Uint8Array | undefined,
  bit: number,
): void {
  const whole = decoded?.length === PAGE_SIZE;
  const page = new Uint8Array(PAGE_SIZE);
  page.set(decoded ?? []);
  if (holds(raw, end, block, page) !== whole)
    throw new Error(`holds: ${!whole} on ${Buffer.from(block).toString('hex')}`);
  page[bit >> 3] ^= 1 << (bit & 7);
  if (holds(raw, end, block, page)) throw new Error(`misses bit ${bit} on ${Buffer.from(block).toString('hex')}`);
}

export function expectAsReference(raw: RawExports, end: number, block: Uint8Array, room: number): void {
  const decoded = decodeAtTheEnd(raw, end, block, room);
  const reference = referenceDecode(block, room);
  if (decoded === undefined && reference === undefined) return;
  if (!decoded || !reference || Buffer.compare(decoded, reference) !== 0) {
    throw new Error(`differs from the reference on ${Buffer.from(block).toString('hex')} with room for ${room}`);
  }
}

/** A block that was damaged or cut, or bytes of no meaning. */
export function hostile(random: Random, blocks: readonly Uint8Array[]): Uint8Array {
  if (random.below(8) === 0) return Uint8Array.from({ length: random.below(200) }, () => random.below(256));
  const block = blocks[random.below(blocks.length)].slice();
  for (let n = random.below(6); n >= 0; n--) {
    const at = random.below(block.length);
    block[at] = random.below(3) === 0 ? 255 : random.below(256);
  }
  return random.below(3) === 0 ? block.subarray(0, random.below(block.length + 1)) : block;
}
