/// <reference lib="esnext.disposable" preserve="true" />
/** Ksmd: merges a pool in the background, with the knobs and counters of the kernel's KSM (mm/ksm.c). */
import { POOL } from './core/layout.js';
import { checkBoolean, checkInteger, readOptions } from './base/arguments.js';
import { ZramError } from './base/errors.js';
import { describe } from './base/messages.js';
import { checkCore, type Core } from './core/core.js';
import { mergePool, type MergeOptions, type MergeReport } from './pool/operations.js';

/** The knobs of a scanner, with KSM's names (Documentation/admin-guide/mm/ksm.rst) and defaults. */
export interface KsmdOptions {
  /** Objects scanned in each batch (`pages_to_scan`); default 100. */
  pagesToScan?: number | undefined;
  /** Milliseconds of sleep between batches (`sleep_millisecs`); default 20. */
  sleepMillisecs?: number | undefined;
  /** Most milliseconds for which a batch may block the event loop; default 8. */
  sliceMillisecs?: number | undefined;
  /**
   * Skips passes after passes that found nothing (`smart_scan`); default true. After three passes in a row that merged
   * nothing one pass is skipped, later two, four and eight, as KSM does for each page; a skipped pass takes as much
   * time as a real one. When a sixteenth of the pool is new, skipping ends.
   */
  smartScan?: boolean | undefined;
}

/** KSM's counters. A "page" is an object of the pool. */
export interface KsmdStats {
  /** Objects that several handles share (`pages_shared`). */
  readonly pagesShared: number;
  /** Handles of those objects beyond the first of each: the number of objects saved (`pages_sharing`). */
  readonly pagesSharing: number;
  /** Objects that the last full pass found to be unique (`pages_unshared`). */
  readonly pagesUnshared: number;
  /** Objects stored or written since the last full pass (`pages_volatile`). */
  readonly pagesVolatile: number;
  /** Objects that did not need to be read: skipped by `smartScan`, or scanned with a cached hash (`pages_skipped`). */
  readonly pagesSkipped: number;
  /** Objects scanned, counted each time (`pages_scanned`). */
  readonly pagesScanned: number;
  /** Passes over the whole pool (`full_scans`). */
  readonly fullScans: number;
  /** Payload bytes saved, minus the bytes of cells that sharing needs (`general_profit`). */
  readonly generalProfit: number;
}

const CELL_BYTES = 8;
const UINT31_MAX = 2 ** 31 - 1;
/** KSM's table: after this many passes in a row that found nothing, this many passes are skipped. */
const SKIPS: readonly (readonly [passes: number, skips: number])[] = [
  [9, 8],
  [6, 4],
  [4, 2],
  [3, 1],
];
/** Skipping ends when 1 / NEW_SHARE of the pool's objects is new, the same share that the shrinker uses. */
const NEW_SHARE = 16;

/** The options of `createKsmd`, each read once. @throws ZramError EINVAL: an unknown option */
export function readKsmdOptions(options: KsmdOptions | undefined): KsmdOptions {
  return readOptions(options, ['pagesToScan', 'sleepMillisecs', 'sliceMillisecs', 'smartScan'], 'createKsmd');
}

/**
 * A scanner for one pool. It runs in batches on timers, which do not keep a Node.js process alive; while nothing
 * changes, a batch does no work. It ends with its pool.
 */
export class Ksmd {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'Ksmd';
  readonly #core: Core;
  readonly #address: () => number;
  readonly #onEnd: () => void;
  #pagesToScan = 100;
  #sleepMillisecs = 20;
  #sliceMillisecs = 8;
  #smartScan = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #destroyed = false;
  #pagesScanned = 0;
  #pagesSkipped = 0;
  #fullScans = 0;
  /** Unshared objects at the end of the last full pass. */
  #settled = 0;
  #passOpen = false;
  #mergedInPass = 0;
  /** The pool's count of changes when the last pass began. */
  #changesAtPass = 0;
  #fruitlessPasses = 0;
  /** Passes still to skip, and the objects skipped so far in the current one. */
  #skipsLeft = 0;
  #skipped = 0;

