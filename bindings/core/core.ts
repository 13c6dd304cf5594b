/** One instance of the core: its raw exports, the views of its staging area, its compressors, its clock. */
import { PAGE_SIZE } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { notWithNew, textOf } from '../base/messages.js';
import { Codecs } from '../compressors/codecs.js';
import type { CoreExports } from './exports.js';
import { CODEC_FOREIGN, CODEC_LZ4HC } from './layout.js';

/** Most numbers in a block of statistics: one for each size class. */
const NUMBERS = 256;
const EMPTY = new Uint8Array(0);
export const TICK_MILLISECS = 10;

export class Core {
  readonly raw: CoreExports;
  /** Pages of the staging area. */
  readonly stagingPages: number;
  /** Addresses of the live pools. */
  readonly pools = new Set<number>();
  /** What uses codecs beside objects in memory: each returns its codecs as bits. */
  readonly codecUsers = new Set<() => number>();
  /** The compressors, and the codec numbers that object headers hold. */
  readonly codecs = new Codecs((wanted) => this.#codecsOfObjects(wanted));
  readonly #startMillisecs = performance.now();
  readonly #stagingAddress: number;
  #hasHashKey = false;
  #page: Uint8Array = EMPTY;
  #staging: Uint8Array = EMPTY;
  readonly #pages: Uint8Array[] = [];
  #numbers = new Float64Array(0);
  #words = new Uint32Array(0);

  constructor(exports: CoreExports, maxMemory: number) {
    this.raw = exports;
    exports.init(Math.min(Math.floor(maxMemory / 65536), 65535));
    this.#stagingAddress = exports.stagingAddress();
    this.stagingPages = exports.stagingPages();
    this.#renew();
  }

  /**
   * Draws the random key of the content hash on the first call. Called by everything that merges or deduplicates,
   * before it hashes, and not by every engine, since Node takes 2 to 3 ms to load `crypto`.
   * @throws ZramError EOPNOTSUPP: there are no random numbers, here or on this platform
   */
  makeHashKey(): void {
    if (this.#hasHashKey) return;
    const [seed0 = 0, seed1 = 0, seed2 = 0, seed3 = 0] = randomWords();
    this.raw.hashInit(seed0, seed1, seed2, seed3);
    this.#hasHashKey = true;
  }

  // Growing linear memory detaches every view; a detached one has length 0.
  #renew(): void {
    const { buffer } = this.raw.memory;
    this.#page = new Uint8Array(buffer, this.#stagingAddress, PAGE_SIZE);
    this.#staging = new Uint8Array(buffer, this.#stagingAddress, this.stagingPages * PAGE_SIZE);
    this.#pages.length = 0;
    this.#numbers = new Float64Array(buffer, this.#stagingAddress, NUMBERS);
    this.#words = new Uint32Array(buffer, this.#stagingAddress, (this.stagingPages * PAGE_SIZE) / 4);
  }

  /** The first staging page. Valid until the next call into the core. */
  page(): Uint8Array {
    if (this.#page.length === 0) this.#renew();
    return this.#page;
  }

  /** All staging pages. Valid until the next call into the core. */
  staging(): Uint8Array {
    if (this.#staging.length === 0) this.#renew();
    return this.#staging;
  }

  /** Staging page n. Valid until the next call into the core. */
  stagingPage(n: number): Uint8Array {
    if (this.#staging.length === 0) this.#renew();
    return (this.#pages[n] ??= this.#staging.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE));
  }

  /** Number n of the statistics that the last call wrote to the staging area. */
  number(n: number): number {
    if (this.#numbers.length === 0) this.#renew();
    return this.#numbers[n];
  }

  /** All staging pages as 32-bit words. Valid until the next call into the core. */
  words(): Uint32Array {
    if (this.#words.length === 0) this.#renew();
    return this.#words;
  }

  /** Which of these codecs, as bits, objects use, in any pool or on a backing. */
  #codecsOfObjects(wanted: number): number {
    let found = 0;
    for (const codecsOf of this.codecUsers) found |= codecsOf() & wanted;
    for (const pool of this.pools) found |= this.raw.poolCodecs(pool, wanted & ~found);
    return found;
  }

  /** Whether a block of one of the bindings' compressors decodes to this page. The page goes to the first staging page. */
  holds(codec: number, block: Uint8Array, page: Uint8Array): boolean {
    if (codec !== CODEC_LZ4HC) return this.codecs.holds(codec, block, page);
    this.page().set(page);
    this.staging().set(block, PAGE_SIZE);
    return this.raw.lz4Holds(this.#stagingAddress + PAGE_SIZE, block.length, this.#stagingAddress) !== 0;
  }

  /**
   * Decodes a block of at most 4096 bytes, whatever it has, to a page that is valid until the next call. The core's own are
   * decoded between the first two staging pages. Undefined: it is no block of a page.
   */
  tryDecode(codec: number, block: Uint8Array): Uint8Array | undefined {
    if (codec >= CODEC_FOREIGN) return this.codecs.tryDecode(codec, block);
    this.page().set(block);
    return this.decodeStaged(block.length);
  }

  /** As `tryDecode`, of a block of lz4 or lz4hc at the beginning of the first staging page. */
  decodeStaged(length: number): Uint8Array | undefined {
    if (this.raw.lz4Decode(length) !== PAGE_SIZE) return undefined;
    return this.staging().subarray(PAGE_SIZE, 2 * PAGE_SIZE);
  }

  /** The clock of access times: units of TICK_MILLISECS since the engine was made, modulo 2^32 (497 days). */
  ticks(): number {
    return ((performance.now() - this.#startMillisecs) / TICK_MILLISECS) >>> 0;
  }

  /** Bytes to which linear memory has grown. */
  reservedBytes(): number {
    return this.raw.memory.buffer.byteLength;
  }
}

/** Constructors are called by the engine only; the error for all others says what to call. */
export function checkCore(core: unknown, call: string): asserts core is Core {
  if (core instanceof Core) return;
  throw notWithNew(call);
}

function randomWords(): Uint32Array {
  try {
    return crypto.getRandomValues(new Uint32Array(4));
  } catch (error) {
    throw new ZramError(
      'EOPNOTSUPP',
      `merging and dedup need random numbers, which cannot be had here: ${textOf(error)}. Where a runtime gives none while the program is loaded, merge, or make what deduplicates, inside a handler.`,
    );
  }
}
