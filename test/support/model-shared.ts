/**
 * Two devices, a zswap, handles and a scanner on one pool, beside an obviously right model of them: what each holds, and
 * from that what the pool must count.
 */
import {
  ZramError,
  type Engine,
  type Handle,
  type Ksmd,
  type MergeReport,
  type Zram,
  type ZsPool,
} from '../../bindings/index.js';
import { HeldTimers } from './held-timers.js';
import { isNoHandle } from './model-pool.js';
import type { SharedOperation } from './model-shared-operations.js';
import { FaultyBacking, ModelZswap } from './model-zswap.js';
import { PAGES } from './model-zram-operations.js';
import { sameBytes } from './pages.js';
import { checkPools, memoryOf, type RawExports } from './raw-core.js';
import { equal, fail } from './model-checks.js';

const PAGE_SIZE = 4096;
export const DISK_PAGES = 24;
const HUGE_CLASS_SIZE = 3625;
/** A zspage, a chunk of cells, a slab, up to three frames of a table, and a table of deduplication that grows. */
const WRITE_PAGES_MAX = 8 + 1 + 1 + 3 + 8;
const BACKING_SLOTS = 12;

export interface SharedSetting {
  readonly engine: Engine;
  /** a core apart from the engine's, for compressing */
  readonly lz4: RawExports;
  /** devices that deduplicate; with any of them the pool does too */
  readonly dedup: 0 | 1 | 2;
  /** bytes of the pool's copies of pages */
  readonly dedupCache?: number | undefined;
  readonly shrinker: boolean;
  readonly exclusiveLoads: boolean;
  /** LZ4 acceleration of the two devices; a zswap has 1 */
  readonly levels: readonly [number, number];
  /** bytes of the pool's limit */
  readonly limit?: number | undefined;
  /** bytes of the zswap's limit */
  readonly swapLimit: number;
  readonly failPercent: number;
  /** the engine's memory is small: merging may lack cells */
  readonly tight: boolean;
  /** contents have equal hashes */
  readonly weakHash: boolean;
}

interface Disk {
  zram: Zram;
  readonly level: number;
  readonly dedup: boolean;
  pages: (Uint8Array | undefined)[];
  /** pages that have stood untouched since the pass under way began */
  still: Set<number>;
  limit: number;
}

interface Item {
  bytes: Uint8Array;
  refs: number;
  /** same-filled content that was stored: there is no object until it is written to */
  same: boolean;
}

function isSameFilled(bytes: Uint8Array): boolean {
  return bytes.length >= 16 && bytes.length % 8 === 0 && bytes.every((byte, at) => byte === bytes[at & 7]);
}

export class ModelShared {
  readonly #setting: SharedSetting;
  readonly #pool: ZsPool;
  readonly #disks: Disk[];
  #swap: ModelZswap;
  readonly #items = new Map<Handle, Item>();
  /** every handle that was freed: none may ever reach what others hold */
  readonly #freed = new Set<Handle>();
  readonly #ksmd: Ksmd;
  readonly #usedAtStart: number;
  readonly #usedWithPool: number;
  #passOpen = false;
  readonly #payloads = new Map<string, { key: string; length: number }>();
  /** How often what the model is there for has happened. */
  readonly happened = { outOfMemory: 0, rejected: 0, writtenBack: 0, failedWritebacks: 0 };

  constructor(setting: SharedSetting) {
    const { engine, dedup, dedupCache, shrinker, limit } = setting;
    this.#setting = setting;
    this.#usedAtStart = engine.memory.used;
    this.#pool = engine.createPool({ dedup: dedup > 0, dedupCache, shrinker, limit });
    this.#usedWithPool = engine.memory.used;
    this.#disks = setting.levels.map((level, n) => this.#makeDisk(level, n < dedup));
    this.#swap = this.#makeZswap();
    this.#ksmd = this.#pool.createKsmd({ pagesToScan: 9, sleepMillisecs: 0 });
  }