  /** @internal Made by `ZsPool.createKsmd`. */
  constructor(core: Core, address: () => number, options: KsmdOptions, onEnd: () => void) {
    checkCore(core, 'pool.createKsmd()');
    this.#core = core;
    this.#address = address;
    this.#onEnd = onEnd;
    const { pagesToScan, sleepMillisecs, sliceMillisecs, smartScan } = options;
    if (pagesToScan !== undefined) this.pagesToScan = pagesToScan;
    if (sleepMillisecs !== undefined) this.sleepMillisecs = sleepMillisecs;
    if (sliceMillisecs !== undefined) this.sliceMillisecs = sliceMillisecs;
    if (smartScan !== undefined) this.smartScan = smartScan;
  }

  /** Objects scanned in each batch. Can be changed at any time. */
  get pagesToScan(): number {
    this.#live();
    return this.#pagesToScan;
  }

  /** @throws ZramError EINVAL: not a whole number of 1 or more */
  set pagesToScan(objects: number) {
    this.#live();
    checkInteger(objects, 'pagesToScan', 1, Number.MAX_SAFE_INTEGER);
    this.#pagesToScan = objects;
  }

  /** Sleep between batches, in milliseconds. Can be changed at any time. */
  get sleepMillisecs(): number {
    this.#live();
    return this.#sleepMillisecs;
  }

  /** @throws ZramError EINVAL: not a whole number from 0 to 2^31 - 1 */
  set sleepMillisecs(milliseconds: number) {
    this.#live();
    checkInteger(milliseconds, 'sleepMillisecs', 0, UINT31_MAX);
    this.#sleepMillisecs = milliseconds;
  }

  /** Most milliseconds for which a batch may block the event loop. Can be changed at any time. */
  get sliceMillisecs(): number {
    this.#live();
    return this.#sliceMillisecs;
  }

  /** @throws ZramError EINVAL: not a number above 0 */
  set sliceMillisecs(milliseconds: number) {
    this.#live();
    if (!(typeof milliseconds === 'number' && milliseconds > 0)) {
      throw new ZramError('EINVAL', `sliceMillisecs must be a number above 0, not ${describe(milliseconds)}.`);
    }
    this.#sliceMillisecs = milliseconds;
  }

  /** Whether passes are skipped after passes that found nothing. Can be changed at any time. */
  get smartScan(): boolean {
    this.#live();
    return this.#smartScan;
  }

  /** @throws ZramError EINVAL: not a boolean */
  set smartScan(on: boolean) {
    this.#live();
    checkBoolean(on, 'smartScan');
    this.#smartScan = on;
  }

