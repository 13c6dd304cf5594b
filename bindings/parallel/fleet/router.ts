/**
 * Where a page goes: by a hash of its whole content, so that equal pages meet in one worker and are merged there.
 *
 * The hash is the core's own, in an instance that has no pools: it is keyed by random numbers of each router, so nobody can
 * prepare pages that all go to one worker, and it takes 0.2 µs a page, a thirtieth of storing one. Pages are copied to the
 * instance's staging pages for it, and from there to parcels.
 */
import { PAGE_SIZE } from '../../base/arguments.js';
import type { Core } from '../../core/core.js';

/** Runs of so many indexes of same-filled pages go to one worker: they share a frame of its table (512 slots of 8 bytes). */
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
    // Kept for good: without a pool the instance's memory never grows.
    this.#staging = core.staging();
    const { buffer, byteOffset, byteLength } = this.#staging;
    this.#pages = Array.from({ length: this.capacity }, (_, n) =>
      this.#staging.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE),
    );
    this.#words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  }

  /** Which staging put there what stands on the staging pages: whoever finds another number than his stages again. */
  staged = 0;

  /** Puts pages on the staging pages, from the first on. @returns `staged` */
  stage(pages: Uint8Array): number {
    this.#staging.set(pages);
    return ++this.staged;
  }

  /** A staging page is about to be written by other ways. */
  invalidate(): void {
    this.staged++;
  }

  /** A staging page, to be read and to be written. */
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
   * @param alive by worker; at least one is
   */
  byContent(n: number, alive: readonly boolean[]): number {
    return pick(this.#core.raw.contentHash(this.#address + n * PAGE_SIZE, PAGE_SIZE, 0), alive);
  }

  /** The worker for a same-filled page that no worker has yet. Such pages cannot be merged: any will do. */
  byIndex(index: number, alive: readonly boolean[]): number {
    return pick(mix(index >>> RUN_SHIFT), alive);
  }
}

/** After so many draws that hit dead workers, the first living one has to do: no sequence of hashes may go on for ever. */
const DRAWS_MAX = 1000;

/** The worker of a hash. When one has died its share is spread over the others, whose own pages stay where they are. */
function pick(hash: number, alive: readonly boolean[]): number {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const worker = Math.floor(((hash >>> 0) / 2 ** 32) * alive.length);
    if (alive[worker]) return worker;
    hash = mix(hash + 1);
  }
  return alive.indexOf(true);
}

/** A bijection of 32-bit words that reaches each bit from each (the finaliser of MurmurHash3). */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