  #makeDisk(level: number, dedup: boolean): Disk {
    const { engine } = this.#setting;
    const zram = engine.createZram({ disksize: DISK_PAGES * PAGE_SIZE, level, dedup, pool: this.#pool });
    return { zram, level, dedup, pages: new Array<undefined>(DISK_PAGES).fill(undefined), still: new Set(), limit: 0 };
  }

  #makeZswap(): ModelZswap {
    const { engine, swapLimit: max, failPercent, exclusiveLoads, shrinker } = this.#setting;
    const backing = new FaultyBacking(BACKING_SLOTS, failPercent);
    const zswap = engine.createZswap({
      pool: this.#pool,
      maxPoolBytes: max,
      acceptThresholdPercent: 75,
      backing,
      exclusiveLoads,
      shrinkerEnabled: shrinker,
    });
    return new ModelZswap(zswap, backing, { max, accept: max * 0.75 }, exclusiveLoads);
  }

  run(operation: SharedOperation): void {
    switch (operation.op) {
      case 'write':
        this.#write(this.#disks[operation.disk], operation.index, operation.pages);
        break;
      case 'discard':
        this.#discard(this.#disks[operation.disk], operation.index, operation.count);
        break;
      case 'memLimit': {
        const disk = this.#disks[operation.disk];
        disk.limit = operation.pages * PAGE_SIZE;
        disk.zram.sysfs.write('mem_limit', String(disk.limit));
        break;
      }
      case 'swapOut':
        this.#swap.store(operation.key, PAGES[operation.page], this.#totalBytes());
        break;
      case 'swapIn':
        this.#swap.load(operation.key);
        break;
      case 'invalidate':
        this.#swap.invalidate(operation.key);
        break;
      case 'shrink':
        this.#swap.shrink(operation.pages);
        break;
      case 'store':
        this.#store(PAGES[operation.page].slice(0, operation.length));
        break;
      case 'patch':
        this.#patch(operation.which, operation.offset, PAGES[operation.page].subarray(0, operation.length));
        break;
      case 'freed': {
        const handle = [...this.#freed][operation.which % Math.max(this.#freed.size, 1)];
        if (handle !== undefined) isNoHandle(this.#pool, handle);
        break;
      }
      case 'retain':
      case 'free':
        this.#count(operation.op, operation.which);
        break;
      case 'merge':
        this.#merging(() => this.#pool.merge({ maxObjects: operation.budget }));
        break;
      case 'tick':
        this.#tick(operation.batches);
        break;
      case 'compact':
        this.#unchanged(() => this.#pool.compact());
        break;
      case 'dryRun':
        this.#unchanged(() => this.#disks[0].zram.merge({ dryRun: true }));
        break;
      case 'scan':
        this.#merging(() => this.#ksmd.scan());
        break;
      case 'unmerge':
        this.#unmerge();
        break;
      case 'settle':
        this.#settle();
        break;
      case 'replaceDisk': {
        const disk = this.#disks[operation.disk];
        disk.zram.destroy();
        this.#disks[operation.disk] = this.#makeDisk(disk.level, disk.dedup);
        this.#readAll();
        break;
      }
      case 'replaceZswap':
        this.#endZswap();
        this.#swap = this.#makeZswap();
        this.#readAll();
        break;
    }
    this.#check();
  }

  // ── the users ──────────────────────────────────────────────────────────────────────────────────────────────────

  #totalBytes(): number {
    return this.#pool.totalPages * PAGE_SIZE;
  }

  /** Runs what may end in ENOMEM, which has to be due. Then nothing that is held may have changed. */
  #allocating(limit: number, action: () => void): ZramError | undefined {
    const { engine } = this.#setting;
    try {
      action();
      return undefined;
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
      this.happened.outOfMemory++;
      const { used, limit: memoryLimit } = engine.memory;
      const passes = (bytes: number) => bytes > 0 && this.#totalBytes() + 8 * PAGE_SIZE > bytes;
      if (!passes(limit) && !passes(this.#setting.limit ?? 0) && used + WRITE_PAGES_MAX * PAGE_SIZE <= memoryLimit) {
        fail(`ENOMEM with ${used} of ${memoryLimit} bytes used`);
      }
      return error;
    }
  }

  #write(disk: Disk, index: number, numbers: readonly number[]): void {
    const pages = numbers.map((number) => PAGES[number]);
    const first = Math.min(index, DISK_PAGES - pages.length);
    const known = disk.dedup && pages.length === 1 && this.#isKnown(pages[0], disk.level);
    const { objects } = this.#pool.stats();
    const error = this.#allocating(disk.limit, () => {
      if (pages.length === 1) disk.zram.writePage(first, pages[0]);
      else disk.zram.writePages(first, new Uint8Array(Buffer.concat(pages)));
    });
    const done = error ? (error.pagesDone ?? 0) : pages.length;
    if (known && !error && this.#pool.stats().objects > objects) fail('a duplicate was not found');
    pages.slice(0, done).forEach((page, n) => {
      disk.pages[first + n] = page;
      disk.still.delete(first + n);
    });
    if (error) this.#readAll();
  }

  /** Whether a device that deduplicates holds this page, so that another is no object of its own. */
  #isKnown(page: Uint8Array, level: number): boolean {
    if (!this.#isExact() || this.#setting.tight || isSameFilled(page)) return false;
    const { key } = this.#payloadOf(page, level, HUGE_CLASS_SIZE);
    return this.#disks.some(
      (disk) =>
        disk.dedup && disk.pages.some((held) => held && this.#payloadOf(held, disk.level, HUGE_CLASS_SIZE).key === key),
    );
  }

  #discard(disk: Disk, index: number, count: number): void {
    const end = Math.min(index + count, DISK_PAGES);
    disk.zram.discard(index * PAGE_SIZE, (end - index) * PAGE_SIZE);
    disk.pages.fill(undefined, index, end);
    for (let n = index; n < end; n++) disk.still.delete(n);
  }

  #store(bytes: Uint8Array): void {
    let handle: Handle | undefined;
    const error = this.#allocating(0, () => (handle = this.#pool.store(bytes)));
    if (error) this.#readAll();
    if (handle === undefined) return;
    if (this.#items.has(handle) || this.#freed.has(handle)) fail(`handle ${handle} was given out twice`);
    this.#items.set(handle, { bytes, refs: 1, same: isSameFilled(bytes) });
  }

  #picked(which: number): [Handle, Item] | undefined {
    return [...this.#items][which % Math.max(this.#items.size, 1)];
  }

  #patch(which: number, from: number, content: Uint8Array): void {
    const [handle, item] = this.#picked(which) ?? [];
    if (handle === undefined || item === undefined) return;
    const offset = from % item.bytes.length;
    const patch = content.subarray(0, item.bytes.length - offset);
    if (this.#allocating(0, () => this.#pool.write(handle, patch, offset))) {
      this.#readAll();
      return;
    }
    item.bytes.set(patch, offset);
    item.same = false;
  }

  #count(op: 'retain' | 'free', which: number): void {
    const [handle, item] = this.#picked(which) ?? [];
    if (handle === undefined || item === undefined) return;
    this.#pool[op](handle);
    item.refs += op === 'retain' ? 1 : -1;
    if (item.refs > 0) return;
    this.#items.delete(handle);
    this.#freed.add(handle);
  }

  #endZswap(): void {
    this.happened.rejected += this.#swap.rejected;
    this.happened.writtenBack += this.#swap.writtenBackPages;
    this.happened.failedWritebacks += this.#swap.failedWritebacks;
    this.#swap.zswap.destroy();
  }

  // ── merging ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What merges changes the number of objects by what it says, and no content. */
  #merging(merge: () => MergeReport): MergeReport {
    if (!this.#passOpen) for (const disk of this.#disks) disk.still = new Set(disk.pages.keys());
    const before = this.#pool.stats();
    const report = merge();
    const after = this.#pool.stats();
    equal(before.objects - after.objects, report.objectsMerged, 'objectsMerged');
    equal(before.bytes - after.bytes, report.bytesMerged, 'bytesMerged');
    this.#readAll();
    this.#passOpen = !report.complete;
    if (report.complete && this.#isExact() && !this.#setting.tight) this.#stillShare();
    return report;
  }

  /** A pass that ended has found all duplicates that existed throughout it. */
  #stillShare(): void {
    const objects = new Map<string, number>();
    for (const { zram, level, pages, still } of this.#disks) {
      for (const index of still) {
        const page = pages[index];
        const object = zram.objectOf(index);
        if (!page || object === undefined) continue;
        const { key } = this.#payloadOf(page, level, HUGE_CLASS_SIZE);
        if ((objects.get(key) ?? object) !== object) fail(`page ${index} was left out by a pass that says complete`);
        objects.set(key, object);
      }
    }
  }

  /** A pass went on or ended, unseen. */
  #passUnknown(): void {
    this.#passOpen = true;
    for (const { still } of this.#disks) still.clear();
  }

  #unchanged(action: () => void): void {
    const { objects, handles, bytes, pagesMerged } = this.#pool.stats();
    action();
    const after = this.#pool.stats();
    equal(
      [after.objects, after.handles, after.bytes, after.pagesMerged],
      [objects, handles, bytes, pagesMerged],
      'stats',
    );
    this.#readAll();
  }

  /** Batches of the scanner in the background, one after the other. */
  #tick(batches: number): void {
    const timers = new HeldTimers();
    timers.during(() => {
      this.#ksmd.start();
      for (let n = 0; n < batches; n++) timers.fire();
      this.#ksmd.stop();
    });
    if (this.#ksmd.running) fail('the scanner was stopped');
    this.#passUnknown();
    this.#readAll();
  }

  #unmerge(): void {
    if (!this.#allocating(0, () => this.#ksmd.unmerge())) equal(this.#pool.stats().pagesMerged, 0, 'pagesMerged');
    this.#passUnknown();
    this.#readAll();
  }

  /** Merges until there is nothing left to look at: then each content is there once. */
  #settle(): void {
    for (let round = 0; this.#merging(() => this.#pool.merge()).objectsScanned > 0; round++) {
      if (round === 4 && !this.#setting.tight) fail('merging an unchanged pool looks at objects again and again');
      if (round === 4) return;
    }
    const { objects, bytes } = this.#pool.stats();
    const payloads = new Map(this.#references().map(({ key, length }) => [key, length]));
    if (this.#setting.tight && objects > payloads.size) return; // no cell for a group: left out, and never half done
    const sum = [...payloads.values()].reduce((total, length) => total + length, 0);
    if (this.#isExact()) equal([objects, bytes], [payloads.size, sum], 'objects and bytes after a full merge');
    else if (objects > payloads.size) fail(`${objects} objects of ${payloads.size} contents`);
  }

  // ── checks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * With deduplication a page may have the object that a device of another level made of it; and where hashes collide,
   * that of a whole page which a handle holds.
   */
  #isExact(): boolean {
    const { dedup, levels, weakHash } = this.#setting;
    return dedup === 0 || (!weakHash && levels.every((level) => level === 1));
  }

  /** What a page is stored as; `rawFrom` is the size from which that is the page itself. */
  #payloadOf(page: Uint8Array, level: number, rawFrom: number): { key: string; length: number } {
    const name = `${PAGES.indexOf(page)} ${level} ${rawFrom}`;
    let payload = this.#payloads.get(name);
    if (!payload) {
      const { lz4 } = this.#setting;
      const staging = lz4.stagingAddress();
      memoryOf(lz4).set(page, staging);
      const length = lz4.lz4Compress(level);
      const block = memoryOf(lz4).subarray(staging + PAGE_SIZE, staging + PAGE_SIZE + length);
      payload = length >= rawFrom ? rawPayload(page) : { key: `lz4 ${Buffer.from(block).toString('latin1')}`, length };
      this.#payloads.set(name, payload);
    }
    return payload;
  }

  /** The payload of each handle of the pool that has an object. */
  #references(): { key: string; length: number }[] {
    const onDisks = this.#disks.flatMap(({ pages, level }) =>
      pages.flatMap((page) => (page && !isSameFilled(page) ? [this.#payloadOf(page, level, HUGE_CLASS_SIZE)] : [])),
    );
    const inZswap = this.#swap.held.flatMap((page) =>
      isSameFilled(page) ? [] : [this.#payloadOf(page, 1, PAGE_SIZE)],
    );
    const items = [...this.#items.values()].flatMap(({ bytes, same }) => (same ? [] : [rawPayload(bytes)]));
    return [...onDisks, ...inZswap, ...items];
  }

  #check(): void {
    const { engine, limit } = this.#setting;
    checkPools(engine);
    const references = this.#references();
    const { objects, handles, bytes, bytesSaved, pagesMerged, pagesAllocated } = this.#pool.stats();
    const same = [...this.#items.values()].filter((item) => item.same).length;
    const sameInZswap = this.#swap.held.filter(isSameFilled).length;
    equal(handles, references.length + same + sameInZswap, 'handles');
    equal(pagesMerged, references.length - objects, 'pagesMerged');
    const sum = references.reduce((total, { length }) => total + length, 0);
    if (this.#isExact()) equal(bytes + bytesSaved, sum, 'bytes stored and saved');
    if (limit !== undefined && pagesAllocated * PAGE_SIZE > limit) fail('the limit is passed');
    if (engine.memory.reserved > engine.memory.limit) fail('maxMemory is passed');
    for (const { zram, pages } of this.#disks) {
      const stored = pages.filter((page) => page !== undefined);
      const { mmStat } = zram;
      equal(mmStat.origDataSize, stored.length * PAGE_SIZE, 'origDataSize');
      equal(mmStat.samePages, stored.filter(isSameFilled).length, 'samePages');
      equal([mmStat.comprDataSize, mmStat.pagesMerged], [bytes, pagesMerged], 'what a device tells of its pool');
    }
    this.#swap.check(this.#totalBytes(), (page) => this.#payloadOf(page, 1, PAGE_SIZE).length === PAGE_SIZE);
    const { pagesShared, pagesSharing, pagesUnshared, pagesVolatile } = this.#ksmd.stats();
    equal(
      [pagesSharing, pagesShared + pagesUnshared + pagesVolatile],
      [pagesMerged, objects],
      'counters of the scanner',
    );
  }

  #readAll(): void {
    const zeros = new Uint8Array(PAGE_SIZE);
    this.#disks.forEach(({ zram, pages }, n) => {
      const held = zram.readPages(0, DISK_PAGES);
      pages.forEach((page, index) => {
        const read = held.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
        if (!sameBytes(read, page ?? zeros)) fail(`page ${index} of disk ${n} reads wrong`);
      });
    });
    for (const [handle, { bytes }] of this.#items) {
      if (!sameBytes(this.#pool.read(handle), bytes)) fail(`handle ${handle} reads wrong`);
    }
    if (!this.#setting.exclusiveLoads) this.#swap.readAll();
  }

  /** Ends one user after the other: the others stay whole, and at last all memory is free. */
  end(): void {
    const { engine } = this.#setting;
    this.#readAll();
    this.#swap.readAll();
    this.#endZswap();
    this.#swap = this.#makeZswap();
    this.#readAll();
    for (const [n, disk] of this.#disks.entries()) {
      disk.zram.discard(0, DISK_PAGES * PAGE_SIZE);
      disk.pages.fill(undefined);
      this.#check();
      this.#readAll();
      if (n === 0)
        for (const [handle, { refs }] of this.#items) for (let ref = 0; ref < refs; ref++) this.#pool.free(handle);
      if (n > 0) continue;
      for (const handle of this.#items.keys()) this.#freed.add(handle);
      this.#items.clear();
      for (const handle of this.#freed) isNoHandle(this.#pool, handle);
    }
    for (const { zram } of this.#disks) zram.destroy();
    this.#swap.zswap.destroy();
    this.#ksmd.destroy();
    const { objects, handles, bytes, bytesSaved, dedupIndexBytes, dedupCacheBytes } = this.#pool.stats();
    equal(
      [this.#pool.totalPages, objects, handles, bytes, bytesSaved, dedupIndexBytes, dedupCacheBytes],
      [0, 0, 0, 0, 0, 0, 0],
      'the emptied pool',
    );
    this.#pool.merge(); // ends an open pass, which holds its index
    // Cells are not given back, and each chunk of them has 8 bytes that serve none.
    const kept = engine.memory.used - this.#usedWithPool;
    if (kept < 0 || kept > 8) fail(`${kept} bytes stay in use`);
    this.#pool.destroy();
    equal(engine.memory.used, this.#usedAtStart, 'memory that is used when all is gone');
  }
}

function rawPayload(bytes: Uint8Array): { key: string; length: number } {
  return { key: `raw ${Buffer.from(bytes).toString('latin1')}`, length: bytes.length };
}