  /** Starts scanning (`run` = 1). Calling it again does nothing. */
  start(): void {
    this.#live();
    if (this.#timer === undefined) this.#sleep();
  }

  /** Stops scanning at once; merged objects stay merged (`run` = 0). */
  stop(): void {
    this.#live();
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Whether it scans in the background. */
  get running(): boolean {
    this.#live();
    return this.#timer !== undefined;
  }

  /**
   * Makes one full pass synchronously: 0.3 to 1 s for a million objects. A pass in progress is finished first, and is
   * included in the report.
   */
  scan(): MergeReport {
    const address = this.#live();
    const finished = this.#merge(address, {});
    // Scans nothing if the first call was a full pass already.
    const full = this.#merge(address, {});
    return Object.freeze({
      objectsScanned: finished.objectsScanned + full.objectsScanned,
      objectsHashed: finished.objectsHashed + full.objectsHashed,
      objectsMerged: finished.objectsMerged + full.objectsMerged,
      bytesMerged: finished.bytesMerged + full.bytesMerged,
      pagesFreed: finished.pagesFreed + full.pagesFreed,
      hashCollisions: finished.hashCollisions + full.hashCollisions,
      complete: true,
      milliseconds: finished.milliseconds + full.milliseconds,
    });
  }

  /**
   * Stops scanning, and gives every handle an object of its own again (`run` = 2), synchronously: 0.1 to 0.2 s for a
   * million handles.
   * @throws ZramError ENOMEM: not enough memory for all; the others stay merged
   */
  unmerge(): void {
    const address = this.#live();
    this.#stop();
    if (this.#core.raw.poolUnmerge(address, UINT31_MAX) < 0) {
      throw new ZramError(
        'ENOMEM',
        'cannot allocate an object for every handle: a limit is reached; the others stay merged.',
      );
    }
  }

  /** KSM's counters. */
  stats(): KsmdStats {
    this.#core.raw.poolStats(this.#live());
    const objects = this.#core.number(POOL.objects);
    const shared = this.#core.number(POOL.sharedObjects);
    const sharers = this.#core.number(POOL.sharers);
    const unshared = objects - shared;
    const settled = Math.min(this.#settled, unshared);
    return Object.freeze({
      pagesShared: shared,
      pagesSharing: sharers - shared,
      pagesUnshared: settled,
      pagesVolatile: unshared - settled,
      pagesSkipped: this.#pagesSkipped,
      pagesScanned: this.#pagesScanned,
      fullScans: this.#fullScans,
      generalProfit: this.#core.number(POOL.bytesSaved) - shared * CELL_BYTES,
    });
  }

  /** Stops permanently. Calling it again does nothing. */
  destroy(): void {
    this.#stop();
    this.#destroyed = true;
    this.#onEnd();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #sleep(): void {
    this.#timer = setTimeout(() => this.#batch(), this.#sleepMillisecs);
    // unref exists in Node.js only, where a background scan must not keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #batch(): void {
    const address = this.#address();
    if (this.#destroyed || address === 0) return;
    if (!this.#isLeftOut(address)) {
      this.#merge(address, { maxObjects: this.#pagesToScan, maxMilliseconds: this.#sliceMillisecs });
    }
    this.#sleep();
  }

  /** Whether the batch belongs to a pass that smart scanning skips; if so, counts its objects as skipped. */
  #isLeftOut(address: number): boolean {
    if (!this.#smartScan || this.#skipsLeft === 0 || this.#passOpen) return false;
    const { objects, changes } = this.#poolCounts(address);
    const fresh = (changes - this.#changesAtPass) >>> 0;
    if (fresh === 0) return false; // nothing has changed, and a merge then costs nothing
    if (fresh >= objects / NEW_SHARE) {
      this.#skipsLeft = 0;
      return false;
    }
    const left = Math.max(Math.min(this.#pagesToScan, objects - this.#skipped), 0); // others may have been freed
    this.#pagesSkipped += left;
    this.#skipped += left;
    if (this.#skipped >= objects) {
      this.#skipped = 0;
      this.#skipsLeft--;
    }
    return true;
  }

  #poolCounts(address: number): { objects: number; shared: number; changes: number } {
    this.#core.raw.poolStats(address);
    return {
      objects: this.#core.number(POOL.objects),
      shared: this.#core.number(POOL.sharedObjects),
      changes: this.#core.number(POOL.changes),
    };
  }

  #merge(address: number, budget: MergeOptions): MergeReport {
    if (!this.#passOpen) this.#changesAtPass = this.#poolCounts(address).changes;
    let ended = false;
    const report = mergePool(
      this.#core,
      () => address,
      budget,
      () => {
        ended = true;
      },
    );
    this.#pagesScanned += report.objectsScanned;
    this.#pagesSkipped += Math.max(report.objectsScanned - report.objectsHashed, 0);
    this.#mergedInPass += report.objectsMerged;
    this.#passOpen = !report.complete;
    if (ended) this.#passEnded();
    // Also when the merge had nothing to do, for example because the pool was merged by another call.
    if (report.complete) {
      const { objects, shared } = this.#poolCounts(address);
      this.#settled = objects - shared;
    }
    return report;
  }

  #passEnded(): void {
    this.#fullScans++;
    this.#fruitlessPasses = this.#mergedInPass > 0 ? 0 : this.#fruitlessPasses + 1;
    this.#mergedInPass = 0;
    this.#skipsLeft = SKIPS.find(([passes]) => this.#fruitlessPasses >= passes)?.[1] ?? 0;
    this.#skipped = 0;
  }

  #live(): number {
    const address = this.#address();
    if (this.#destroyed || address === 0) throw new ZramError('EINVAL', 'this Ksmd, or its pool, was destroyed.');
    return address;
  }
}
