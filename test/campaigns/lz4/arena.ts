/**
 * Blocks in linear memory between canaries, at its exact end among other places, and every way in which the core's
 * decoder may be wrong about one of them.
 */
import type { RawExports } from '../../support/raw-core.js';
import { CELLS, REFUSED, decode } from './decoder.js';
import { BLOCK_MAX, PAGE, type Generator } from './generator.js';
import { Xoroshiro } from './xoroshiro.js';

const WASM_PAGE = 65536;
/** Of the canaries' pattern: byte n of memory has the pattern's byte n % 256. */
const PERIOD = 256;
/** Bytes at both sides of each buffer that are looked at after every call. All others: see `expectUntouched`. */
const BAND = 64;

/** Addresses from the start of the arena: a source, and a destination with a page and more behind it. */
const SOURCE = 1024;
const DESTINATION = 12288;
/** What the decoder and the comparison may read behind a page. */
const SLACK = 16;

/** Where the buffers lie. 0 and 1: the source, or the destination, ends where memory ends, and the other is far off. */
const ENDS_WITH_SOURCE = 0;
const ENDS_WITH_DESTINATION = 1;
/** One directly before the other, which ends where memory ends. (Else: both somewhere in between.) */
const SOURCE_BEHIND = 2;
const DESTINATION_BEHIND = 3;

/** What was done, beside what blocks are made of. */
export interface Tally {
  blocks: number;
  /** Bytes in, and bytes made of them. */
  bytesIn: number;
  bytesOut: number;
  /** Answers of `lz4Holds`: no, yes, and no to the page with one bit changed. */
  notHeld: number;
  held: number;
  heldNotQuite: number;
}

export class Arena {
  readonly cells = new Float64Array(CELLS);
  readonly tally: Tally = { blocks: 0, bytesIn: 0, bytesOut: 0, notHeld: 0, held: 0, heldNotQuite: 0 };
  private readonly memory: Uint8Array;
  /** The same, for four bytes at once at any address. */
  private readonly view: DataView;
  private readonly words: Int32Array;
  private readonly start: number;
  private readonly end: number;
  /** Half a page of the pattern below the arena, from which canaries are put back. */
  private readonly mirror: number;
  private readonly pattern = new Uint8Array(PERIOD);
  private readonly patternWords = new Int32Array(this.pattern.buffer);
  private readonly expected = new Uint8Array(PAGE);
  private readonly expectedView = new DataView(this.expected.buffer);
  private readonly random = new Xoroshiro();
  /** All memory below the mirror, which nothing here should ever change. */
  private readonly below: Uint8Array;

  /** @param raw a core that is used for nothing else, since the end of its memory is taken */
  constructor(private readonly raw: RawExports) {
    this.mirror = raw.memory.grow(1) * WASM_PAGE;
    this.start = this.mirror + WASM_PAGE / 2;
    this.end = this.mirror + WASM_PAGE;
    this.memory = new Uint8Array(raw.memory.buffer);
    this.view = new DataView(raw.memory.buffer);
    this.words = new Int32Array(raw.memory.buffer);
    this.below = this.memory.slice(0, this.mirror);
    this.fill(0);
  }

  /** New canaries. */
  fill(seed: number): void {
    const { memory, pattern, patternWords, random } = this;
    random.seed(seed);
    for (let n = 0; n < PERIOD / 4; n++) patternWords[n] = random.next();
    memory.set(pattern, this.mirror);
    for (let filled = PERIOD; this.mirror + filled < this.end; filled *= 2) {
      memory.copyWithin(this.mirror + filled, this.mirror, Math.min(this.mirror + filled, this.end - filled));
    }
  }

