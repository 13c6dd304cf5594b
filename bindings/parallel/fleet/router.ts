/**
 * Chooses the worker of a page by a hash of its whole content, so that equal pages go to one worker and are merged
 * there.
 *
 * The hash is the core's own, in an instance without pools. It is keyed at random for each router, so pages cannot be
 * crafted to all go to one worker, and takes 0.2 µs for a page, a thirtieth of storing one. Pages are copied to the
 * instance's staging area for it, and from there to parcels.
 */
import { PAGE_SIZE } from '../../base/arguments.js';
import type { Core } from '../../core/core.js';

/**
 * log2 of the run of same-filled pages that go to one worker: they share a frame of its table (512 slots of 8 bytes).
 */
const RUN_SHIFT = 9;

export class Router {
  /** Pages that can be staged at once. */
  readonly capacity: number;
  readonly #core: Core;
  readonly #address: number;
  readonly #staging: Uint8Array;
  readonly #pages: Uint8Array[];
  readonly #words: Uint32Array;

  constructor(core: Core) {
    this.#core = core;
    this.#address = core.raw.stagingAddress();
    this.capacity = core.stagingPages;
    // These views stay valid: without a pool the instance's memory never grows.
    this.#staging = core.staging();
    const { buffer, byteOffset, byteLength } = this.#staging;
    this.#pages = Array.from({ length: this.capacity }, (_, n) =>
      this.#staging.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE),
    );
    this.#words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  }

  /** Number of the last staging: a task that finds another number than its own must stage its pages again. */
  staged = 0;

  /** Copies pages to the staging area, from its beginning on. @returns `staged` */
  stage(pages: Uint8Array): number {
    this.#staging.set(pages);
    return ++this.staged;
  }

  /** To be called before a staging page is written directly. */
  invalidate(): void {
    this.staged++;
  }

  /** A staging page, for reading and writing. */
  page(n: number): Uint8Array {
    return this.#pages[n];
  }

  /** Whether all 64-bit words of a staged page are equal. */
  isSameFilled(n: number): boolean {
    return Boolean(this.#core.raw.pageSameFilled(this.#address + n * PAGE_SIZE));
  }

  /** Low and high half of the first 64-bit word of a staged page. */
  word(n: number, half: 0 | 1): number {
    return this.#words[(n * PAGE_SIZE) / 4 + half];
  }

  /**
   * The worker for a staged page.
   * @param alive by worker; at least one must be true
   */
  byContent(n: number, alive: readonly boolean[]): number {
    return pick(this.#core.raw.contentHash(this.#address + n * PAGE_SIZE, PAGE_SIZE, 0), alive);
  }

  /** The worker for a same-filled page without an owner. Such pages are not merged, so any worker serves. */
  byIndex(index: number, alive: readonly boolean[]): number {
    return pick(mix(index >>> RUN_SHIFT), alive);
  }
}

/** After this many draws of dead workers, the first live one is taken, so that the loop always ends. */
const DRAWS_MAX = 1000;

/** The worker of a hash. The share of a dead worker is spread over the others, whose own pages do not move. */
function pick(hash: number, alive: readonly boolean[]): number {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const worker = Math.floor(((hash >>> 0) / 2 ** 32) * alive.length);
    if (alive[worker]) return worker;
    hash = mix(hash + 1);
  }
  return alive.indexOf(true);
}

/** A bijection of 32-bit words in which each input bit affects each output bit (the finaliser of MurmurHash3). */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