  /**
   * Gives the block that was made last to the core.
   * @throws Error where the core's answer is not that of the other decoder, or a byte was changed that is not its own
   */
  try(generator: Generator, length: number): void {
    const { raw, expected, tally, end } = this;
    const { block, room, place } = generator;
    const jitter = this.random.next() & 31;
    let src = this.start + SOURCE + jitter;
    let dst = this.start + DESTINATION + jitter;
    if (place === ENDS_WITH_SOURCE || place === SOURCE_BEHIND) src = end - length;
    if (place === ENDS_WITH_DESTINATION || place === DESTINATION_BEHIND) dst = end - room;
    if (place === SOURCE_BEHIND) dst = src - room;
    else if (place === DESTINATION_BEHIND) src = dst - length;
    this.put(generator.view, length, src);
    const made = decode(block, length, expected, PAGE, room, this.cells);
    const result = raw.lz4Decompress(src, length, dst, room);
    if (made === REFUSED || made > room) {
      if (result >= 0) throw new Error(`accepted as ${result} bytes, which it is not`);
    } else {
      if (result !== made) throw new Error(`${result} bytes, not ${made}`);
      if (!this.hasAt(dst, this.expected, this.expectedView, made)) throw new Error('other bytes');
      tally.bytesOut += made;
    }
    if (!this.hasAt(src, block, generator.view, length)) throw new Error('the block was changed');
    if (place === SOURCE_BEHIND) this.expectBands(dst, src + length);
    else if (place === DESTINATION_BEHIND) this.expectBands(src, dst + room);
    else {
      this.expectBands(src, src + length);
      this.expectBands(dst, dst + room);
    }

    if (dst + PAGE + SLACK <= end) this.tryHolds(src, length, dst, made, made <= room);
    tally.blocks++;
    tally.bytesIn += length;
    this.restore(src, src + length);
    this.restore(dst, dst + room);
  }

  /** A block holds the page that it decodes to, and no page that differs from it in a bit. */
  private tryHolds(src: number, length: number, page: number, made: number, decoded: boolean): void {
    const { memory, raw, tally } = this;
    const whole = made === PAGE;
    if (!whole) {
      if (raw.lz4Holds(src, length, page)) throw new Error('holds a page though it does not decode to one');
      tally.notHeld++;
      return;
    }
    if (!decoded) return;
    if (!raw.lz4Holds(src, length, page)) throw new Error('does not hold the page that it decodes to');
    const bit = this.random.below(PAGE * 8);
    memory[page + (bit >> 3)] ^= 1 << (bit & 7);
    if (raw.lz4Holds(src, length, page)) throw new Error(`holds a page of which bit ${bit} differs`);
    tally.held++;
    tally.heldNotQuite++;
  }

  private put(from: DataView, length: number, to: number): void {
    const { view } = this;
    let n = 0;
    for (; n + 4 <= length; n += 4) view.setInt32(to + n, from.getInt32(n, true), true);
    for (; n < length; n++) view.setUint8(to + n, from.getUint8(n));
  }

  private hasAt(at: number, bytes: Uint8Array, words: DataView, length: number): boolean {
    const { view, memory } = this;
    let n = 0;
    for (; n + 4 <= length; n += 4) if (view.getInt32(at + n, true) !== words.getInt32(n, true)) return false;
    for (; n < length; n++) if (memory[at + n] !== bytes[n]) return false;
    return true;
  }

  /** The bands before `from` and behind `to` are as they were. */
  private expectBands(from: number, to: number): void {
    const { end } = this;
    this.expectPattern(from - BAND, from);
    this.expectPattern(to, to + BAND < end ? to + BAND : end);
  }

  private expectPattern(from: number, to: number): void {
    const { memory, words, pattern, patternWords } = this;
    let at = from;
    while (at & 3 && at < to) {
      if (memory[at] !== pattern[at & 255]) this.refuse(at);
      at++;
    }
    const lastWord = to >> 2;
    for (let word = at >> 2; word < lastWord; word++) {
      if (words[word] !== patternWords[word & 63]) this.refuse(word * 4);
    }
    if (at < to) at = Math.max(at, lastWord * 4);
    while (at < to) {
      if (memory[at] !== pattern[at & 255]) this.refuse(at);
      at++;
    }
  }

  private refuse(at: number): never {
    throw new Error(`a byte near ${this.end - at} bytes before the end of memory was changed`);
  }

  private restore(from: number, to: number): void {
    const source = this.mirror + (from & 255);
    this.memory.copyWithin(from, source, source + to - from);
  }

  /** Every byte of memory is what it should be between two blocks. */
  expectUntouched(): void {
    if (Buffer.compare(this.below, this.memory.subarray(0, this.mirror)) !== 0) {
      throw new Error('memory of the core was changed');
    }
    this.expectPattern(this.mirror, this.end);
  }
}

// The arena is half a WebAssembly page: all that is needed at once must fit, and blocks must not reach each other.
if (DESTINATION - SOURCE < BLOCK_MAX + BAND + 64) throw new Error('source and destination overlap');
